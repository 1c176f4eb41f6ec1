import { oneOf } from '../../core/check.ts'
import type { Clock } from '../../core/clock.ts'
import type { Decision } from '../../core/decision.ts'
import { type Duration, type Millis, toPositiveMicros } from '../../core/duration.ts'

/** The answer of a limiter while its storage cannot be reached: deny, allow, ask a local limiter with the same numbers, or throw a StorageDownError. */
export type OutagePolicy = 'deny' | 'allow' | 'local' | 'throw'

/** Checks the options that need a storage that can fail. */
export function checkOutage(options: {
  readonly onStorageError?: OutagePolicy
  readonly storageTimeout?: Duration
}): void {
  const { onStorageError, storageTimeout } = options
  if (onStorageError !== undefined) checkPolicy('onStorageError', onStorageError)
  if (storageTimeout !== undefined) toPositiveMicros('storageTimeout', storageTimeout)
}

/** @param name the name of the option */
export function checkPolicy(name: string, policy: OutagePolicy): void {
  oneOf(name, policy, ['deny', 'allow', 'local', 'throw'])
}

/** How long no request is sent to the storage after a failure: at first, and at most. */
const FIRST_PAUSE: Millis = 100
const LONGEST_PAUSE: Millis = 2000

/**
 * Decides whether a storage may be asked. After a failure no request is sent for a while, so that an outage costs one timeout and not one
 * for each request. Then a single request is sent as a probe: its success ends the outage, its failure doubles the pause.
 */
export class Outage {
  /** The failure that began the outage; `undefined` while there is none. */
  failure: Error | undefined
  readonly #clock: Clock
  #pause: Millis = 0
  #until: Millis = -Infinity
  #probing = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Milliseconds until the storage may be asked again; 0 when it may be asked now. */
  get left(): Millis {
    if (this.#pause === 0) return 0
    return this.#probing ? this.#pause : Math.max(0, this.#until - this.#clock.now())
  }

  /** A request is sent to the storage. */
  asking(): void {
    if (this.#pause > 0) this.#probing = true
  }

  /** The storage has answered. @returns true when that ends an outage */
  answered(): boolean {
    if (this.#pause === 0) return false
    this.#pause = 0
    this.#until = -Infinity
    this.#probing = false
    this.failure = undefined
    return true
  }

  /**
   * Takes over the outage that another limiter has met at the same storage.
   *
   * @returns the failure, when it was not known here
   */
  follow(other: Outage): Error | undefined {
    if (this.left > 0 || other.#until <= this.#clock.now()) return undefined
    this.failure = other.failure
    this.#pause = other.#pause
    this.#until = other.#until
    return this.failure
  }

  /** A request has ended without telling whether the storage works, for example in an error of the caller. The next request may be sent. */
  unanswered(): void {
    this.#probing = false
  }

  /** A request has failed. Requests that were sent before the first failure was known do not make the pause longer. */
  failed(failure: Error): void {
    this.failure = failure
    if (this.#pause > 0 && !this.#probing) return
    this.#probing = false
    this.#pause = Math.min(LONGEST_PAUSE, this.#pause === 0 ? FIRST_PAUSE : this.#pause * 2)
    this.#until = this.#clock.now() + this.#pause
  }
}

/** The decision of a policy that needs no storage. */
export function degraded(allowed: boolean, limit: number, cost: number, left: Millis): Decision {
  const retryAfter = allowed ? 0 : Math.max(left, FIRST_PAUSE) / 1000
  const times = { retryAfter, resetAfter: retryAfter }
  return { allowed, limit, remaining: 0, ...times, cost, degraded: true, uncounted: true }
}
