import { HybridStorage, RedisStorage } from 'aioflux/redis'
import type { ManualClock } from 'aioflux/testing'
import { Redis } from 'ioredis'
import { afterAll, describe, inject } from 'vitest'
import { concurrencyFleetExam } from '../exams/concurrency-fleet-exam.ts'

const client = new Redis(inject('redisUrl'))
afterAll(() => client.disconnect())

// Simulated time: only an outage goes by real time, and a machine that is busy is none.
const storage = (clock: ManualClock, fleet: string) =>
  new RedisStorage({ client, clock, prefix: `concurrent:${fleet}`, timeout: '1m' })

describe('adaptive concurrency of many processes, over Redis', () => {
  concurrencyFleetExam(storage, { processes: 2, phases: [40], seconds: 45 })
})

describe('adaptive concurrency of many processes, over both', () => {
  concurrencyFleetExam(
    (clock, fleet) => new HybridStorage({ redis: storage(clock, fleet), clock }),
    { processes: 2, phases: [16], seconds: 15, classes: true },
  )
})
