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
   * @param idle true for housekeeping that no caller waits for: it must not keep a process alive
   * @default the timers of the runtime
   */
  after?(delay: Millis, run: () => void, idle?: boolean): Cancel
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
export const LONGEST_TIMEOUT: Millis = 2 ** 31 - 1

// Less than any clock can tell: what sums of fractions are off by. To wait for it would be to wait for ever.
const NOISE: Millis = 2e-6

/** True when `due` has come at `now`. */
export function isDue(due: Millis, now: Millis): boolean {
  return due - now <= NOISE
}

/**
 * Runs `run` when `clock` has reached `due`, and not before: a timer of the runtime may come up to a
 * millisecond early, and a late one is cut to the remaining time.
 *
 * @param idle as for {@link Clock.after}
 */
export function at(clock: Clock, due: Millis, run: () => void, idle = false): Cancel {
  const wait = (delay: Millis) => clock.after?.(delay, ring, idle) ?? systemTimer(delay, ring, idle)
  const ring = () => {
    const now = clock.now()
    if (isDue(due, now)) run()
    else cancel = wait(due - now)
  }
  let cancel = wait(Math.max(0, due - clock.now()))
  return () => cancel()
}

function systemTimer(delay: Millis, run: () => void, idle = false): Cancel {
  const timer = setTimeout(run, Math.min(Math.ceil(delay), LONGEST_TIMEOUT))
  // Browsers give numbers for timers, and keep nothing alive.
  if (idle) (timer as { unref?: () => void }).unref?.()
  return () => clearTimeout(timer)
}
