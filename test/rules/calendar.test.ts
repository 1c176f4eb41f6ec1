import { fixedWindow, LimiterFactory, MemoryStorage } from 'aioflux'
import { ManualClock, ruleExam } from 'aioflux/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Align, Calendar } from '../../src/rules/calendar.ts'

const micros = (date: string) => Date.parse(date) * 1000
const aligns: Align[] = ['minute', 'hour', 'day', 'week', 'month']
/** With summer time, without, half and quarter hours, midnights that do not exist, and those that come twice. */
const zones = [
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'Asia/Kolkata',
  'Asia/Kathmandu',
  'America/Sao_Paulo',
  'America/Havana',
  'Asia/Beirut',
  'Pacific/Apia',
  'Australia/Sydney',
]

describe('a calendar', () => {
  const starts: [zone: string, align: Align, at: string, start: string][] = [
    ['UTC', 'minute', '2026-11-29T12:34:56Z', '2026-11-29T12:34:00Z'],
    ['Asia/Kolkata', 'hour', '2026-11-29T12:34:56Z', '2026-11-29T12:30:00Z'],
    ['Europe/Berlin', 'day', '2026-11-29T23:30:00Z', '2026-11-29T23:00:00Z'],
    // 25 hours in autumn, 23 in spring.
    ['Europe/Berlin', 'day', '2026-10-25T22:59:59Z', '2026-10-24T22:00:00Z'],
    ['Europe/Berlin', 'day', '2026-10-25T23:00:00Z', '2026-10-25T23:00:00Z'],
    ['Europe/Berlin', 'day', '2026-03-29T21:59:59Z', '2026-03-28T23:00:00Z'],
    // The clock went from 00:00 to 01:00, and came to 00:00 twice.
    ['America/Sao_Paulo', 'day', '2018-11-04T12:00:00Z', '2018-11-04T03:00:00Z'],
    ['America/Havana', 'day', '2026-11-01T12:00:00Z', '2026-11-01T04:00:00Z'],
    // This day had no Friday before it: 2011-12-30 was left out.
    ['Pacific/Apia', 'day', '2011-12-31T00:00:00Z', '2011-12-30T10:00:00Z'],
    ['UTC', 'week', '2026-11-29T12:00:00Z', '2026-11-23T00:00:00Z'],
    ['America/New_York', 'month', '2026-11-01T03:59:00Z', '2026-10-01T04:00:00Z'],
    ['UTC', 'month', '1969-12-31T23:59:59Z', '1969-12-01T00:00:00Z'],
  ]
  it.each(starts)('%s, %s: %s is in the one of %s', (zone, align, at, start) => {
    const calendar = new Calendar(align, zone)
    expect(new Date(calendar.start(calendar.ordinal(micros(at))) / 1000).toISOString()).toBe(
      new Date(start).toISOString(),
    )
  })

  it('each moment is in one that has begun and is not over, and none is longer than told', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...aligns),
        fc.constantFrom(...zones),
        fc.integer({ min: 0, max: 4e9 }),
        (align, zone, second) => {
          const calendar = new Calendar(align, zone)
          const at = second * 1e6
          const ordinal = calendar.ordinal(at)
          const [start, end] = [calendar.start(ordinal), calendar.start(ordinal + 1)]
          expect(start).toBeLessThanOrEqual(at)
          expect(end).toBeGreaterThan(at)
          expect(end - start).toBeLessThanOrEqual(calendar.longest)
          expect(new Calendar(align, zone).ordinal(end)).toBe(ordinal + 1)
          expect(new Calendar(align, zone).ordinal(start)).toBe(ordinal)
        },
      ),
      { numRuns: 2000 },
    )
  })
})

describe('a change of clocks', () => {
  const changes: [zone: string, at: string][] = [
    // By half an hour.
    ['Australia/Lord_Howe', '2024-04-06T15:00:00Z'],
    ['Australia/Lord_Howe', '2024-10-05T15:30:00Z'],
    ['America/Caracas', '2007-12-09T07:00:00Z'],
    ['America/Caracas', '2016-05-01T07:00:00Z'],
    // By two hours.
    ['Antarctica/Troll', '2024-10-27T01:00:00Z'],
    ['Antarctica/Troll', '2024-03-31T01:00:00Z'],
    ['Europe/Berlin', '2026-10-25T01:00:00Z'],
    ['Asia/Beirut', '2024-10-26T21:00:00Z'],
  ]
  it.each(changes)('in %s at %s: each moment is in one, and they follow each other', (zone, at) => {
    for (const align of aligns) {
      const calendar = new Calendar(align, zone)
      for (let minute = -200; minute <= 200; minute += 5) {
        const moment = micros(at) + minute * 60e6
        const ordinal = new Calendar(align, zone).ordinal(moment)
        const [start, end] = [calendar.start(ordinal), calendar.start(ordinal + 1)]
        const about = `${align} ${minute}`
        expect(start, about).toBeLessThanOrEqual(moment)
        expect(end, about).toBeGreaterThan(moment)
        expect(end - start, about).toBeLessThanOrEqual(calendar.longest)
        expect(new Calendar(align, zone).ordinal(start), about).toBe(ordinal)
        expect(new Calendar(align, zone).ordinal(start - 1000), about).toBe(ordinal - 1)
      }
    }
  })

  it('lets through no more than the limit in the hour', () => {
    for (const [zone, at] of changes) {
      const clock = new ManualClock((Date.parse(at) - 3600_000) / 1000)
      const limiter = LimiterFactory.fixedWindow({ rate: 1, align: 'hour', timezone: zone, clock })
      let passed = 0
      for (let minute = 0; minute < 120; minute += 1) {
        if (limiter.allow('a')) passed += 1
        clock.advance('1m')
      }
      expect(passed, `${zone} ${at}`).toBeLessThanOrEqual(3)
      expect(passed, `${zone} ${at}`).toBeGreaterThanOrEqual(2)
    }
  })

  it('is not what callers are told of a window', () => {
    for (const [align, seconds] of [
      ['hour', 3600],
      ['day', 86_400],
      ['week', 604_800],
    ] as const) {
      for (const timezone of ['UTC', 'Europe/Berlin']) {
        const limiter = LimiterFactory.fixedWindow({ rate: 1, align, timezone })
        expect(limiter.policies).toMatchObject([{ limit: 1, window: seconds }])
      }
    }
  })
})

describe('a window of the calendar', () => {
  const make = () => fixedWindow({ rate: 6, align: 'day', timezone: 'Europe/Berlin' })
  const day = 23 * 3600e6
  const bound = (elapsed: number) => 6 * (2 + Math.floor(elapsed / day))
  for (const law of ruleExam({ make, bound, start: micros('2026-10-24T06:00:00Z') })) {
    it(law.name, () => law.run())
  }

  it('is the same for all keys, and follows the date', async () => {
    const clock = new ManualClock('5m')
    clock.setWall('2026-10-24T20:00:00Z')
    for (const storage of [undefined, new MemoryStorage({ clock })]) {
      clock.setWall('2026-10-24T20:00:00Z')
      const limiter = LimiterFactory.fixedWindow({
        rate: 2,
        align: 'day',
        timezone: 'Europe/Berlin',
        clock,
        ...(storage && { storage }),
      })
      const { retryAfter } = await limiter.consume('a', 2).then(() => limiter.peek('a'))
      expect(retryAfter).toBe(2 * 3600)
      clock.advance('1h')
      await limiter.consume('b', 2)
      expect((await limiter.peek('b')).retryAfter).toBe(3600)
      expect(limiter.allow('b')).toBe(false)
      clock.advance('1h')
      // 25 hours until the next midnight.
      expect(limiter.decide('a', 2)).toMatchObject({ allowed: true, resetAfter: 25 * 3600 })
      expect(limiter.decide('a')).toMatchObject({ allowed: false, retryAfter: 25 * 3600 })
      // Who waits passes at midnight. The date is set while the monotonic clock stands: the new day counts at once.
      const waits = limiter.wait('a')
      clock.setWall('2026-10-26T05:00:00Z')
      expect(limiter.allow('c', 2)).toBe(true)
      clock.advance('25h')
      await waits
    }
  })

  it('books no more than eight windows ahead', () => {
    const rule = make()
    const state = rule.fresh(0)
    const now = micros('2026-10-20T00:00:00Z')
    const waits = Array.from({ length: 9 }, () => rule.reserve(state, now, 6, Infinity))
    expect(waits.every((wait) => wait >= 0)).toBe(true)
    const before = [...state]
    expect(rule.reserve(state, now, 6, Infinity)).toBe(-(9 * 24 + 1 - 2) * 3600e6)
    expect(state).toEqual(before)
  })

  it('takes plans of another rate, and nothing else', async () => {
    const limiter = LimiterFactory.fixedWindow({ rate: 2, align: 'day' })
    expect((await limiter.consume('a', { quota: { rate: 5, per: '1d' } })).remaining).toBe(4)
    expect((await limiter.consume('a')).remaining).toBe(0)
    await expect(limiter.consume('a', { quota: { rate: 5, per: '1h' } })).rejects.toThrow(/per/)
    await limiter.reconfigure({ rate: 3 })
    expect((await limiter.consume('a')).remaining).toBe(0)
    await expect(limiter.reconfigure({ per: '1h' })).rejects.toThrow(/per/)
  })

  it('names what is wrong', () => {
    const wrong = (options: object) => () => fixedWindow({ rate: 1, ...options } as never)
    expect(wrong({ align: 'fortnight' })).toThrow(/align must be one of 'minute', 'hour'/)
    expect(wrong({ align: 'day', timezone: 'Mars' })).toThrow(/timezone must be a name like/)
    expect(wrong({ timezone: 'UTC' })).toThrow(/timezone must be given with align only/)
    expect(wrong({ align: 'day', per: '1h' })).toThrow(
      /per must be left out, or be one day, when align is/,
    )
    expect(wrong({ align: 'day', per: '1d' })).not.toThrow()
    expect(wrong({ align: 'month', per: '30d' })).not.toThrow()
  })
})
