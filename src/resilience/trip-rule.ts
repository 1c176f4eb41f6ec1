import type { Micros } from '../core/duration.ts'
import { type CallWindow, callWindow } from './call-window.ts'
import { FAILED, GOOD, type Outcome, SLOW } from './outcome.ts'

/** When a closed breaker opens, in checked numbers; `Infinity` for a limit that was not given. */
export interface TripLimits {
  /** So many failures in a row. */
  readonly inARow: number
  /** So large a share of the window failed. */
  readonly failureRate: number
  /** So large a share of the window was slow. */
  readonly slowRate: number
  /** The window must hold so many calls before its rates count. */
  readonly minimumCalls: number
  /** The window; none where no rate was given. */
  readonly window?: { calls: number } | Micros
}

/** Counts the calls of a closed breaker and says when it has to open. */
export class TripRule {
  /** Failures since the last success. */
  inARow = 0
  readonly window: CallWindow | undefined
  /** Does the window go by the clock? */
  readonly timed: boolean
  readonly #limits: TripLimits

  constructor(limits: TripLimits) {
    this.#limits = limits
    this.window = limits.window === undefined ? undefined : callWindow(limits.window)
    this.timed = typeof limits.window === 'number'
  }

  /**
   * Counts one call; is it time to open? Only a bad call can be the one: a success never opens a breaker, even where it
   * is the one that fills the minimum.
   */
  record(outcome: Outcome, now: Micros): boolean {
    const failed = (outcome & FAILED) !== 0
    this.inARow = failed ? this.inARow + 1 : 0
    const { window } = this
    if (window === undefined) return failed && this.inARow >= this.#limits.inARow
    window.record(outcome, now)
    if ((outcome & (FAILED | SLOW)) === 0) return false
    return this.inARow >= this.#limits.inARow || this.#tooMany(window)
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

  #tooMany({ calls, failed, slow }: CallWindow): boolean {
    const { minimumCalls, failureRate, slowRate } = this.#limits
    // A quotient is rounded as the option was: 3 of 30 are 0.1, while 0.1 * n need not be whole.
    return calls >= minimumCalls && (failed / calls >= failureRate || slow / calls >= slowRate)
  }
}
