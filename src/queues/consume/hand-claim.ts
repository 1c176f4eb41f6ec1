import { type Duration, toMillis } from '../../core/duration.ts'
import type { JobClaim } from '../job.ts'
import type { Attempt } from './attempt.ts'
import type { Attempts } from './attempts.ts'

/** A job that was claimed by hand: exactly one of `complete`, `fail` and `release` ends the claim. */
export class HandClaim<T, R> implements JobClaim<T, R> {
  readonly #attempt: Attempt
  readonly #attempts: Attempts
  readonly #ended: () => void

  /** @param ended called when the claim has ended */
  constructor(attempt: Attempt, attempts: Attempts, ended: () => void) {
    this.#attempt = attempt
    this.#attempts = attempts
    this.#ended = ended
  }

  get id(): string {
    return this.#attempt.id
  }

  get item(): T {
    return this.#attempt.job.item as T
  }

  get delivery(): number {
    return this.#attempt.delivery
  }

  get signal(): AbortSignal {
    return this.#attempt.signal
  }

  async complete(result?: R): Promise<boolean> {
    return this.#end(async () => {
      await this.#attempts.complete(this.#attempt, result)
      return true
    })
  }

  async fail(error: unknown): Promise<boolean> {
    return this.#end(async () => {
      await this.#attempts.fail(this.#attempt, error)
      return true
    })
  }

  async release(delay: Duration = 0): Promise<boolean> {
    const millis = toMillis('delay', delay)
    return this.#end(async () => this.#attempts.release(this.#attempt, millis))
  }

  async #end(end: () => Promise<boolean>): Promise<boolean> {
    const late = this.#attempt.decided
    if (late) this.#attempts.reap(this.#attempt)
    const ended = late ? false : await end()
    this.#ended()
    return ended
  }
}
