import { HybridStorage, RedisStorage } from 'aioflux/redis'
import type { ManualClock } from 'aioflux/testing'
import { Redis } from 'ioredis'
import { afterAll, describe, inject } from 'vitest'
import { largeCostExam } from '../exams/large-cost-exam.ts'

const client = new Redis(inject('redisUrl'))
afterAll(() => client.disconnect())

// Simulated time: only an outage goes by real time, and a machine that is busy is none.
const storage = (clock: ManualClock) =>
  new RedisStorage({ client, clock, prefix: `large:${crypto.randomUUID()}`, timeout: '1m' })

describe('costs above the present limit, over Redis', () => {
  largeCostExam(storage)
})

describe('costs above the present limit, over both', () => {
  largeCostExam((clock) => new HybridStorage({ redis: storage(clock), clock }))
})
