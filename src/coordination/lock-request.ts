import { at, type Cancel } from '../core/clock.ts'
import type { Millis } from '../core/duration.ts'
import { quoted, WaitTimeoutError } from '../core/errors.ts'
import type { LeaseClock, Moment } from '../core/lease-clock.ts'
import { onAbort } from '../core/on-abort.ts'
import type { Listed } from '../core/roster.ts'
import type { LockLine } from './lock-line.ts'

/** How a wait for a lease ended. */
export interface Outcome {
  granted(candidate: Candidate, asked: Moment, tokens: readonly number[]): void
  refused(candidate: Candidate, reason: unknown): void
  /** The candidate waits no more. `over` resolves when a lease that it may have been granted has been given back. */
  leaving(over: Promise<void>): void
  /** The storage could not be asked; the candidate will ask again. */
  failed(candidate: Candidate, error: unknown): void
}

/** A caller that waits for a lease, and how long it waits at most. */
export class Candidate implements Listed {
  readonly holder: number
  readonly term: Millis
  readonly clock: LeaseClock
  /** How often to ask when the storage cannot tell that the lease is free. */
  readonly retry: Millis
  /** When it began to wait. */
  readonly began: Moment
  /** True when a lease may have been granted although its answer was lost. */
  doubtful = false
  place = 0
  readonly #line: LockLine
  readonly #outcome: Outcome
  #forgetSignal: (() => void) | undefined
  #cancelTimer: Cancel | undefined
  #failure: unknown

  constructor(
    line: LockLine,
    holder: number,
    term: Millis,
    retry: Millis,
    clock: LeaseClock,
    outcome: Outcome,
  ) {
    this.#line = line
    this.holder = holder
    this.term = term
    this.retry = retry
    this.clock = clock
    this.began = clock.moment()
    this.#outcome = outcome
  }

  get names(): readonly string[] {
    return this.#line.names
  }

  join(signal: AbortSignal | undefined, timeout: Millis): void {
    if (signal !== undefined) {
      this.#forgetSignal = onAbort(signal, () => this.withdraw(signal.reason))
    }
    if (timeout < Infinity) {
      const { steady } = this.clock
      this.#cancelTimer = at(steady, steady.now() + timeout, () => this.withdraw(this.#late()))
    }
    this.#line.join(this)
  }

  grant(asked: Moment, tokens: readonly number[]): void {
    this.#settle()
    this.#outcome.granted(this, asked, tokens)
  }

  refuse(reason: unknown): void {
    this.#settle()
    this.#outcome.refused(this, reason)
  }

  failed(error: unknown): void {
    this.#failure = error
    this.#outcome.failed(this, error)
  }

  /** Waits no more. */
  withdraw(reason: unknown): void {
    this.#outcome.leaving(this.#line.leave(this))
    this.refuse(reason)
  }

  #settle(): void {
    this.#cancelTimer?.()
    this.#forgetSignal?.()
  }

  #late(): WaitTimeoutError {
    const lock = quoted(this.names.join())
    const error = new WaitTimeoutError(`the lock ${lock} was not free in time`, 0)
    if (this.#failure !== undefined) error.cause = this.#failure
    return error
  }
}
