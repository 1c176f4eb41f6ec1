import { HybridStorage, RedisStorage } from 'aioflux/redis'
import { ManualClock } from 'aioflux/testing'
import { Redis } from 'ioredis'
import { afterAll, describe, inject } from 'vitest'
import { guardExam } from '../exams/guard-exam.ts'
import { frameworks } from '../http/servers.ts'

const client = new Redis(inject('redisUrl'))
afterAll(() => client.disconnect())

describe.each(Object.entries(frameworks))('%s', (_name, start) => {
  const make = () => {
    const clock = new ManualClock('1h')
    const prefix = `guard:${crypto.randomUUID()}`
    return { clock, storage: new RedisStorage({ client, clock, prefix }) }
  }

  describe('over Redis', () => {
    guardExam(start, make)
  })

  describe('over both', () => {
    guardExam(start, () => {
      const { clock, storage } = make()
      return { clock, storage: new HybridStorage({ redis: storage, clock }) }
    })
  })
})
