import { Coordinator } from 'aioflux'
import { RedisStorage } from 'aioflux/redis'
import { ManualClock } from 'aioflux/testing'
import { afterAll, beforeAll, describe, inject, it } from 'vitest'
import { lease } from '../../src/rules/lease.ts'
import { coordinatorExam } from '../exams/coordinator-exam.ts'
import { clients, libraries, type OpenClient } from '../support/clients.ts'

const STEP = 0.5
let count = 0

describe.each(libraries)('coordinator over Redis, %s', (library) => {
  const open: OpenClient[] = []
  beforeAll(async () => {
    const url = inject('redisUrl')
    open.push(await clients[library](url), await clients[library](url))
  })
  afterAll(() => {
    for (const { end } of open) end()
  })
  const exam = coordinatorExam(async () => {
    const clock = new ManualClock('1h')
    const prefix = `coordinator-${process.pid}-${library}-${count++}`
    const [a, b] = open.map(({ client }) => new RedisStorage({ client, clock, prefix }))
    const make = (storage: RedisStorage) => new Coordinator({ storage, clock })
    return {
      a: make(a as RedisStorage),
      b: make(b as RedisStorage),
      clock,
      advance: async (seconds) => {
        for (let left = seconds; left > 1e-9; left -= STEP) {
          await clock.advanceAsync(Math.min(STEP, left))
          // What was sent is answered in real time.
          await (a as RedisStorage).exists('')
          await (b as RedisStorage).exists('')
        }
      },
      forget: async (name) => {
        await a?.open(lease(), 'lease').run('reset', name, 0, 0)
      },
    }
  })
  for (const law of exam) it(law.name, () => law.run())
})
