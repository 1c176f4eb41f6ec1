import { HybridStorage, RedisStorage } from 'aioflux/redis'
import { Redis } from 'ioredis'
import { afterAll, describe, inject } from 'vitest'
import { shadowExam } from '../exams/shadow-exam.ts'

const client = new Redis(inject('redisUrl'))
afterAll(() => client.disconnect())
const prefix = () => `shadow:${crypto.randomUUID()}`

describe('shadows over Redis', () => {
  shadowExam((clock) => new RedisStorage({ client, clock, prefix: prefix() }))
})

describe('shadows over both', () => {
  shadowExam((clock) => {
    const redis = new RedisStorage({ client, clock, prefix: prefix() })
    return new HybridStorage({ redis, clock })
  })
})
