import { LimiterFactory } from 'aioflux'
import { ManualClock, seeded } from 'aioflux/testing'
import { describe, expect, it } from 'vitest'

function make(options = {}) {
  const clock = new ManualClock('1h')
  return { clock, limiter: LimiterFactory.adaptive({ window: '10s', clock, ...options }) }
}

describe('adaptive', () => {
  it('never lowers its rate for its own denials', () => {
    const { clock, limiter } = make()
    for (let second = 0; second < 100; second++) {
      for (let i = 0; i < 1000; i++) if (limiter.allow()) limiter.reportSuccess()
      clock.advance('1s')
    }
    expect(limiter.currentRate).toBeGreaterThan(100)
  })

  it('halves on failures, once for all the calls that were already under way', () => {
    const { limiter } = make()
    for (let i = 0; i < 60; i++) expect(limiter.allow()).toBe(true)
    for (let i = 0; i < 60; i++) limiter.reportError()
    expect(limiter.currentRate).toBe(50)
  })

  it('halves again when calls begun after that fail too, down to minRate', () => {
    const { clock, limiter } = make()
    for (let round = 0; round < 10; round++) {
      clock.advance('1s')
      for (let i = 0; i < 10; i++) if (limiter.allow()) limiter.reportError()
    }
    expect(limiter.currentRate).toBe(10)
  })

  it('ignores outcomes of calls it did not let through', () => {
    const { limiter } = make()
    for (let i = 0; i < 100; i++) limiter.reportError()
    expect(limiter.currentRate).toBe(100)
  })

  it('does not rise while nobody needs it', () => {
    const { clock, limiter } = make()
    for (let second = 0; second < 100; second++) {
      if (limiter.allow()) limiter.reportSuccess()
      clock.advance('1s')
    }
    expect(limiter.currentRate).toBe(100)
  })

  it('takes a slow success for a failure', () => {
    const { limiter } = make({ targetLatency: '100ms' })
    for (let i = 0; i < 20; i++) limiter.allow()
    for (let i = 0; i < 20; i++) limiter.reportSuccess('50ms')
    expect(limiter.currentRate).toBe(100)
    for (let i = 0; i < 20; i++) limiter.allow()
    for (let i = 0; i < 20; i++) limiter.reportSuccess(0.2)
    expect(limiter.currentRate).toBe(50)
  })

  it('stands errors up to its threshold', () => {
    const { clock, limiter } = make({ errorThreshold: 0.2 })
    for (let second = 0; second < 100; second++) {
      for (let i = 0; i < 10; i++) {
        if (!limiter.allow()) continue
        if (i === 9) limiter.reportError()
        else limiter.reportSuccess()
      }
      clock.advance('1s')
    }
    expect(limiter.currentRate).toBe(100)
  })

  it('really lets through what its rate says', () => {
    const { clock, limiter } = make({ increaseStep: 5 })
    let admitted = 0
    for (let i = 0; i < 10; i++) if (limiter.allow()) limiter.reportError()
    clock.advance('5s')
    for (let i = 0; i < 1000; i++) {
      if (limiter.allow()) {
        admitted++
        limiter.reportSuccess()
      }
      clock.advance('2ms')
    }
    expect(limiter.currentRate).toBe(50)
    expect(admitted).toBeGreaterThanOrEqual(145)
    expect(admitted).toBeLessThanOrEqual(151)
  })

  it('finds the rate of a server that sheds load, and finds it again when that changes', () => {
    const { clock, limiter } = make({
      initialRate: 100,
      increaseStep: 10,
      window: '1s',
      maxRate: 2000,
    })
    const random = seeded(1)
    let capacity = 300
    let room = 0
    const rates: number[] = []
    for (let tick = 0; tick < 40_000; tick++) {
      if (tick === 20_000) capacity = 120
      const noise = 0.9 + random() * 0.2
      room = Math.min(room + (capacity / 100) * noise, capacity / 100 + 1)
      for (let i = 0; i < 20; i++) {
        if (!limiter.allow()) continue
        if (room >= 1) limiter.reportSuccess()
        else limiter.reportError()
        if (room >= 1) room -= 1
      }
      clock.advance('10ms')
      rates.push(limiter.currentRate)
    }
    const mean = (part: number[]) => part.reduce((sum, rate) => sum + rate, 0) / part.length
    const before = mean(rates.slice(10_000, 20_000))
    const after = mean(rates.slice(30_000))
    expect(before).toBeGreaterThan(300 * 0.6)
    expect(before).toBeLessThan(300 * 1.25)
    expect(after).toBeGreaterThan(120 * 0.6)
    expect(after).toBeLessThan(120 * 1.3)
  })

  it.each([
    ['minRate', { minRate: 0 }],
    ['maxRate', { maxRate: 5 }],
    ['initialRate', { initialRate: 5000 }],
    ['increaseStep', { increaseStep: -1 }],
    ['decreaseFactor', { decreaseFactor: 2 }],
    ['errorThreshold', { errorThreshold: Number.NaN }],
    ['window', { window: 0 }],
    ['targetLatency', { targetLatency: 'soon' }],
  ])('refuses a bad %s', (option, options) => {
    expect(() => LimiterFactory.adaptive(options as object)).toThrow(new RegExp(`^${option} must`))
  })
})
