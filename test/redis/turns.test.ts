import { RedisStorage } from 'aioflux/redis'
import { Redis } from 'ioredis'
import { afterAll, describe, inject } from 'vitest'
import { turnExam } from '../exams/turn-exam.ts'

const client = new Redis(inject('redisUrl'))
afterAll(() => client.disconnect())

describe('waiting in groups, over Redis', () => {
  turnExam((clock) => new RedisStorage({ client, clock, prefix: `turns:${crypto.randomUUID()}` }))
})
