import type { Micros } from '../core/duration.ts'
import { CountWindow } from './count-window.ts'
import type { Outcome } from './outcome.ts'
import { TimeWindow } from './time-window.ts'

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
  /** Lets go of what has left the window by now. */
  roll(now: Micros): void
  clear(): void
}

/** The last so many calls, or the calls of the last so many microseconds. */
export function callWindow(size: { calls: number } | Micros): CallWindow {
  return typeof size === 'number' ? new TimeWindow(size) : new CountWindow(size.calls)
}
