import { changed, known, must, type OptionTable, positive } from '../core/check.ts'
import { type Micros, toPositiveMicros } from '../core/duration.ts'
import {
  type CallQuota,
  QUOTA_OPTIONS,
  type Quota,
  type QuotaChange,
  type Rule,
  type State,
} from '../core/rule.ts'
import type { Align } from './calendar.ts'
import { CalendarWindow } from './calendar-window.ts'
import { fullOnes, overflows, paceOf } from './windows.ts'

/** How much in each window, and which windows. */
export interface FixedWindowOptions extends Quota {
  /**
   * Windows of the calendar, the same for all keys: from midnight to midnight, say. `per` is left out then; a week begins on Monday.
   * @default windows of `per`, each opened by the first call of its key
   */
  align?: Align
  /** The time zone of the calendar, as `'Europe/Berlin'`. A day on which clocks are changed has 23 or 25 hours. @default 'UTC' */
  timezone?: string
}

export const FIXED_WINDOW_OPTIONS: OptionTable<FixedWindowOptions> = {
  ...QUOTA_OPTIONS,
  align: true,
  timezone: true,
}

/**
 * At most `rate` in each window of `per`, which a key's first call opens; or in each minute, hour, day, week or month of the calendar.
 *
 * The simplest to explain and to check by hand. Its price: calls at the end of one window and the start of the
 * next make `2 * rate` within a moment. Where that matters, choose {@link slidingWindow} or {@link tokenBucket}.
 *
 * @example
 * const limiter = createLimiter(fixedWindow({ rate: 1000, per: '1d' }))
 *
 * @example
 * // From midnight to midnight in Berlin, also on the days on which clocks are changed.
 * const daily = LimiterFactory.fixedWindow({ rate: 1000, align: 'day', timezone: 'Europe/Berlin' })
 *
 * @throws OptionTypeError | OptionRangeError naming the option and its value
 */
export function fixedWindow(options: FixedWindowOptions): Rule {
  known('fixedWindow', options, FIXED_WINDOW_OPTIONS)
  const { align, timezone, ...quota } = options
  if (align !== undefined) return new CalendarWindow({ ...quota, align, timezone })
  must(timezone === undefined, 'timezone', 'be given with align only', timezone)
  return new FixedWindow(quota)
}

/**
 * State: `[start, count]`, and the rate of the call that wrote it. A count above the rate is booked in the windows that follow, in order of
 * arrival, as many as they hold.
 */
class FixedWindow implements Rule {
  readonly kind = 'fixed-window'
  readonly capacity: number
  readonly span: Micros
  readonly params: Readonly<Record<string, number>>
  readonly #rate: number
  readonly #options: Quota

  constructor(options: Quota) {
    this.#rate = positive('rate', options.rate)
    const { per = 1 } = options
    this.span = toPositiveMicros('per', per)
    this.capacity = this.#rate
    this.params = { rate: this.#rate, per: this.span }
    this.#options = options
  }

  fresh(now: Micros): State {
    return [now, 0]
  }

  reserve(state: State, now: Micros, cost: number, maxWait: Micros): Micros {
    const rolled = this.#rolled(state, now)
    let count = this.#count(state, rolled)
    const start = count === 0 ? now : this.#start(state, rolled)
    const pace = paceOf(state, count, this.#rate)
    if (pace !== this.#rate) {
      // Nothing is booked behind what a larger rate has used of this window: the call asks again when it is over.
      return now - start - Math.max(1, Math.floor(count / pace)) * this.span
    }
    let windows = fullOnes(count, cost, this.#rate)
    if (overflows(count - windows * this.#rate + cost, this.#rate)) {
      // What does not fit whole goes into the next window: a cost is never split.
      windows += 1
      count = windows * this.#rate
    }
    const wait = windows === 0 ? 0 : start + windows * this.span - now
    if (wait > maxWait) return -wait
    state[0] = start
    state[1] = count + cost
    state[2] = pace
    return wait
  }

  refund(state: State, now: Micros, cost: number, due: Micros = now): void {
    const rolled = this.#rolled(state, now)
    const count = this.#count(state, rolled)
    if (count === 0) return
    const start = this.#start(state, rolled)
    // Where a later window is booked too, this place is lost: a call that took it now would go before those bookings.
    const pace = paceOf(state, count, this.#rate)
    const last = start + (Math.ceil(count / pace) - 1) * this.span
    const later = due > now && due + this.span / 2 < last
    state[0] = start
    state[1] = later ? count : Math.max(0, count - cost)
    state[2] = pace
  }

  remaining(state: State, now: Micros): number {
    return Math.max(0, this.#rate - this.#count(state, this.#rolled(state, now)))
  }

  idleAfter(state: State, now: Micros): Micros {
    const rolled = this.#rolled(state, now)
    const count = this.#count(state, rolled)
    const windows = Math.ceil(count / paceOf(state, count, this.#rate))
    return windows === 0 ? 0 : this.#start(state, rolled) + windows * this.span - now
  }

  with(change: QuotaChange): Rule {
    known('a fixed window', change, QUOTA_OPTIONS)
    return new FixedWindow(changed(this.#options, change))
  }

  quoted(quota: CallQuota): Rule {
    known('a quota of a fixed window', quota, QUOTA_OPTIONS)
    return new FixedWindow(quota)
  }

  /** How many windows have gone by since the state was written. */
  #rolled(state: State, now: Micros): number {
    const elapsed = now - (state[0] as number)
    if (elapsed < 0) return elapsed < -this.span ? Infinity : 0
    return Math.floor(elapsed / this.span)
  }

  #count(state: State, rolled: number): number {
    return rolled === 0
      ? (state[1] as number)
      : Math.max(0, (state[1] as number) - rolled * (state[2] ?? this.#rate))
  }

  #start(state: State, rolled: number): Micros {
    return (state[0] as number) + rolled * this.span
  }
}
