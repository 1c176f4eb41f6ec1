import type { Micros } from '../core/duration.ts'
import type { CallWindow } from './call-window.ts'
import { callWindow } from './call-window-of.ts'
import { FAILED, GOOD, type Outcome, SLOW } from './outcome.ts'
import type { RunningCall } from './running-calls.ts'

/** When a closed breaker opens, in checked numbers; `Infinity` for a limit that was not given. */
export interface TripLimits {
  /** Opens at this number of failures in a row. */
  readonly inARow: number
  /** Opens at this share of failed calls in the window. */
  readonly failureRate: number
  /** Opens at this share of slow calls in the window. */
  readonly slowRate: number
  /** The window must hold this number of calls before its rates count. */
  readonly minimumCalls: number
  /** The window; `undefined` when no rate is set. */
  readonly window?: { calls: number } | Micros
}

/** Counts the calls of a closed breaker and says when it has to open. */
export class TripRule {
  /** Failures since the last success. */
  inARow = 0
  readonly window: CallWindow | undefined
  /** True when the window is one of time, not of calls. */
  readonly timed: boolean
  readonly #limits: TripLimits

  constructor(limits: TripLimits) {
    this.#limits = limits
    this.window = limits.window === undefined ? undefined : callWindow(limits.window)
    this.timed = typeof limits.window === 'number'
  }

  /**
   * Counts one call, and returns true when the breaker has to open. Only a bad call opens it: a success never does, even when it
   * fills the minimum number of calls.
   */
  record(outcome: Outcome, now: Micros): boolean {
    const failed = (outcome & FAILED) !== 0
    this.inARow = failed ? this.inARow + 1 : 0
    this.window?.record(outcome, now)
    return (outcome & (FAILED | SLOW)) !== 0 && this.#toOpen()
  }

  /**
   * Counts a slow call that has not ended, and returns true when the breaker has to open. When slow calls are failures, the call adds
   * to the failures in a row; otherwise its end decides that.
   */
  recordRunning(call: RunningCall, outcome: Outcome, now: Micros): boolean {
    if (outcome & FAILED) this.inARow += 1
    call.counted = this.window?.record(outcome, now) ?? 0
    return this.#toOpen()
  }

  /** A call that was counted while it ran has ended. @returns true when the breaker has to open */
  recordEnd(place: number, outcome: Outcome, now: Micros): boolean {
    const failed = (outcome & FAILED) !== 0
    this.inARow = failed ? this.inARow + 1 : 0
    if (!failed) return false
    this.window?.roll(now)
    this.window?.fail(place)
    return this.#toOpen()
  }

  /** As {@link record} of a good call, which never opens anything. */
  recordGood(now: Micros): void {
    this.inARow = 0
    this.window?.record(GOOD, now)
  }

  clear(): void {
    this.inARow = 0
    this.window?.clear()
  }

  #toOpen(): boolean {
    if (this.inARow >= this.#limits.inARow) return true
    return this.window !== undefined && this.#tooMany(this.window)
  }

  #tooMany({ calls, failed, slow }: CallWindow): boolean {
    const { minimumCalls, failureRate, slowRate } = this.#limits
    // A quotient is rounded as the option was: 3 of 30 are 0.1, while 0.1 * n need not be whole.
    return calls >= minimumCalls && (failed / calls >= failureRate || slow / calls >= slowRate)
  }
}
