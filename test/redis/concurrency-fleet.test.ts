import { RedisStorage } from 'aioflux/redis'
import { Redis } from 'ioredis'
import { afterAll, describe, inject } from 'vitest'
import { concurrencyFleetExam } from '../exams/concurrency-fleet-exam.ts'

const client = new Redis(inject('redisUrl'))
afterAll(() => client.disconnect())

describe('adaptive concurrency of many processes, over Redis', () => {
  concurrencyFleetExam(
    (clock, fleet) => new RedisStorage({ client, clock, prefix: `concurrent:${fleet}` }),
    { processes: 2, phases: [40], seconds: 45 },
  )
})
