import { LimiterFactory, MemoryStorage } from 'aioflux'
import { describe, expect, it } from 'vitest'
import { shadowExam } from '../exams/shadow-exam.ts'

describe('shadows in memory', () => {
  shadowExam((clock) => new MemoryStorage({ clock }))

  it('answer at once too', () => {
    const limiter = LimiterFactory.tokenBucket({ rate: 1, per: '1d', shadow: true })
    expect([limiter.allow('a'), limiter.allow('a')]).toEqual([true, true])
    expect(limiter.decide('a').wouldDeny).toBe(true)
    expect(() => LimiterFactory.tokenBucket({ rate: 1, shadow: 1 as unknown as true })).toThrow(
      /shadow/,
    )
  })
})
