import { at, type Cancel } from '../core/clock.ts'
import type { Millis } from '../core/duration.ts'
import { quoted, WaitTimeoutError } from '../core/errors.ts'
import type { LeaseClock, Moment } from '../core/lease-clock.ts'
import { onAbort } from '../core/on-abort.ts'
import type { Listed } from '../core/roster.ts'
import type { LockLine } from './lock-line.ts'

/** What became of one who waited. */
export interface Outcome {
  granted(candidate: Candidate, asked: Moment, tokens: readonly number[]): void
  refused(candidate: Candidate, reason: unknown): void
  /** It waits no more. `over` resolves when what it may have been granted has been given back. */
  leaving(over: Promise<void>): void
  /** The storage could not be asked; it will be again. */
  failed(candidate: Candidate, error: unknown): void
}

/** One who waits for a lease, and how long he has the patience to. */
export class Candidate implements Listed {
  readonly holder: number
  readonly term: Millis
  readonly clock: LeaseClock
  /** How often to ask where nobody tells when to. */
  readonly retry: Millis
  /** When he came. */
  readonly began: Moment
  /** May he have been granted what he was not told of? */
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
