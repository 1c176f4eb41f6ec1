import { RedisStorage } from 'aioflux/redis'
import { Redis } from 'ioredis'
import { afterAll, describe, inject } from 'vitest'
import { concurrencyFleetExam } from '../exams/concurrency-fleet-exam.ts'

const client = new Redis(inject('redisUrl'))
afterAll(() => client.disconnect())

describe('adaptive concurrency of many processes, over Redis', () => {
  concurrencyFleetExam(
    // Simulated time: only an outage goes by real time, and a machine that is busy is none.
    (clock, fleet) =>
      new RedisStorage({ client, clock, prefix: `concurrent:${fleet}`, timeout: '1m' }),
    { processes: 2, phases: [40], seconds: 45 },
  )
})
