import { LimiterFactory, MemoryStorage } from 'aioflux'
import { ManualClock } from 'aioflux/testing'
import { describe, expect, it } from 'vitest'
import { concurrencyFleetExam } from '../exams/concurrency-fleet-exam.ts'
import { LateStorage, SharedStates } from '../support/late-storage.ts'

describe('adaptive concurrency', () => {
  const storages = new Map<string, MemoryStorage>()
  concurrencyFleetExam((clock, fleet) => {
    const storage = storages.get(fleet) ?? new MemoryStorage({ clock })
    storages.set(fleet, storage)
    return storage
  })

  describe('alone, also while the capacity moves by and by', () => {
    const phases = [40, { from: 40, to: 70 }, { from: 70, to: 25 }, 60]
    concurrencyFleetExam(() => undefined, { processes: 1, phases })
  })

  describe('with classes', () => {
    concurrencyFleetExam(() => undefined, { processes: 1, phases: [40, 15, 60], classes: true })
  })

  describe('of many processes, also while the capacity moves by and by', () => {
    const shared = new Map<string, SharedStates>()
    const phases = [40, { from: 40, to: 70 }, { from: 70, to: 25 }]
    concurrencyFleetExam(
      (clock, fleet) => {
        const states = shared.get(fleet) ?? new SharedStates(clock)
        shared.set(fleet, states)
        return new LateStorage(states, clock)
      },
      { processes: 4, phases, classes: true },
    )
  })

  const make = (options = {}) => {
    const clock = new ManualClock('1h')
    return {
      clock,
      limiter: LimiterFactory.adaptiveConcurrency({ initialLimit: 20, clock, ...options }),
    }
  }

  it('measures what is scheduled and what permits hold', async () => {
    const { clock, limiter } = make()
    const busy = async (latency: number) => {
      const work = Array.from({ length: limiter.currentLimit - 1 }, () =>
        limiter.schedule('', () => new Promise<void>((resolve) => clock.after(latency, resolve))),
      )
      const permit = limiter.tryPermit()
      await new Promise((resolve) => setImmediate(resolve))
      clock.advance(latency / 1000)
      permit?.release()
      await Promise.all(work)
      clock.advance('1s')
    }
    for (let window = 0; window < 5; window++) await busy(50)
    const risen = limiter.currentLimit
    expect(risen).toBeGreaterThan(20)
    for (let window = 0; window < 10; window++) await busy(500)
    expect(limiter.currentLimit).toBeLessThan(risen)
  })

  it('falls when calls are dropped, and counts no errors of another kind', async () => {
    const { clock, limiter } = make({
      isOverload: (error: Error) => error.message === 'too much',
    })
    const failing = async (message: string) => {
      for (let i = 0; i < 12; i++) {
        await limiter.schedule('', () => Promise.reject(new Error(message))).catch(() => {})
      }
      clock.advance('1s')
    }
    await failing('not found')
    await failing('not found')
    expect(limiter.currentLimit).toBe(20)
    await failing('too much')
    await failing('too much')
    expect(limiter.currentLimit).toBe(16)
  })

  it('does not rise while nobody needs it', async () => {
    const { clock, limiter } = make()
    for (let i = 0; i < 200; i++) {
      await limiter.schedule('', () => {})
      limiter.reportSuccess('10ms')
      clock.advance('100ms')
    }
    expect(limiter.currentLimit).toBe(20)
  })

  it('keeps its bounds, and its classes', async () => {
    const { clock, limiter } = make({ minLimit: 10, maxLimit: 24, classes: { batch: 0.5 } })
    for (let i = 0; i < 10; i++) expect(limiter.allow('', { class: 'batch' })).toBe(true)
    expect(limiter.allow('', { class: 'batch' })).toBe(false)
    expect(limiter.allow('')).toBe(true)
    for (let window = 0; window < 30; window++) {
      while (limiter.allow(''));
      for (let i = 0; i < 12; i++) limiter.reportSuccess('50ms')
      clock.advance('1s')
    }
    expect(limiter.currentLimit).toBe(24)
    for (let i = 0; i < 200; i++) {
      limiter.reportError()
      clock.advance('100ms')
    }
    expect(limiter.currentLimit).toBe(10)
  })

  it('names what is wrong', async () => {
    const wrong = (options: object) => () => LimiterFactory.adaptiveConcurrency(options)
    expect(wrong({ minLimit: 0 })).toThrow(/minLimit must be a whole number >= 1/)
    expect(wrong({ minLimit: 5, maxLimit: 4 })).toThrow(/maxLimit/)
    expect(wrong({ initialLimit: 5000 })).toThrow(/initialLimit/)
    expect(wrong({ tolerance: 0.5 })).toThrow(/tolerance/)
    expect(wrong({ window: 0 })).toThrow(/window/)
    expect(wrong({ isOverload: 5 })).toThrow(/isOverload/)
    const { limiter } = make()
    await expect(limiter.reconfigure({ limit: 5 })).rejects.toThrow(/finds its own limit/)
  })
})
