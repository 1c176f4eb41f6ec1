import { QueueFactory } from 'aioflux'
import { RedisStorage } from 'aioflux/redis'
import { afterAll, describe, expect, inject, it } from 'vitest'
import { dedupeExam } from '../exams/dedupe-exam.ts'
import { clients, libraries, type OpenClient } from '../support/clients.ts'
import { freePort } from '../support/free-port.ts'

const open: OpenClient[] = []
afterAll(() => {
  for (const { end } of open) end()
})

for (const library of libraries) {
  describe(`dedupe over Redis by ${library}`, () => {
    dedupeExam(async (clock) => {
      const connection = await clients[library](inject('redisUrl'))
      open.push(connection)
      return new RedisStorage({ client: connection.client, clock })
    })
  })
}

describe('dedupe while Redis is gone', () => {
  it('refuses puts, or takes them all, as onStorageError says', async () => {
    const storage = new RedisStorage({
      url: `redis://127.0.0.1:${await freePort()}`,
      timeout: '100ms',
    })
    const queue = (onStorageError?: 'allow') =>
      QueueFactory.dedupe<string, string>({
        storage,
        handler: (item) => item,
        ...(onStorageError !== undefined && { onStorageError }),
      }).start()
    await expect(queue().submit('x')).rejects.toMatchObject({ code: 'STORAGE_DOWN' })
    expect(await queue('allow').submit('x')).toBe('x')
    await storage.close()
  })
})
