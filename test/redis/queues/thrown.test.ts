import { QueueFactory } from 'aioflux'
import { RedisStorage } from 'aioflux/redis'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { clients, libraries, type OpenClient } from '../../support/clients.ts'
import { thrown } from '../../support/thrown.ts'

describe.each(libraries)('what handlers may throw, by %s', (library) => {
  let open: OpenClient
  let storage: RedisStorage
  beforeAll(async () => {
    open = await clients[library](inject('redisUrl'))
    storage = new RedisStorage({ client: open.client, prefix: `thrown-${crypto.randomUUID()}` })
  })
  afterAll(async () => {
    await storage.close()
    open.end()
  })

  it.each(thrown)('%s fails its job, and can be looked at', async (name, make) => {
    const queue = QueueFactory.fifo<string>({
      name,
      storage,
      retry: { attempts: 2, backoff: 0 },
      handler: async () => Promise.reject(make()),
    })
    queue.on('failed', () => {})
    await queue.start()
    await expect(queue.submit('a', { id: 'a', timeout: '5s' })).rejects.toMatchObject({
      code: 'JOB_FAILED',
    })
    expect(await queue.counts()).toMatchObject({ dead: 1, failed: 1, running: 0 })
    const [death] = await queue.deadByError()
    expect(death).toMatchObject({ error: expect.any(String), count: 1 })
    expect(await queue.job('a')).toMatchObject({
      error: { name: expect.any(String), message: death?.error },
      tries: [{ error: { message: death?.error } }, { error: { message: death?.error } }],
    })
    await queue.stop()
  })
})
