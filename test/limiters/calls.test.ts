import { LimiterFactory, MemoryStorage } from 'aioflux'
import { ManualClock } from 'aioflux/testing'
import { describe, expect, it } from 'vitest'
import { callExam } from '../exams/call-exam.ts'

describe('what a call may bring, in memory', () => {
  callExam((clock) => new MemoryStorage({ clock }))

  it('is taken at once too', () => {
    const limiter = LimiterFactory.tokenBucket({ rate: 1, per: '1h', classes: { batch: 0.5 } })
    const quota = { rate: 4, per: '1h' } as const
    expect(limiter.allow('a', { quota, class: 'batch' })).toBe(true)
    expect(limiter.decide('a', { quota, cost: 3 }).remaining).toBe(0)
    expect(limiter.allow('a', { quota })).toBe(false)
  })

  it('a flood of new keys frees no key that is exhausted under its quota', () => {
    const clock = new ManualClock('1h')
    const storage = new MemoryStorage({ clock, maxKeys: 20 })
    const limiter = LimiterFactory.tokenBucket({ rate: 1000, per: '1h', storage })
    const quota = { rate: 2, per: '1h' } as const
    for (let i = 0; i < 20; i++) limiter.allow(`user-${i}`, { cost: 2, quota })
    for (let i = 0; i < 500; i++) limiter.allow(`flood-${i}`, { quota })
    for (let i = 0; i < 20; i++) expect(limiter.allow(`user-${i}`, { quota })).toBe(false)
  })

  it('a thousand plans and more are told apart', () => {
    const limiter = LimiterFactory.slidingWindow({ rate: 1, per: '1h' })
    for (let round = 0; round < 2; round++) {
      for (let rate = 2; rate < 2500; rate++) {
        const { limit } = limiter.decide(`user-${rate}`, { quota: { rate, per: '1h' } })
        expect(limit).toBe(rate)
      }
    }
  })
})
