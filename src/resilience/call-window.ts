import type { Micros } from '../core/duration.ts'
import type { Outcome } from './outcome.ts'

/** The calls that the rates are computed from. Each operation takes O(1) and no memory. */
export interface CallWindow {
  /** Calls in the window, how many of them failed and how many were slow, as of the last operation. */
  readonly calls: number
  readonly failed: number
  readonly slow: number
  /** Counts a call, and returns where it is counted, for {@link fail}. */
  record(outcome: Outcome, now: Micros): number
  /** Makes the call that was counted at `place` a failed one. Does nothing when that call has left the window. */
  fail(place: number): void
  /** Forgets the calls that have left the window by now. */
  roll(now: Micros): void
  clear(): void
}
