import { changed, known, mustLie, positive } from '../core/check.ts'
import { type Duration, type Micros, toPositiveMicros } from '../core/duration.ts'
import type { CallQuota, QuotaChange, Rule, State } from '../core/rule.ts'
import { type Align, Calendar } from './calendar.ts'
import { fullOnes, overflows, paceOf } from './windows.ts'

/** What a calendar window is made of. */
export interface CalendarWindowOptions {
  readonly rate: number
  readonly align: Align
  readonly timezone?: string | undefined
  readonly per?: Duration | undefined
}

/** No call is booked further ahead than so many windows. */
const MOST_AHEAD = 8
/** The windows that a script is told: so many before the present one, and so many in all. */
const TOLD_BEFORE = 4
const TOLD = 20

/**
 * At most `rate` in each minute, hour, day, week or month of a time zone.
 *
 * State: `[window, count]` and a rate, as of a fixed window; the window is a number in its {@link Calendar}. Time is in microseconds since
 * 1970.
 */
export class CalendarWindow implements Rule {
  readonly kind = 'calendar-window'
  readonly capacity: number
  readonly span: Micros
  readonly window: Micros
  readonly params: Readonly<Record<string, number>>
  readonly calendar: Calendar
  readonly #rate: number

  constructor({ rate, align, timezone = 'UTC', per }: CalendarWindowOptions, calendar?: Calendar) {
    this.#rate = positive('rate', rate)
    this.calendar = calendar ?? new Calendar(align, timezone)
    checkPer('per', per, align)
    this.capacity = this.#rate
    this.span = this.calendar.longest
    this.window = this.calendar.usual
    this.params = { rate: this.#rate, per: this.span, zone: hashOf(`${align} ${timezone}`) }
  }

  fresh(_now: Micros): State {
    return [0, 0]
  }

  /** The numbers of the windows around `at`, and when each begins, for a script that has no calendar. */
  present(at: Micros, offset: Micros): Readonly<Record<string, number>> {
    const { calendar } = this
    const first = calendar.ordinal(at) - TOLD_BEFORE
    const told: Record<string, number> = { first }
    for (let i = 0; i < TOLD; i++) told[`[${i + 1}]`] = calendar.start(first + i) - offset
    return told
  }

  reserve(state: State, now: Micros, cost: number, maxWait: Micros): Micros {
    const present = this.calendar.ordinal(now)
    const rolled = rolledBy(state, present)
    let count = this.#count(state, rolled)
    const window = count === 0 ? present : (state[0] as number) + rolled
    const pace = paceOf(state, count, this.#rate)
    if (pace !== this.#rate) {
      // Nothing is booked behind what a larger rate has used of this window: the call asks again when it is over.
      return now - this.calendar.start(window + Math.max(1, Math.floor(count / pace)))
    }
    let ahead = fullOnes(count, cost, this.#rate)
    if (overflows(count - ahead * this.#rate + cost, this.#rate)) {
      // What does not fit whole goes into the next window: a cost is never split.
      ahead += 1
      count = ahead * this.#rate
    }
    const wait = ahead === 0 ? 0 : this.calendar.start(window + ahead) - now
    if (wait > maxWait || ahead > MOST_AHEAD) return -wait
    state[0] = window
    state[1] = count + cost
    state[2] = pace
    return wait
  }

  refund(state: State, now: Micros, cost: number, due: Micros = now): void {
    const rolled = rolledBy(state, this.calendar.ordinal(now))
    const count = this.#count(state, rolled)
    if (count === 0) return
    const window = (state[0] as number) + rolled
    // Where a later window is booked too, this place is lost: a call that took it now would go before those bookings.
    const pace = paceOf(state, count, this.#rate)
    const last = window + Math.ceil(count / pace) - 1
    const later = due > now && last > window && due < this.calendar.start(last)
    state[0] = window
    state[1] = later ? count : Math.max(0, count - cost)
    state[2] = pace
  }

  remaining(state: State, now: Micros): number {
    const rolled = rolledBy(state, this.calendar.ordinal(now))
    return Math.max(0, this.#rate - this.#count(state, rolled))
  }

  idleAfter(state: State, now: Micros): Micros {
    const rolled = rolledBy(state, this.calendar.ordinal(now))
    const count = this.#count(state, rolled)
    const windows = Math.ceil(count / paceOf(state, count, this.#rate))
    return windows === 0 ? 0 : this.calendar.start((state[0] as number) + rolled + windows) - now
  }

  with(change: QuotaChange): Rule {
    known('a calendar window', change, { rate: true })
    const { align, zone } = this.calendar
    const options = changed<CalendarWindowOptions>(
      { rate: this.#rate, align, timezone: zone },
      change,
    )
    return new CalendarWindow(options, this.calendar)
  }

  quoted(quota: CallQuota): Rule {
    known('a quota of a calendar window', quota, { rate: true, per: true })
    const { align, zone } = this.calendar
    checkPer('quota.per', quota.per, align)
    return new CalendarWindow({ rate: quota.rate, align, timezone: zone }, this.calendar)
  }

  #count(state: State, rolled: number): number {
    return Math.max(0, (state[1] as number) - rolled * (state[2] ?? this.#rate))
  }
}

/** How many windows have gone by since the state was written. One that lies further ahead than the next is of another clock. */
function rolledBy(state: State, present: number): number {
  const rolled = present - (state[0] as number)
  return rolled < -1 ? Infinity : Math.max(0, rolled)
}

const LENGTHS: Readonly<Record<Align, readonly Duration[]>> = {
  minute: ['1m'],
  hour: ['1h'],
  day: ['1d'],
  week: ['7d'],
  month: ['30d', '31d'],
}

/** A length that is given beside `align` has to be that of its windows. */
function checkPer(name: string, per: Duration | undefined, align: Align): void {
  if (per === undefined) return
  const micros = toPositiveMicros(name, per)
  const right = LENGTHS[align].some((length) => toPositiveMicros(name, length) === micros)
  mustLie(right, name, `be left out, or be one ${align}, when align is '${align}'`, per)
}

/** Tells limits of different calendars apart, where limits are told apart by their numbers. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5
  for (const character of text) hash = Math.imul(hash ^ character.charCodeAt(0), 0x01000193)
  return hash >>> 0
}
