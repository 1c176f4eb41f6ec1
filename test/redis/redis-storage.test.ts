import { RedisStorage } from 'aioflux/redis'
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
  })
}
