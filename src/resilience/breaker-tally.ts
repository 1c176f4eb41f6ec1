import type { Micros } from '../core/duration.ts'
import type { Events } from '../core/events.ts'
import type { BreakerMeter } from './breaker-meter.ts'
import type { BreakerEvents, BreakerStats } from './breaker-types.ts'
import { FAILED, NO_FAILURE, type Outcome, SLOW } from './outcome.ts'

/**
 * Counts since the start, and tells listeners and meters: every admitted call ends in exactly one of succeeded, failed,
 * ignored and stale.
 */
export class BreakerTally {
  admitted = 0
  readonly #name: string
  readonly #events: Events<BreakerEvents>
  readonly #meter: BreakerMeter | undefined
  #succeeded = 0
  #failed = 0
  #slow = 0
  #ignored = 0
  #stale = 0
  #refused = 0

  constructor(name: string, events: Events<BreakerEvents>, meter: BreakerMeter | undefined) {
    this.#name = name
    this.#events = events
    this.#meter = meter
  }

  /** A call was not let through. */
  refused(retryAfter: number): void {
    this.#refused += 1
    if (!this.#events.heard) return
    this.#meter?.refused()
    this.#events.emit('refused', { name: this.#name, retryAfter })
  }

  /** A call that was not timed has succeeded, and there is no listener. */
  passed(): void {
    this.#succeeded += 1
    this.#meter?.passed()
  }

  /** A call has ended. @param took where it was timed */
  ended(outcome: Outcome, stale: boolean, took: Micros | undefined, error: unknown): void {
    if (stale) this.#stale += 1
    else if (outcome & FAILED) this.#failed += 1
    else if (outcome & NO_FAILURE) this.#ignored += 1
    else this.#succeeded += 1
    if (!stale && outcome & SLOW) this.#slow += 1
    if (!this.#events.heard) return
    this.#meter?.ended(outcome, stale, took)
    if (this.#events.listened) this.#tell(outcome, stale, took, error)
  }

  counts(): Omit<
    BreakerStats,
    'name' | 'state' | 'retryAfter' | 'opened' | 'failuresInARow' | 'probes' | 'window'
  > {
    const { admitted } = this
    const succeeded = this.#succeeded
    const failed = this.#failed
    const slow = this.#slow
    const ignored = this.#ignored
    const stale = this.#stale
    const refused = this.#refused
    const { running } = this
    return { admitted, succeeded, failed, slow, ignored, stale, running, refused }
  }

  /** Calls that have not ended. */
  get running(): number {
    return this.admitted - this.#succeeded - this.#failed - this.#ignored - this.#stale
  }

  #tell(outcome: Outcome, stale: boolean, took: Micros | undefined, error: unknown): void {
    const seconds = took === undefined ? undefined : took / 1e6
    const call = { name: this.#name, seconds, slow: (outcome & SLOW) !== 0, stale }
    if (outcome & FAILED) this.#events.emit('failure', { ...call, error })
    else if (outcome & NO_FAILURE) this.#events.emit('ignored', { ...call, error })
    else this.#events.emit('success', call)
  }
}
