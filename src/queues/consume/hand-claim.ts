import { type Duration, toMillis } from '../../core/duration.ts'
import type { JobClaim } from '../job.ts'
import type { MaybePromise } from '../store/job-store.ts'
import type { Attempt } from './attempt.ts'
import type { Attempts } from './attempts.ts'

/** A job that was claimed by hand: exactly one of `complete`, `fail` and `release` ends the claim. */
export class HandClaim<T, R> implements JobClaim<T, R> {
  /** What was claimed. The job may wait again, for a newer item. */
  readonly item: T
  readonly #attempt: Attempt
  readonly #attempts: Attempts
  readonly #ended: () => void

  /** @param ended called when the claim has ended */
  constructor(attempt: Attempt, attempts: Attempts, ended: () => void) {
    this.item = attempt.job.item as T
    this.#attempt = attempt
    this.#attempts = attempts
    this.#ended = ended
  }

  get id(): string {
    return this.#attempt.id
  }

  get delivery(): number {
    return this.#attempt.delivery
  }

  get signal(): AbortSignal {
    return this.#attempt.signal
  }

  complete(result?: R): Promise<boolean> {
    return this.#end(() => this.#attempts.complete(this.#attempt, result))
  }

  fail(error: unknown): Promise<boolean> {
    return this.#end(() => this.#attempts.fail(this.#attempt, error))
  }

  async release(delay: Duration = 0): Promise<boolean> {
    const millis = toMillis('delay', delay)
    return this.#end(() => this.#attempts.release(this.#attempt, millis, true))
  }

  async #end(end: () => MaybePromise<boolean>): Promise<boolean> {
    if (this.#attempt.decided) this.#attempts.reap(this.#attempt)
    const ended = this.#attempt.decided ? false : await end()
    this.#ended()
    return ended
  }
}
