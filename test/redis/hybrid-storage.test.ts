import { HybridStorage, RedisStorage } from 'aioflux/redis'
import { ManualClock, storageExam } from 'aioflux/testing'
import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { afterAll, beforeAll, describe, inject, it } from 'vitest'

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

// The laws are all kept as they stand, with lots too: one process spends its own, and where a lot is too small for a call
// it goes back first. Time stands still between calls, so nothing has aged that could be missing.
for (const strict of [false, true]) {
  for (const [name, client] of [
    ['node-redis', nodeRedis],
    ['ioredis', ioredis],
  ] as const) {
    describe(`hybrid storage, ${strict ? 'strict' : 'with lots'}, ${name}`, () => {
      const exam = storageExam(() => {
        const clock = new ManualClock('1h')
        const prefix = `hybrid-exam-${process.pid}-${count++}`
        const redis = new RedisStorage({ client, clock, prefix })
        return {
          storage: new HybridStorage({ redis, clock, strict }),
          clock,
          advance: async (duration) => {
            await clock.advanceAsync(duration)
            await new Promise((resolve) => setTimeout(resolve, 10))
            await clock.advanceAsync(0)
          },
          // Values live by the time to live of the server, which nobody can turn forward.
          advanceValues: async (duration) => {
            clock.advance(duration)
            const millis = Number.parseInt(String(duration), 10) + 5
            await new Promise((resolve) => setTimeout(resolve, millis))
          },
        }
      })
      for (const law of exam) it(law.name, () => law.run())
    })
  }
}
