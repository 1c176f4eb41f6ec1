import type { Micros } from '../core/duration.ts'
import type { Drain } from '../core/rule.ts'

// A step finer than a nanosecond says nothing.
const STEPS_PER_MICRO = 1024
// Below 64 steps a token, fractional costs would be rounded visibly; above a quarter of a millisecond
// a step, time would.
const FEWEST_STEPS = 64
const LONGEST_STEP: Micros = 250
// Twice the capacity must fit 30 bits (a reservation may lie one capacity ahead); or 45, which leaves a double
// enough bits below a step for the arithmetic of `used` to be noise.
const NARROW_BITS = 29
const WIDE_BITS = 44
// In steps: the clock may be rounded by one when a token is taken, and by one when the next is asked for.
const GRAIN = 2
// A call of 1 takes no more than half of itself on credit, or a bucket would hold one more than it says.
const MOST_GRAIN = 0.5

/**
 * Chooses how finely a drain is counted: in steps of 1 / 2^k token, with k as large as the bits allow.
 *
 * Counting in steps of a token instead of in microseconds is what keeps the sum exact. A cost is a whole number of
 * steps at any rate, so adding costs never rounds, not after a billion calls; only the clock is rounded, to a step,
 * each time anew.
 */
export function drainOf(capacity: number, interval: Micros): Drain {
  const finest = Math.log2(interval * STEPS_PER_MICRO)
  const narrow = 2 ** Math.floor(Math.min(NARROW_BITS - Math.log2(capacity), finest))
  if (narrow >= FEWEST_STEPS && interval / narrow <= LONGEST_STEP) {
    return drain(interval, narrow, true)
  }
  const wide = 2 ** Math.max(0, Math.floor(Math.min(WIDE_BITS - Math.log2(capacity), finest)))
  return drain(interval, wide, false)
}

function drain(interval: Micros, steps: number, narrow: boolean): Drain {
  const grain = Math.min(GRAIN / steps, MOST_GRAIN)
  const quantum = 10 ** Math.max(0, Math.ceil(Math.log10(grain * interval)))
  return { interval, steps, grain, quantum, narrow }
}

/**
 * How much of `used` is left at `now`, when it was `used` at `at`.
 * A clock that stepped back neither drains nor fills; one that stepped back further than `span` starts afresh.
 */
export function drained(
  used: number,
  at: Micros,
  now: Micros,
  interval: Micros,
  span: Micros,
): number {
  const elapsed = now - at
  if (elapsed <= 0) return elapsed < -span ? 0 : used
  return Math.max(0, used - elapsed / interval)
}
