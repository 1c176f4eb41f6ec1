import { HybridStorage, RedisStorage } from 'aioflux/redis'
import type { ManualClock } from 'aioflux/testing'
import { Redis } from 'ioredis'
import { afterAll, describe, inject } from 'vitest'
import { fleetExam } from '../exams/fleet-exam.ts'

const client = new Redis(inject('redisUrl'))
afterAll(() => client.disconnect())

// The time of the fleet is simulated; only an outage goes by real time, and a machine that is busy is none.
const storage = (clock: ManualClock, fleet: string) =>
  new RedisStorage({ client, clock, prefix: `fleet:${fleet}`, timeout: '1m' })

describe('adaptive limiters of many processes, over Redis', () => {
  fleetExam(storage)
})

describe('adaptive limiters of many processes, over both', () => {
  fleetExam((clock, fleet) => new HybridStorage({ redis: storage(clock, fleet), clock }), {
    lends: true,
  })
})
