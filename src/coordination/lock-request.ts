import { at, type Cancel } from '../core/clock.ts'
import type { Millis } from '../core/duration.ts'
import { quoted, WaitTimeoutError } from '../core/errors.ts'
import type { Indexed } from '../core/indexed-set.ts'
import type { LeaseClock, Moment } from '../core/lease-clock.ts'
import { onAbort } from '../core/on-abort.ts'
import type { HeldLease } from './held-lease.ts'

/** The queue of one process for a lock, or for several at once. */
export interface RequestQueue {
  readonly names: readonly string[]
  join(request: LockRequest): void
  /** @returns when a lease that was asked for the request has been given back, as far as that can be done */
  leave(request: LockRequest): Promise<void>
}

/** Hears what happens to requests. */
export interface RequestListener {
  granted(request: LockRequest, asked: Moment, tokens: readonly number[]): void
  refused(request: LockRequest, reason: unknown): void
  /** A request is withdrawn. `over` resolves when a lease that it may have been granted has been given back. */
  leaving(over: Promise<void>): void
  /** The storage could not be asked; the request will be sent again. */
  failed(request: LockRequest, error: unknown): void
}

/** What a caller asks for, and the promise that its answer settles. */
export interface LockCall {
  readonly holder: string
  readonly term: Millis
  /** True where the lease renews itself. */
  readonly renews: boolean
  readonly resolve: (lease: HeldLease) => void
  readonly reject: (reason: unknown) => void
}

/** A caller that waits for a lease, and how long it waits at most. */
export class LockRequest implements Indexed {
  readonly call: LockCall
  readonly clock: LeaseClock
  /** How often to ask when the storage cannot tell that the lease is free. */
  readonly retry: Millis
  /** When it began to wait. */
  readonly began: Moment
  /** True when a lease may have been granted although its answer was lost. */
  doubtful = false
  place = 0
  readonly #queue: RequestQueue
  readonly #listener: RequestListener
  #forgetSignal: (() => void) | undefined
  #cancelTimer: Cancel | undefined
  #failure: unknown

  constructor(
    queue: RequestQueue,
    call: LockCall,
    retry: Millis,
    clock: LeaseClock,
    listener: RequestListener,
  ) {
    this.#queue = queue
    this.call = call
    this.retry = retry
    this.clock = clock
    this.began = clock.moment()
    this.#listener = listener
  }

  get names(): readonly string[] {
    return this.#queue.names
  }

  join(signal: AbortSignal | undefined, timeout: Millis): void {
    if (signal !== undefined) {
      this.#forgetSignal = onAbort(signal, () => this.withdraw(signal.reason))
    }
    if (timeout < Infinity) {
      const { steady } = this.clock
      this.#cancelTimer = at(steady, steady.now() + timeout, () => this.withdraw(this.#late()))
    }
    this.#queue.join(this)
  }

  grant(asked: Moment, tokens: readonly number[]): void {
    this.#settle()
    this.#listener.granted(this, asked, tokens)
  }

  refuse(reason: unknown): void {
    this.#settle()
    this.#listener.refused(this, reason)
  }

  failed(error: unknown): void {
    this.#failure = error
    this.#listener.failed(this, error)
  }

  /** Waits no more. */
  withdraw(reason: unknown): void {
    this.#listener.leaving(this.#queue.leave(this))
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
