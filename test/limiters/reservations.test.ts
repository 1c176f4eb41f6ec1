import { LimiterFactory, MemoryStorage } from 'aioflux'
import { ManualClock } from 'aioflux/testing'
import { describe, expect, it } from 'vitest'
import { reservationExam } from '../exams/reservation-exam.ts'

describe('reservations in memory', () => {
  reservationExam((clock) => new MemoryStorage({ clock }))

  it('what is given back serves who waits', async () => {
    const clock = new ManualClock()
    const limiter = LimiterFactory.tokenBucket({ rate: 10, per: '1d', clock })
    const reservation = await limiter.reserve('a', 10)
    const waiting = limiter.wait('a', { cost: 5 })
    await reservation?.settle(2)
    expect((await waiting).remaining).toBe(3)
  })

  it('an adaptive limiter cannot reserve', async () => {
    const limiter = LimiterFactory.adaptive()
    await expect(limiter.reserve('a', 1)).rejects.toThrow(/adaptive/)
    await expect(limiter.consume('a', { quota: { rate: 1 } })).rejects.toThrow(/quota/)
  })
})
