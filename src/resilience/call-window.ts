import type { Micros } from '../core/duration.ts'
import type { Outcome } from './outcome.ts'

/** The calls that a failure rate is taken of. Each move takes O(1); none takes memory. */
export interface CallWindow {
  /** Calls in the window, of which so many failed and so many were slow, as of the last move. */
  readonly calls: number
  readonly failed: number
  readonly slow: number
  /** Counts a call, and returns where it is counted, for {@link fail}. */
  record(outcome: Outcome, now: Micros): number
  /** The call that was counted at `place`, and had not failed then, has failed. Nothing where it has left the window. */
  fail(place: number): void
  /** Forgets the calls that have left the window by now. */
  roll(now: Micros): void
  clear(): void
}
