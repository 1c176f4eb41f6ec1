import type { Millis } from '../core/duration.ts'

/**
 * The slots of a job: the times at which its runs are due. Slots of `cron` and `at` are dates. Slots of `every` are readings of the
 * monotonic clock, or dates when many processes share them.
 */
export interface Plan {
  /** True when slots are dates, in milliseconds since 1970; false when they are readings of the monotonic clock. */
  readonly dated: boolean
  /** The first slot later than `after`; `undefined` when there is none. */
  next(after: Millis): Millis | undefined
  /** The number of slots from the slot `first` to the time `to`, and the last of them. */
  span(first: Millis, to: Millis): Span
  /** A job that starts `now` has the slots later than this time. */
  startsAfter(now: Millis): Millis
}

export interface Span {
  readonly last: Millis
  readonly count: number
  /** True when there are more slots than were counted. */
  readonly more: boolean
}

/** Slots `anchor + k * period`. Multiplied and not added up, so that the ten thousandth slot is as exact as the first. */
export function everyPlan(period: Millis, anchor: Millis, dated: boolean): Plan {
  const slot = (k: number) => anchor + k * period
  const kUpTo = (time: Millis) => {
    const k = Math.floor((time - anchor) / period)
    // The quotient may be rounded across a slot.
    return slot(k + 1) <= time ? k + 1 : slot(k) > time ? k - 1 : k
  }
  return {
    dated,
    next: (after) => slot(kUpTo(after) + 1),
    span: (first, to) => {
      const last = kUpTo(to)
      return { last: slot(last), count: last - kUpTo(first) + 1, more: false }
    },
    startsAfter: (now) => now,
  }
}

/** A single slot. A date before the start is a missed slot. */
export function atPlan(date: Millis): Plan {
  return {
    dated: true,
    next: (after) => (after < date ? date : undefined),
    span: () => ({ last: date, count: 1, more: false }),
    startsAfter: () => -Infinity,
  }
}
