import { HybridStorage, RedisStorage } from 'aioflux/redis'
import { Redis } from 'ioredis'
import { afterAll, describe, inject } from 'vitest'
import { callExam } from '../exams/call-exam.ts'

const client = new Redis(inject('redisUrl'))
afterAll(() => client.disconnect())
const prefix = () => `calls:${crypto.randomUUID()}`

describe('what a call may bring, over Redis', () => {
  callExam((clock) => new RedisStorage({ client, clock, prefix: prefix() }))
})

describe('what a call may bring, over both', () => {
  callExam((clock) => {
    const redis = new RedisStorage({ client, clock, prefix: prefix() })
    return new HybridStorage({ redis, clock })
  })
})
