import { abortable, known, type OptionTable } from './check.ts'
import { at, type Cancel, type Clock } from './clock.ts'
import { type Duration, type Millis, toMillis } from './duration.ts'
import { WaitTimeoutError } from './errors.ts'
import { OldestFirst } from './oldest-first.ts'
import { onAbort } from './on-abort.ts'

/** The options of every wait. */
export interface WaitOptions {
  /** Gives up when it aborts, with its reason. */
  signal?: AbortSignal | undefined
  /** The longest wait. @default no end */
  timeout?: Duration | undefined
}

export const WAIT_OPTIONS: OptionTable<WaitOptions> = { signal: true, timeout: true }

/**
 * Checks what a wait takes, also where nothing has to be waited for.
 *
 * @param what whose options they are, as users call it: `queue.get`
 */
export function checkWaitOptions(what: string, patience: WaitOptions): void {
  known(what, patience, WAIT_OPTIONS)
  checkWait(patience)
}

/** As {@link checkWaitOptions}, for options whose names have been checked. */
export function checkWait({ signal, timeout }: WaitOptions): void {
  abortable(signal)
  if (timeout !== undefined) toMillis('timeout', timeout)
}

/** Resolves after `delay`, or rejects with the reason of `signal`. */
export function pause(clock: Clock, delay: Millis, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason)
    const cancel = at(clock, clock.now() + delay, () => {
      forget()
      resolve()
    })
    const forget = onAbort(signal, () => {
      cancel()
      reject(signal.reason)
    })
  })
}

interface Waiter<T> {
  grant(value: T): void
  refuse(reason: unknown): void
}

/** A line of callers that wait for the same kind of thing, first come, first served. */
export class Waiters<T> {
  readonly #clock: Clock
  readonly #what: string
  readonly #line = new OldestFirst<Waiter<T>, true>()

  /** @param what what the callers wait for, for the message of `WAIT_TIMEOUT` */
  constructor(clock: Clock, what: string) {
    this.#clock = clock
    this.#what = what
  }

  get size(): number {
    return this.#line.size
  }

  wait(patience: WaitOptions = {}): Promise<T> {
    return new Promise((resolve, reject) => {
      known('a wait', patience, WAIT_OPTIONS)
      const signal = abortable(patience.signal)
      if (signal?.aborted === true) return reject(signal.reason)
      const timeout: Millis =
        patience.timeout === undefined ? Infinity : toMillis('timeout', patience.timeout)
      let cancelTimer: Cancel | undefined
      let forget: (() => void) | undefined
      const leave = () => {
        this.#line.delete(waiter)
        cancelTimer?.()
        forget?.()
      }
      const waiter: Waiter<T> = {
        grant(value) {
          leave()
          resolve(value)
        },
        refuse(reason) {
          leave()
          reject(reason)
        },
      }
      this.#line.put(waiter, true)
      forget = signal && onAbort(signal, () => waiter.refuse(signal.reason))
      if (timeout < Infinity) {
        cancelTimer = at(this.#clock, this.#clock.now() + timeout, () => {
          waiter.refuse(new WaitTimeoutError(`${this.#what} did not come in time`, 0))
        })
      }
    })
  }

  /** Serves the first caller. @returns `false` when no caller waits */
  grant(value: T): boolean {
    const first = this.#line.shift()
    first?.[0].grant(value)
    return first !== undefined
  }

  grantAll(value: T): void {
    for (const [waiter] of [...this.#line]) waiter.grant(value)
  }

  refuseAll(reason: unknown): void {
    for (const [waiter] of [...this.#line]) waiter.refuse(reason)
  }
}
