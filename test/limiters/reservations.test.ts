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

  it.each(['limiter', 'composite'] as const)(
    'what comes back at the end of its time serves the calls that wait: %s',
    async (of) => {
      const clock = new ManualClock()
      const common = { clock, storage: new MemoryStorage({ clock }), scope: 'budget' }
      const make = () => LimiterFactory.tokenBucket({ rate: 100, per: '365d', ...common })
      const limiter = of === 'limiter' ? make() : LimiterFactory.composite(make())
      const reservation = await limiter.reserve('a', 90, { ttl: '10s', onExpire: 'release' })
      const served: string[] = []
      const note = (name: string) => () => void served.push(name)
      // Two limiters that share their counts wait for the same.
      void limiter.wait('a', { cost: 40 }).then(note('first'))
      void make().wait('a', { cost: 40 }).then(note('second'))
      await clock.advanceAsync('9s')
      await reservation?.extend('10s')
      await clock.advanceAsync('9.999s')
      expect(served).toEqual([])
      await clock.advanceAsync('1ms')
      expect(served).toEqual(['first', 'second'])
      // Both are in use for a year: no timer is left but those of calls that wait.
      expect(clock.timers).toBe(0)
    },
  )

  it('a call waits for one of 2,000 open reservations to be settled, also when none ends before its deadline', async () => {
    const clock = new ManualClock()
    const limiter = LimiterFactory.tokenBucket({ rate: 10_000, per: '1d', clock })
    const open = Array.from({ length: 2000 }, () => limiter.reserve('a', 1, { ttl: '1h' }))
    const [first] = await Promise.all(open)
    let served = false
    void limiter.reserve('a', 1, { timeout: '5s' }).then((reservation) => {
      served = reservation !== undefined
    })
    await clock.advanceAsync('2s')
    expect(served).toBe(false)
    await first?.settle(1)
    await clock.advanceAsync(0)
    expect(served).toBe(true)
  })

  it('a reservation that is settled leaves no timer', async () => {
    const clock = new ManualClock()
    const limiter = LimiterFactory.tokenBucket({ rate: 10, clock })
    const reservation = await limiter.reserve('a', 5, { onExpire: 'release' })
    expect(clock.timers).toBe(1)
    await reservation?.extend('1h')
    expect(clock.timers).toBe(1)
    await reservation?.settle(1)
    expect(clock.timers).toBe(0)
  })

  it('an adaptive limiter cannot reserve', async () => {
    const limiter = LimiterFactory.adaptive()
    await expect(limiter.reserve('a', 1)).rejects.toThrow(/adaptive/)
    await expect(limiter.consume('a', { quota: { rate: 1 } })).rejects.toThrow(/quota/)
  })
})
