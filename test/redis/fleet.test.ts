import { HybridStorage, RedisStorage } from 'aioflux/redis'
import { Redis } from 'ioredis'
import { afterAll, describe, inject } from 'vitest'
import { fleetExam } from '../exams/fleet-exam.ts'

const client = new Redis(inject('redisUrl'))
afterAll(() => client.disconnect())

describe('adaptive limiters of many processes, over Redis', () => {
  fleetExam((clock, fleet) => new RedisStorage({ client, clock, prefix: `fleet:${fleet}` }))
})

describe('adaptive limiters of many processes, over both', () => {
  fleetExam((clock, fleet) => {
    const redis = new RedisStorage({ client, clock, prefix: `fleet:${fleet}` })
    return new HybridStorage({ redis, clock })
  }, true)
})
