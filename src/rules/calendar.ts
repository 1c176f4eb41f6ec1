import { oneOf, string } from '../core/check.ts'
import type { Micros, Millis } from '../core/duration.ts'
import { describe, OptionRangeError } from '../core/errors.ts'

/** The unit of the calendar that is one window; a week begins on Monday. */
export type Align = 'minute' | 'hour' | 'day' | 'week' | 'month'

const ALIGNS: readonly Align[] = ['minute', 'hour', 'day', 'week', 'month']
const MINUTE: Millis = 60_000
const HOUR: Millis = 60 * MINUTE
const DAY: Millis = 24 * HOUR
/** How long each is where clocks are not changed. */
const USUAL: Readonly<Record<Align, Millis>> = {
  minute: MINUTE,
  hour: HOUR,
  day: DAY,
  week: 7 * DAY,
  month: 31 * DAY,
}
/** How much longer one can be on which clocks go back: by two hours at most, and an hour only by half an hour. */
const MORE: Readonly<Record<Align, Millis>> = {
  minute: 0,
  hour: HOUR / 2,
  day: 2 * HOUR,
  week: 2 * HOUR,
  month: 2 * HOUR,
}
/** Day 0 is 1970-01-01, a Thursday. */
const FIRST_MONDAY = -3

/**
 * The minutes, hours, days, weeks or months of a time zone, numbered in their order. Time is in microseconds since 1970.
 *
 * A day begins with its first instant: at 01:00 where the clock goes from 00:00 to 01:00, and with the first of two midnights.
 */
export class Calendar {
  readonly align: Align
  readonly zone: string
  /** How long one of them is where clocks are not changed; of months, the longest. */
  readonly usual: Micros
  /** The longest that one of them can be. */
  readonly longest: Micros
  readonly #format: Intl.DateTimeFormat | undefined
  // The window that was asked for last.
  #ordinal = 0
  #start: Micros = 0
  #end: Micros = 0

  /** @throws OptionTypeError | OptionRangeError naming `align` or `timezone` */
  constructor(align: Align, zone: string) {
    this.align = oneOf('align', align, ALIGNS)
    this.zone = zone
    this.usual = USUAL[align] * 1000
    this.longest = this.usual + (zone === 'UTC' ? 0 : MORE[align] * 1000)
    this.#format = zone === 'UTC' ? undefined : formatOf(zone)
  }

  /** The number of the window that `at` lies in. */
  ordinal(at: Micros): number {
    if (at < this.#start || at >= this.#end) {
      this.#ordinal = this.#ordinalAt(Math.floor(at / 1000))
      this.#start = this.start(this.#ordinal)
      this.#end = this.start(this.#ordinal + 1)
    }
    return this.#ordinal
  }

  /** When the window of that number begins. */
  start(ordinal: number): Micros {
    return this.#startOf(ordinal) * 1000
  }

  #ordinalAt(at: Millis): number {
    switch (this.align) {
      case 'minute':
        return Math.floor(at / MINUTE)
      case 'hour':
        return this.#hourAt(at)
      case 'day':
        return this.#dayAt(at)
      case 'week':
        return Math.floor((this.#dayAt(at) - FIRST_MONDAY) / 7)
      case 'month': {
        const date = new Date(this.#dayAt(at) * DAY)
        return date.getUTCFullYear() * 12 + date.getUTCMonth()
      }
    }
  }

  #startOf(ordinal: number): Millis {
    switch (this.align) {
      case 'minute':
        return ordinal * MINUTE
      case 'hour':
        return this.#firstOfHour(ordinal)
      case 'day':
        return this.#firstOf(ordinal)
      case 'week':
        return this.#firstOf(ordinal * 7 + FIRST_MONDAY)
      case 'month':
        return this.#firstOf(Date.UTC(0, ordinal - 12 * 1900, 1) / DAY)
    }
  }

  #hourAt(at: Millis): number {
    return Math.floor((at + this.#pastTheHour(at)) / HOUR)
  }

  /** The first instant of an hour. One in which clocks are changed by half an hour is longer. */
  #firstOfHour(hour: number): Millis {
    const full = hour * HOUR
    const one = full - this.#pastTheHour(full - HOUR)
    const other = full - this.#pastTheHour(full + HOUR)
    if (one === other) return one
    const [early, late] = one < other ? [one, other] : [other, one]
    return this.#hourAt(early) === hour && this.#hourAt(early - 1) < hour ? early : late
  }

  /** By how much the hours of the zone begin before those of UTC: not 0 in India, for instance. */
  #pastTheHour(at: Millis): Millis {
    return ((this.#offset(at) % HOUR) + HOUR) % HOUR
  }

  /** The local date, in days since 1970-01-01. */
  #dayAt(at: Millis): number {
    return Math.floor((at + this.#offset(at)) / DAY)
  }

  /** The first instant of a local date. */
  #firstOf(day: number): Millis {
    const midnight = day * DAY
    // The zone is never further than a day from UTC, and changes its offset once in two days at most.
    const one = midnight - this.#offset(midnight - DAY)
    const other = midnight - this.#offset(midnight + DAY)
    const [early, late] = one < other ? [one, other] : [other, one]
    return this.#dayAt(early) === day && this.#dayAt(early - 1) < day ? early : late
  }

  /** By how much local time is ahead of UTC. */
  #offset(at: Millis): Millis {
    if (this.#format === undefined) return 0
    const fields: Record<string, number> = {}
    for (const { type, value } of this.#format.formatToParts(at)) fields[type] = Number(value)
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = fields
    const local = Date.UTC(year, month - 1, day, hour, minute, second)
    return local - Math.floor(at / 1000) * 1000
  }
}

function formatOf(zone: string): Intl.DateTimeFormat {
  string('timezone', zone)
  const two = '2-digit' as const
  const rest = { month: two, day: two, hour: two, minute: two, second: two }
  try {
    return new Intl.DateTimeFormat('en', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      ...rest,
    })
  } catch {
    throw new OptionRangeError(
      'timezone',
      `timezone must be a name like 'Europe/Berlin', got ${describe(zone)}`,
    )
  }
}
