import { fixedWindow, leakyBucket, type Rule, slidingWindow, tokenBucket } from 'aioflux'
import { ruleExam } from 'aioflux/testing'
import { describe, expect, it } from 'vitest'

const HOUR = 3_600e6
const rates: [string, number, number, number][] = [
  // name, rate, per in seconds, burst
  ['one and a half a second', 3, 2, 3],
  ['100 a minute, burst 20', 100, 60, 20],
  ['7 a day', 7, 86_400, 7],
  ['12 in 365 days', 12, 365 * 86_400, 12],
  ['1000 a second', 1000, 1, 50],
]

for (const [name, rate, per, burst] of rates) {
  const bucket = (t: number) => burst + (rate * t) / (per * 1e6)
  describe(`token bucket, ${name}`, () => {
    for (const law of ruleExam({ make: () => tokenBucket({ rate, per, burst }), bound: bucket })) {
      it(law.name, () => law.run())
    }
  })
  describe(`leaky bucket, ${name}`, () => {
    const make = () => leakyBucket({ rate, per, capacity: burst })
    for (const law of ruleExam({ make, bound: bucket })) it(law.name, () => law.run())
  })
  describe(`sliding window, ${name}`, () => {
    // A window of `per` holds at most the rate, so a stretch of t meets at most one window more than it covers.
    const bound = (t: number) => rate * (Math.floor(t / (per * 1e6)) + 1)
    const make = () => slidingWindow({ rate, per })
    for (const law of ruleExam({ make, bound })) it(law.name, () => law.run())
  })
  describe(`fixed window, ${name}`, () => {
    const bound = (t: number) => rate * (Math.floor(t / (per * 1e6)) + 2)
    const make = () => fixedWindow({ rate, per })
    for (const law of ruleExam({ make, bound })) it(law.name, () => law.run())
  })
}

describe('any rate', () => {
  // [rate, per]: from one a month to ten million a second.
  const extremes: [number, number][] = [
    [1, 30 * 86_400],
    [1, 365 * 86_400],
    [0.5, 1],
    [1 / 3, 1],
    [999_983, 1],
    [1_000_000, 1],
    [10_000_000, 1],
    [1_000_000, 3600],
  ]
  for (const [rate, per] of extremes) {
    it(`tokenBucket ${rate} per ${per} s admits what it says over ten fillings, not one more`, () => {
      const rule = tokenBucket({ rate, per, burst: Math.max(1, rate / 100) })
      const state = rule.fresh(0)
      const interval = (per * 1e6) / rate
      const steps = 1000
      const stretch = rule.capacity * interval * 10
      let admitted = 0
      for (let i = 0; i <= steps; i++) {
        const now = Math.round((stretch * i) / steps)
        for (let cost = rule.capacity; cost >= rule.capacity / 1024; cost /= 2) {
          while (rule.reserve(state, now, cost, 0) === 0) admitted += cost
        }
      }
      const bound = rule.capacity + stretch / interval
      expect(admitted).toBeLessThanOrEqual(bound * (1 + 1e-6))
      expect(admitted).toBeGreaterThan(bound * 0.99)
    })
  }

  it('ten million calls one after the other lose and gain nothing', () => {
    const rule: Rule = tokenBucket({ rate: 3, per: 1, burst: 1 })
    const state = rule.fresh(0)
    let admitted = 0
    // A third of a second is not a whole number of microseconds; the error must not add up.
    for (let now = 0; now < HOUR * 24; now += 20_000) {
      if (rule.reserve(state, now, 1, 0) === 0) admitted++
    }
    // Asked every 20 ms, a token of 333.3 ms is noticed every 340 ms.
    expect(admitted).toBe(Math.ceil((HOUR * 24) / 340_000))
  })
})

describe('leaky bucket', () => {
  it('lets waiting calls go evenly, however bunched they came', () => {
    const rule = leakyBucket({ rate: 10, per: '1s' })
    const state = rule.fresh(0)
    const waits = Array.from({ length: 5 }, () => rule.reserve(state, 0, 1, Infinity))
    expect(waits).toEqual([0, 100_000, 200_000, 300_000, 400_000])
  })

  it('overflows at its capacity for those who do not wait', () => {
    const rule = leakyBucket({ rate: 10, per: '1s', capacity: 3 })
    const state = rule.fresh(0)
    expect([1, 1, 1, 1].map((cost) => rule.reserve(state, 0, cost, 0))).toEqual([0, 0, 0, -100_000])
  })
})

describe('fixed window', () => {
  it('opens with the first call and never splits a cost', () => {
    const rule = fixedWindow({ rate: 3, per: '1s' })
    const state = rule.fresh(0)
    expect(rule.reserve(state, 500_000, 2, 0)).toBe(0)
    expect(rule.reserve(state, 1_400_000, 2, 0)).toBe(-100_000)
    expect(rule.reserve(state, 1_500_000, 2, 0)).toBe(0)
  })

  it('books those who wait into the windows that follow', () => {
    const rule = fixedWindow({ rate: 2, per: '1s' })
    const state = rule.fresh(0)
    const waits = Array.from({ length: 6 }, () => rule.reserve(state, 0, 1, Infinity))
    expect(waits).toEqual([0, 0, 1e6, 1e6, 2e6, 2e6])
  })
})

describe('sliding window', () => {
  it('a line that reaches many windows ahead is served in its order, five a window', () => {
    const rule = slidingWindow({ rate: 5, per: 1 })
    const state = rule.fresh(HOUR)
    const places = Array.from({ length: 50 }, () => rule.reserve(state, HOUR, 1, HOUR) / 1e6)
    expect(places).toEqual(Array.from({ length: 50 }, (_, place) => Math.floor(place / 5)))
    expect(rule.remaining(state, HOUR)).toBe(0)
    expect(rule.reserve(state, HOUR, 1, 0)).toBe(-10e6)
    // A clock that is an hour behind the one that wrote this starts anew.
    expect(rule.reserve(state, 0, 1, 0)).toBe(0)
  })

  it('admits exactly as a log does while 128 moments or fewer lie in a window', () => {
    const rule = slidingWindow({ rate: 128, per: '1s' })
    const state = rule.fresh(0)
    const log: number[] = []
    let step = 7
    for (let now = 0; now < 20e6; now += step) {
      step = (step * 31 + 17) % 9_000
      const within = log.filter((at) => at + 1e6 > now).length
      const expected = within < 128
      expect(rule.reserve(state, now, 1, 0) === 0).toBe(expected)
      if (expected) log.push(now)
    }
  })

  it('keeps its state small at any rate, and 98 % of what a log would admit', () => {
    const rule = slidingWindow({ rate: 10_000, per: '1s' })
    const state = rule.fresh(0)
    let admitted = 0
    for (let now = 0; now < 10e6; now += 50) {
      if (rule.reserve(state, now, 1, 0) === 0) admitted++
      expect(state.length).toBeLessThanOrEqual(257)
    }
    expect(admitted).toBeLessThanOrEqual(10 * 10_000)
    expect(admitted).toBeGreaterThan(0.98 * 10 * 10_000)
  })
})
