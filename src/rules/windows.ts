import type { State } from '../core/rule.ts'

/**
 * The rate at which the count of a window is worked off. A larger rate may have used more of the present window than fits at `rate`: then that
 * one, so that this window is full and the next one is not.
 */
export function paceOf(state: State, count: number, rate: number): number {
  const { [2]: before = rate } = state
  return overflows(Math.min(count, before), rate) ? before : rate
}

/** How many windows a count fills so that `cost` has to come after them. One that is just full has room for what costs nothing. */
export function fullOnes(count: number, cost: number, rate: number): number {
  const full = Math.floor(count / rate)
  return full > 0 && count === full * rate && !overflows(rate + cost, rate) ? full - 1 : full
}

/** True when `sum` is above `limit`, and not only because sums of fractions are inexact. */
export function overflows(sum: number, limit: number): boolean {
  return sum > limit * (1 + 1e-9)
}
