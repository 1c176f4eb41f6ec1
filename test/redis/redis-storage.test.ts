import { LimiterFactory } from 'aioflux'
import { RedisStorage } from 'aioflux/redis'
import { ManualClock, storageExam } from 'aioflux/testing'
import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'

const url = inject('redisUrl')
let count = 0
const nodeRedis = createClient({ url })
const ioredis = new Redis(url, { lazyConnect: true })
beforeAll(async () => {
  await nodeRedis.connect()
  await ioredis.connect()
})
afterAll(async () => {
  nodeRedis.destroy()
  ioredis.disconnect()
})
for (const [name, client] of [
  ['node-redis', nodeRedis],
  ['ioredis', ioredis],
] as const) {
  describe(`redis storage, ${name}`, () => {
    const exam = storageExam(() => {
      const clock = new ManualClock('1h')
      return {
        storage: new RedisStorage({ client, clock, prefix: `exam-${process.pid}-${count++}` }),
        clock,
        advance: async (duration) => {
          await clock.advanceAsync(duration)
          await new Promise((resolve) => setTimeout(resolve, 10))
          await clock.advanceAsync(0)
        },
        // Values live by the time to live of the server, which nobody can turn forward.
        advanceValues: (duration) =>
          new Promise((resolve) => setTimeout(resolve, Number.parseInt(String(duration), 10) + 5)),
      }
    })
    for (const law of exam) it(law.name, () => law.run())

    it('a composite of two limits that have their counts in common is refused', () => {
      const storage = new RedisStorage({ client })
      const limit = (rate: number, scope?: string) =>
        LimiterFactory.tokenBucket({ rate, storage, ...(scope && { scope }) })
      const { composite } = LimiterFactory
      expect(() => composite(limit(5, 'api'), limit(8, 'api'))).toThrow(/'token-bucket'.*'api'/)
      const inAll = { limiter: limit(8, 'api'), key: () => '' }
      for (const other of [limit(8, 'b'), limit(8), inAll]) composite(limit(5, 'api'), other)
    })
  })
}
