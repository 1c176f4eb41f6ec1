import { createLimiter, LimiterFactory, MemoryStorage, tokenBucket } from 'aioflux'
import { ManualClock } from 'aioflux/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

const DAY = 86_400

describe('what a compact ledger counts', () => {
  it.each([0, 1, 30, 150, 365, 3650])('is as exact after %i days', (days) => {
    for (const [rate, burst, cost] of [
      [1e6, 1, 0.001],
      [1e6, 1000, 0.001],
      [1e7, 100, 0.01],
      [1e6, 1e6, 100.001],
      [1000, 10, 0.001],
      [1 / 60, 5, 0.1],
      [100, 100, 1],
    ] as const) {
      for (const maxKeys of [100_000, 5]) {
        const clock = new ManualClock()
        const storage = new MemoryStorage({ clock, maxKeys })
        const limiter = LimiterFactory.tokenBucket({ rate, burst, storage })
        limiter.allow('a', cost)
        // Not in one leap: a line of ticks that is never looked at need not be moved.
        for (let i = 0; i < 5; i++) {
          clock.advance((days * DAY) / 5)
          limiter.allow('b', cost)
        }
        let passed = 0
        const most = (burst / cost) * 2 + 10
        while (passed < most && limiter.allow('a', cost)) passed += 1
        expect(passed).toBe(Math.floor(burst / cost + 1e-9) - (days === 0 ? 1 : 0))
      }
    }
  })

  it.each([
    [1e7, 10, 0.001],
    [1e7, 10, 0.003],
    [1e7, 1, 0.001],
    [1e7, 10, 1 / 64],
    [1e9, 10, 0.01],
    [1e10, 5, 1],
    [1e7, 1000, 0.001],
    [1e6, 10, 0.0001],
    [10, 10, 0.001],
    [100, 10, 0.1],
    [1, 1, 0.00001],
  ])(
    'is exact at once and in the long run: rate %f, burst %f, costs of %f',
    (rate, burst, cost) => {
      const clock = new ManualClock()
      const rule = tokenBucket({ rate, burst })
      const state = rule.fresh(0)
      for (const take of [
        () => LimiterFactory.tokenBucket({ rate, burst, clock }),
        () => LimiterFactory.leakyBucket({ rate, capacity: burst, clock }),
      ]
        .map((make) => {
          const limiter = make()
          return () => limiter.allow('a', cost)
        })
        .concat(() => rule.reserve(state, Math.round(clock.now() * 1000), cost, 0) === 0)) {
        let passed = 0
        const most = Math.floor(burst / cost + 1e-6)
        while (passed <= most && take()) passed += 1
        expect(passed).toBe(most)
        // Each microsecond gives back a part, and no more.
        const began = clock.now()
        for (let i = 0; i < 300; i++) {
          clock.advance(i % 3 === 0 ? 1e-6 : 1.7e-5)
          for (let k = 0; k < 20 && take(); k++) passed += 1
        }
        const seconds = Math.round((clock.now() - began) * 1000) / 1e6
        expect(passed * cost).toBeLessThanOrEqual(burst + rate * seconds + cost / 2 + 1e-6)
      }
    },
  )

  it.each(['1s', '1m', '1h', '1d', '30d'] as const)('costs in decimals fill %s exactly', (per) => {
    for (const rate of [1, 7, 10, 50, 1000]) {
      for (const burst of [1, 5, 20, 64, 100]) {
        for (const cost of [0.1, 0.3, 0.7, 0.25, 0.01]) {
          const clock = new ManualClock()
          for (const limiter of [
            LimiterFactory.tokenBucket({ rate, per, burst, clock }),
            LimiterFactory.leakyBucket({ rate, per, capacity: burst, clock }),
          ]) {
            let passed = 0
            while (limiter.allow('a', cost)) passed += 1
            expect(passed, `${rate} ${burst} ${cost}`).toBe(Math.floor(burst / cost + 1e-9))
          }
        }
      }
    }
  })

  it('is what one record for each key counts, whatever the costs, rates and times', () => {
    const cost = fc.oneof(
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 1, max: 5000 }).map((thousandths) => thousandths / 1000),
    )
    const step = fc.record({
      wait: fc.oneof(fc.integer({ min: 0, max: 50 }), fc.constant(200 * DAY * 1e6)),
      key: fc.constantFrom('a', 'b', 'c'),
      cost,
      back: fc.boolean(),
    })
    fc.assert(
      fc.property(
        fc.constantFrom(1, 1000, 1e6),
        fc.array(step, { maxLength: 60 }),
        (rate, steps) => {
          const clock = new ManualClock()
          const compact = LimiterFactory.tokenBucket({ rate, burst: 50, clock })
          const record = createLimiter(tokenBucket({ rate, burst: 50 }), { clock })
          for (const { wait, key, cost, back } of steps) {
            clock.advance(wait / 1e6)
            if (back) {
              void compact.release(key, cost)
              void record.release(key, cost)
            }
            const seen = compact.decide(key, cost)
            const wanted = record.decide(key, cost)
            // They may differ where a hair decides.
            if (seen.allowed !== wanted.allowed) return
            expect(Math.abs(seen.remaining - wanted.remaining)).toBeLessThanOrEqual(1)
          }
        },
      ),
    )
  })

  it('goes on when the costs become fractions, when the rate changes, and when few keys become many', async () => {
    const clock = new ManualClock()
    const limiter = LimiterFactory.tokenBucket({ rate: 1e6, burst: 1000, clock })
    limiter.allow('a', 1000)
    expect(limiter.allow('a', 0.5)).toBe(false)
    clock.advance(0.0005)
    expect((await limiter.peek('a')).remaining).toBe(500)
    expect(limiter.allow('a', 0.501)).toBe(true)
    expect((await limiter.peek('a')).remaining).toBe(499)
    for (let i = 0; i < 10_000; i++) limiter.allow(`many ${i}`, 100.001)
    expect((await limiter.peek('a')).remaining).toBe(499)
    await limiter.reconfigure({ rate: 1000, burst: 2000 })
    expect((await limiter.peek('a')).remaining).toBe(1499)
    clock.advance(0.001)
    expect((await limiter.peek('a')).remaining).toBe(1500)
  })
})

describe('blocks', () => {
  it('hold however many there are, and leave nothing behind', async () => {
    for (const make of [
      (clock: ManualClock) =>
        LimiterFactory.tokenBucket({ rate: 1, storage: new MemoryStorage({ clock, maxKeys: 5 }) }),
      (clock: ManualClock) =>
        LimiterFactory.slidingWindow({
          rate: 1,
          storage: new MemoryStorage({ clock, maxKeys: 5 }),
        }),
    ]) {
      const clock = new ManualClock()
      const limiter = make(clock)
      for (let i = 0; i < 500; i++) await limiter.block(`${i}`, '10m')
      for (let i = 0; i < 500; i++) expect((await limiter.peek(`${i}`)).allowed).toBe(false)
      clock.advance('10m')
      expect((await limiter.peek('0')).allowed).toBe(true)
    }
  })
})
