import type { Clock } from '../core/clock.ts'
import { within } from '../core/deadline.ts'
import type { Decision } from '../core/decision.ts'
import type { Millis } from '../core/duration.ts'
import { isAioFluxError } from '../core/errors.ts'

/** What a limiter answers while its storage cannot be asked. */
export type OutagePolicy = 'deny' | 'allow' | 'local' | 'throw'

/** How long the storage is left alone after a failure: at first, and at most. */
const FIRST_PAUSE: Millis = 100
const LONGEST_PAUSE: Millis = 2000

export interface OutageEvents {
  storageError(error: Error): void
  recovered(): void
}

/**
 * Stands between a limiter and its storage: bounds every call, and after a failure leaves the storage alone for a
 * while, so that an outage costs one timeout and not one for each request. Then a single call goes through to see;
 * its success ends the outage, its failure doubles the pause.
 *
 * Only failures of the storage count. An error of the caller's is the caller's.
 */
export class Outage {
  readonly #clock: Clock
  readonly #timeout: Millis | undefined
  readonly #events: OutageEvents
  #pause = 0
  /** Why the storage is left alone. */
  lastFailure: Error | undefined
  #until: Millis = -Infinity
  #probing = false

  constructor(clock: Clock, timeout: Millis | undefined, events: OutageEvents) {
    this.#clock = clock
    this.#timeout = timeout
    this.#events = events
  }

  /** Milliseconds until the storage is asked again; 0 when it can be now. */
  get left(): Millis {
    if (this.#pause === 0) return 0
    return this.#probing ? this.#pause : Math.max(0, this.#until - this.#clock.now())
  }

  /** Asks the storage; `undefined` when it cannot be asked. */
  async ask<T>(run: () => Promise<T>): Promise<T | { failure: Error | undefined }> {
    if (this.left > 0) return { failure: undefined }
    const probe = this.#pause > 0
    this.#probing = probe
    try {
      const answer = await (this.#timeout === undefined ? run() : within(this.#timeout, run()))
      if (this.#pause > 0) {
        this.#pause = 0
        this.#events.recovered()
      }
      return answer
    } catch (error) {
      if (!isAioFluxError(error, 'STORAGE_DOWN')) throw error
      if (probe || this.#pause === 0) {
        this.#pause = Math.min(LONGEST_PAUSE, this.#pause === 0 ? FIRST_PAUSE : this.#pause * 2)
        this.#until = this.#clock.now() + this.#pause
      }
      this.lastFailure = error
      this.#events.storageError(error)
      return { failure: error }
    } finally {
      if (probe) this.#probing = false
    }
  }
}

/** The decision of a policy that needs no storage. */
export function degraded(allowed: boolean, limit: number, cost: number, left: Millis): Decision {
  const retryAfter = allowed ? 0 : Math.max(left, FIRST_PAUSE) / 1000
  return { allowed, limit, remaining: 0, retryAfter, resetAfter: retryAfter, cost, degraded: true }
}
