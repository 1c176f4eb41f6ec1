import { OptionRangeError, OptionTypeError, Scheduler } from 'aioflux'
import { CronExpressionParser } from 'cron-parser'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { cronPlan } from '../../src/schedule/cron-plan.ts'

const ZONES = ['America/New_York', 'Europe/Berlin', 'Pacific/Auckland', 'America/Santiago'] as const
const HOUR = 3_600_000

function ours(expression: string, timezone: string, from: string, to: string): string[] {
  const plan = cronPlan(expression, timezone)
  const slots: string[] = []
  let slot = plan.next(Date.parse(from))
  while (slot !== undefined && slot < Date.parse(to)) {
    slots.push(new Date(slot).toISOString())
    slot = plan.next(slot)
  }
  return slots
}

function theirs(expression: string, tz: string, from: string, to: string): string[] {
  const cron = CronExpressionParser.parse(expression, { tz, currentDate: new Date(from) })
  const slots: string[] = []
  for (let slot = cron.next(); slot.getTime() < Date.parse(to); slot = cron.next()) {
    slots.push(slot.toDate().toISOString())
  }
  return slots
}

/** Whether the zone changes its offset within a day of a slot. */
function changesIn(zone: string): (iso: string) => boolean {
  const name = new Intl.DateTimeFormat('en', { timeZone: zone, timeZoneName: 'longOffset' })
  const offset = (time: number) => name.format(time).split(' ').at(-1)
  return (iso) => offset(Date.parse(iso) - 24 * HOUR) !== offset(Date.parse(iso) + 24 * HOUR)
}

describe('the slots of an independent implementation', () => {
  for (const zone of ZONES) {
    const changes = changesIn(zone)
    const steady = (slot: string) => !changes(slot)
    // Every few minutes and hours, over both changes of clocks.
    for (const expression of ['*/30 * * * *', '0 0 */3 * * *']) {
      for (const [from, to] of [
        ['2026-03-01T00:00:00Z', '2026-04-12T00:00:00Z'],
        ['2026-08-30T00:00:00Z', '2026-11-08T00:00:00Z'],
      ] as const) {
        it(`${zone}: ${expression}, ${from.slice(0, 10)} to ${to.slice(0, 10)}`, () => {
          const slots = ours(expression, zone, from, to)
          const expected = theirs(expression, zone, from, to)
          if (expression !== '0 0 */3 * * *') expect(slots).toEqual(expected)
          else expect(slots.filter(steady)).toEqual(expected.filter(steady))
        })
      }
    }
    // Fixed times, over four changes of clocks. On the day of a change the two follow different rules: see below.
    for (const expression of [
      '30 2 * * *',
      '0 0 * * *',
      '30 1,2,3 * * *',
      '15 30 3 * * *',
      '0 9 * * MON-FRI',
      '0 0 L * *',
      '0 12 * * 5#2',
      '0 8 * * 5L',
      '0 0 1 */3 *',
    ]) {
      it(`${zone}: ${expression}, 2026 and 2027`, () => {
        const years = ['2026-01-01T00:00:00Z', '2028-01-01T00:00:00Z'] as const
        const slots = ours(expression, zone, ...years)
        expect(slots.filter(steady)).toEqual(theirs(expression, zone, ...years).filter(steady))
        expect(slots.length).toBeGreaterThan(7)
      })
    }
  }
})

describe('on the day of a change', () => {
  const golden: [string, string, string, string[]][] = [
    // Forward, 02:00 -> 03:00: a time that does not exist moves to the moment of the change.
    [
      '30 2 * * *',
      'America/New_York',
      '2026-03-08T00:00-05:00',
      ['2026-03-08T03:00-04:00', '2026-03-09T02:30-04:00'],
    ],
    [
      '30 2 * * *',
      'Europe/Berlin',
      '2026-03-29T00:00+01:00',
      ['2026-03-29T03:00+02:00', '2026-03-30T02:30+02:00'],
    ],
    [
      '30 2 * * *',
      'Pacific/Auckland',
      '2026-09-27T00:00+12:00',
      ['2026-09-27T03:00+13:00', '2026-09-28T02:30+13:00'],
    ],
    // Forward at midnight, 00:00 -> 01:00.
    [
      '0 0 * * *',
      'America/Santiago',
      '2026-09-05T12:00-04:00',
      ['2026-09-06T01:00-03:00', '2026-09-07T00:00-03:00'],
    ],
    // Back: a fixed time runs once, at the first.
    [
      '30 1 * * *',
      'America/New_York',
      '2026-11-01T00:00-04:00',
      ['2026-11-01T01:30-04:00', '2026-11-02T01:30-05:00'],
    ],
    [
      '30 2 * * *',
      'Europe/Berlin',
      '2026-10-25T00:00+02:00',
      ['2026-10-25T02:30+02:00', '2026-10-26T02:30+01:00'],
    ],
    // Back: with a wildcard, at each time that the clock shows.
    [
      '30 * * * *',
      'America/New_York',
      '2026-11-01T00:45-04:00',
      ['2026-11-01T01:30-04:00', '2026-11-01T01:30-05:00', '2026-11-01T02:30-05:00'],
    ],
    // Forward: with a wildcard, no slot in the hour that is missing.
    [
      '30 * * * *',
      'Europe/Berlin',
      '2026-03-29T00:45+01:00',
      ['2026-03-29T01:30+01:00', '2026-03-29T03:30+02:00', '2026-03-29T04:30+02:00'],
    ],
    // A zone whose summer is half an hour.
    [
      '*/30 * * * *',
      'Australia/Lord_Howe',
      '2026-04-05T01:15+11:00',
      ['2026-04-05T01:30+11:00', '2026-04-05T01:30+10:30', '2026-04-05T02:00+10:30'],
    ],
  ]
  for (const [expression, zone, from, expected] of golden) {
    it(`${zone}: ${expression} after ${from}`, () => {
      const plan = cronPlan(expression, zone)
      let slot: number | undefined = Date.parse(from)
      for (const iso of expected) {
        slot = plan.next(slot as number)
        expect(new Date(slot as number).toISOString()).toBe(new Date(iso).toISOString())
      }
    })
  }
})

describe('the dialect', () => {
  const golden: [string, string, string[]][] = [
    ['*/10 * * * * *', '2026-02-01T00:00:05.5Z', ['2026-02-01T00:00:10Z', '2026-02-01T00:00:20Z']],
    ['0 0 L * *', '2026-02-01T00:00Z', ['2026-02-28T00:00Z', '2026-03-31T00:00Z']],
    [
      '0 0 15W * *',
      '2026-02-01T00:00Z',
      ['2026-02-16T00:00Z', '2026-03-16T00:00Z', '2026-04-15T00:00Z'],
    ],
    ['0 0 * * FRI#2', '2026-02-01T00:00Z', ['2026-02-13T00:00Z', '2026-03-13T00:00Z']],
    ['0 0 * * 5L', '2026-02-01T00:00Z', ['2026-02-27T00:00Z', '2026-03-27T00:00Z']],
    ['@daily', '2026-02-01T00:00Z', ['2026-02-02T00:00Z']],
    ['0 0 0 1 1 * 2030', '2026-02-01T00:00Z', ['2030-01-01T00:00Z']],
  ]
  for (const [expression, from, expected] of golden) {
    it(expression, () => {
      const to = new Date(Date.parse(expected.at(-1) as string) + 1).toISOString()
      expect(ours(expression, 'UTC', from, to)).toEqual(
        expected.map((iso) => new Date(iso).toISOString()),
      )
    })
  }

  it('a day that never comes has no slot', () => {
    expect(cronPlan('0 0 30 2 *', 'UTC').next(0)).toBeUndefined()
  })

  it('refuses what it cannot read', () => {
    const scheduler = new Scheduler()
    const job = () => {}
    for (const bad of [
      '',
      'bad',
      '* * * *',
      '60 * * * *',
      '0 0 * * 8',
      '2026-01-01T00:00:00',
      '@never',
    ]) {
      expect(() => scheduler.cron(bad, job), bad).toThrow(OptionRangeError)
    }
    expect(() => scheduler.cron(5 as never, job)).toThrow(OptionTypeError)
    expect(() => scheduler.cron('* * * * *', job, { timezone: 'Mars/Olympus' })).toThrow(/timezone/)
    expect(() => new Scheduler({ timezone: 'Mars/Olympus' })).toThrow(OptionRangeError)
    expect(scheduler.listJobs()).toHaveLength(0)
  })
})

it('a slot is always later than the one before, whatever the moment', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...ZONES, 'Australia/Lord_Howe'),
      fc.constantFrom('30 2 * * *', '*/7 * * * *', '0 0 * * *', '59 59 1 * * *', '30 1-3 * * *'),
      fc.date({ min: new Date('2024-01-01'), max: new Date('2027-01-01'), noInvalidDate: true }),
      (zone, expression, date) => {
        const plan = cronPlan(expression, zone)
        let before = date.getTime()
        for (let i = 0; i < 5; i++) {
          const slot = plan.next(before) as number
          expect(slot).toBeGreaterThan(before)
          before = slot
        }
      },
    ),
    { numRuns: 300 },
  )
})

it('counts the slots that passed, and finds the last when there are too many to count', () => {
  const plan = cronPlan('* * * * * *', 'UTC')
  const first = Date.parse('2026-01-01T00:00:00Z')
  expect(plan.span(first, first + 5500)).toEqual({ last: first + 5000, count: 6, more: false })
  expect(plan.span(first, first + 8 * HOUR)).toEqual({
    last: first + 8 * HOUR,
    count: 1000,
    more: true,
  })
})
