import type { State } from '../core/rule.ts'

/**
 * The rate at which the count of a window is worked off. A larger rate may have used more of the present window than fits at `rate`: then that
 * one, so that this window is full and the next one is not.
 */
export function paceOf(state: State, count: number, rate: number): number {
  const { [2]: before = rate } = state
  return overflows(Math.min(count, before), rate) ? before : rate
}

/** True when `sum` is above `limit`, and not only because sums of fractions are inexact. */
export function overflows(sum: number, limit: number): boolean {
  return sum > limit * (1 + 1e-9)
}
