// What advise counts, against the limiters that replay asks, and against counts by hand.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { denialsOf, peakOf } from '../../../src/cli/advise/denials.ts'
import { Effects } from '../../../src/cli/advise/effects.ts'
import { History } from '../../../src/cli/advise/history.ts'
import { smallestRate } from '../../../src/cli/advise/search.ts'
import { Judge } from '../../../src/cli/judging/judge.ts'
import { ALGORITHMS, type Algorithm, parseLimit } from '../../../src/cli/judging/limit.ts'

interface Record {
  key: string
  time: number
  cost: number
}

const PER = 2_000_000

function historyOf(records: readonly Record[], costly: boolean, most?: number, keys?: number) {
  const history = new History(costly, most, keys)
  for (const record of records) history.add(record)
  return history
}

/** What `aioflux replay` says. */
function replayed(algorithm: Algorithm, rate: number, records: readonly Record[]) {
  const judge = new Judge({ algorithm, limits: [parseLimit(`${rate}/2s`, algorithm, undefined)] })
  const denied = judge.judge(records).filter(({ allowed }) => !allowed)
  return { denied: denied.length, deniedKeys: new Set(denied.map(({ key }) => key)).size }
}

const record = (most: number, cost: fc.Arbitrary<number>) =>
  fc.record({ key: fc.constantFrom('a', 'b', 'c'), gap: fc.nat(most), cost })

/** Gaps of whole and half windows are likely, because that is where verdicts are close. */
const log = (cost: fc.Arbitrary<number> = fc.constant(1)) =>
  fc
    .array(
      fc.oneof(
        record(700, cost),
        record(4, cost).map((r) => ({ ...r, gap: r.gap * 500 })),
      ),
      {
        minLength: 1,
        maxLength: 50,
      },
    )
    .map((steps) => {
      let time = 1_700_000_000_000
      return steps.map(({ key, gap, cost }) => {
        time += gap
        return { key, time, cost }
      })
    })

describe.each(ALGORITHMS)('%s', (algorithm) => {
  it('denies what replay denies, at every rate', () => {
    fc.assert(
      fc.property(log(), (records) => {
        const effects = new Effects(historyOf(records, false).grouped(), PER)
        for (let rate = 1; rate <= effects.highest + 1; rate++) {
          expect(effects.of(algorithm, rate)).toEqual(replayed(algorithm, rate, records))
        }
      }),
      { numRuns: 25 },
    )
  })

  it('denies what replay denies, with costs', () => {
    fc.assert(
      fc.property(log(fc.integer({ min: 0, max: 5 })), (records) => {
        const effects = new Effects(historyOf(records, true).grouped(), PER)
        for (let rate = 1; rate <= effects.highest + 1; rate++) {
          expect(effects.of(algorithm, rate)).toEqual(replayed(algorithm, rate, records))
        }
      }),
      { numRuns: 25 },
    )
  })

  it.each([
    ['requests', false],
    ['keys', false],
    ['requests', true],
  ] as const)('finds the rate that an exhaustive search finds: by %s, costs %s', (by, costly) => {
    const costs = costly ? fc.integer({ min: 1, max: 7 }) : fc.constant(1)
    fc.assert(
      fc.property(log(costs), fc.integer({ min: 0, max: 40 }), (records, most) => {
        const effects = new Effects(historyOf(records, costly).grouped(), PER)
        const value = (effect: { denied: number; deniedKeys: number }) =>
          by === 'requests' ? effect.denied : effect.deniedKeys
        const allowed = by === 'requests' ? most : Math.floor(most / 15)
        let rate = 1
        while (value(replayed(algorithm, rate, records)) > allowed) rate += 1
        const found = smallestRate(effects, algorithm, costly, (e) => value(e) <= allowed)
        expect(found).toEqual({ rate, smallest: true, effect: replayed(algorithm, rate, records) })
      }),
      { numRuns: 25 },
    )
  })

  it('agrees with replay where a window holds more moments than the limiter keeps', () => {
    const records = Array.from({ length: 3000 }, (_, i) => ({
      key: `k${i % 2}`,
      time: 1_700_000_000_000 + i * 3 + (i % 7),
      cost: 1,
    }))
    const effects = new Effects(historyOf(records, false).grouped(), PER)
    for (const rate of [127, 128, 129, 200, 300, 330, 340]) {
      expect(effects.of(algorithm, rate)).toEqual(replayed(algorithm, rate, records))
    }
    expect(effects.of(algorithm, 200).denied).toBeGreaterThan(100)
  })
})

it('the sliding window, counted by hand: never more than the rate in any window', () => {
  fc.assert(
    fc.property(log(), fc.integer({ min: 1, max: 6 }), (records, rate) => {
      const requests = historyOf(
        records.map((r) => ({ ...r, key: 'a' })),
        false,
      ).grouped()
      const passed: number[] = []
      let denied = 0
      for (const { time } of records) {
        if (passed.filter((at) => at > time - PER / 1000).length < rate) passed.push(time)
        else denied += 1
      }
      expect(denialsOf('sliding-window', rate, PER)(requests, 0, records.length)).toBe(denied)
    }),
  )
})

it('the peak is the most in any window', () => {
  fc.assert(
    fc.property(log(fc.integer({ min: 0, max: 9 })), (records) => {
      const requests = historyOf(
        records.map((r) => ({ ...r, key: 'a' })),
        true,
      ).grouped()
      const sums = records.map(({ time }) =>
        records
          .filter((other) => other.time <= time && other.time > time - PER / 1000)
          .reduce((sum, { cost }) => sum + cost, 0),
      )
      // Those of one moment after another in the list are not yet there for the earlier ones.
      expect(peakOf(requests, 0, records.length, PER)).toBe(Math.max(...sums))
    }),
  )
})

describe('History', () => {
  const busy = (count: number) =>
    Array.from({ length: count }, (_, i) => ({
      key: i % 9 === 0 ? 'busy' : `key ${i % 5000}`,
      time: 1_700_000_000_000 + i,
      cost: 1,
    }))

  it.each([
    ['requests', 8000, 1_000_000],
    ['keys', 1_000_000, 2000],
  ])('stays within its bound of %s', (_what, most, keys) => {
    const records = busy(30_000)
    const history = historyOf(records, false, most, keys)
    expect(history.thinned).toBeGreaterThan(0)
    expect(history.requests).toBe(30_000)
    expect(history.keys.length).toBeLessThanOrEqual(keys)
    const requests = history.grouped()
    expect(requests.times.length).toBeLessThan(most)
    expect(history.keptUntil).toBeUndefined()
    // The busiest key is whole, and each kept key has all of its requests, in order.
    const own = new Map<string, number[]>()
    for (const { key, time } of records) own.set(key, [...(own.get(key) ?? []), time])
    for (const [id, key] of history.keys.entries()) {
      const times = [...requests.times.slice(requests.starts[id], requests.starts[id + 1])]
      expect(times).toEqual(own.get(key)!.map((time) => (time - records[0]!.time) * 1000))
    }
    expect(history.keys).toContain('busy')
    expect(history.weights[history.keys.indexOf('busy')]).toBe(1)
  })

  it('stays within its bound where one key asks for all, and says up to when it kept', () => {
    const records = busy(30_000).map((each) => ({ ...each, key: 'all' }))
    const history = historyOf(records, false, 5000)
    expect(history).toMatchObject({ requests: 30_000, keptUntil: records[4999]!.time })
    expect(history.grouped().times.length).toBe(5000)
  })

  it('estimates near the truth when keys are left out', () => {
    const records = busy(60_000)
    const whole = new Effects(historyOf(records, false).grouped(), PER)
    const some = new Effects(historyOf(records, false, 15_000).grouped(), PER)
    expect(some.size).toBeLessThan(whole.size)
    expect(some.keys / whole.keys).toBeCloseTo(1, 0)
    const share = (effects: Effects) => effects.of('token-bucket', 2).denied / effects.requests
    expect(share(some) / share(whole)).toBeGreaterThan(0.8)
    expect(share(some) / share(whole)).toBeLessThan(1.25)
  })
})
