import { HybridStorage, RedisStorage } from 'aioflux/redis'
import { Redis } from 'ioredis'
import { afterAll, describe, inject } from 'vitest'
import { reservationExam } from '../exams/reservation-exam.ts'

const client = new Redis(inject('redisUrl'))
afterAll(() => client.disconnect())
const prefix = () => `reservations:${crypto.randomUUID()}`

describe('reservations over Redis', () => {
  reservationExam((clock) => new RedisStorage({ client, clock, prefix: prefix() }))
})

describe('reservations over both', () => {
  reservationExam((clock) => {
    const redis = new RedisStorage({ client, clock, prefix: prefix() })
    return new HybridStorage({ redis, clock })
  })
})
