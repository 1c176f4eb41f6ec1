import { QueueFactory } from 'aioflux'
import { RedisStorage } from 'aioflux/redis'
import { Redis } from 'ioredis'
import { afterAll, describe, expect, inject, it } from 'vitest'
import { until } from '../../support/until.ts'

describe('many dead jobs', () => {
  const client = new Redis(inject('redisUrl'))
  const storage = new RedisStorage({ client, prefix: `redrive-${crypto.randomUUID()}` })
  afterAll(async () => {
    await storage.close()
    client.disconnect()
  })
  /** More than one trip looks at, and changes. */
  const MANY = 2100

  it.each([
    ['all', {}],
    ['by their error', { error: 'broken' }],
    ['the latest', { latest: MANY }],
  ])(
    'are redriven once, though they die again meanwhile: %s',
    { timeout: 60_000 },
    async (how, which) => {
      await using queue = QueueFactory.fifo<number>({
        ...{ name: `again-${how}`, storage, workers: 500, deadLetter: () => {} },
        handler: () => {
          throw new Error('broken')
        },
      })
      await queue.start()
      await queue.putMany(Array.from({ length: MANY }, (_, i) => i))
      const dead = async () => (await queue.counts()).dead === MANY
      await until('all are dead', dead, { within: 30_000 })
      expect(await queue.redrive(which)).toBe(MANY)
      await until('all are dead again', dead, { within: 30_000 })
      expect((await queue.counts()).failed).toBe(2 * MANY)
    },
  )
})
