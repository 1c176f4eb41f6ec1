import type { Millis } from './duration.ts'

/** Ends a timer. Calling it again, or after the timer has run, does nothing. */
export type Cancel = () => void

/**
 * Where limiters take their time from. Only differences matter, so any starting point will do.
 *
 * The default is monotonic: setting the machine's date does not move it. Tests use `ManualClock`
 * of `aioflux/testing`; a replay can hand in the time of its own log.
 */
export interface Clock {
  /** Milliseconds since some fixed moment; fractions count. */
  now(): Millis
  /**
   * Calls `run` once, `delay` milliseconds from now.
   * @default the timers of the runtime
   */
  after?(delay: Millis, run: () => void): Cancel
  /**
   * The date, in milliseconds since 1970, for what is due at a `Date`.
   * @default the date when asked first, plus the time that has passed by `now` since
   */
  wall?(): Millis
}

/** The runtime's monotonic clock and its timers. */
export const systemClock: Clock = {
  now: () => performance.now(),
  after: systemTimer,
  wall: () => Date.now(),
}

// setTimeout keeps its delay in 31 bits and fires at once above that, so long delays are cut into pieces.
const LONGEST_TIMEOUT: Millis = 2 ** 31 - 1

/**
 * Runs `run` when `clock` has reached `due`, and not before: a timer of the runtime may come up to a
 * millisecond early, and a late one is cut to what is left.
 */
export function at(clock: Clock, due: Millis, run: () => void): Cancel {
  let cancel: Cancel = () => {}
  const arm = () => {
    const left = due - clock.now()
    if (left <= 0) return run()
    cancel = after(clock, left, arm)
  }
  cancel = after(clock, Math.max(0, due - clock.now()), arm)
  return () => cancel()
}

/** `clock.after`, or the timers of the runtime. */
function after(clock: Clock, delay: Millis, run: () => void): Cancel {
  return clock.after === undefined ? systemTimer(delay, run) : clock.after(delay, run)
}

function systemTimer(delay: Millis, run: () => void): Cancel {
  const timer = setTimeout(run, Math.min(Math.ceil(delay), LONGEST_TIMEOUT))
  return () => clearTimeout(timer)
}
