import { LONGEST_TIMEOUT } from './clock.ts'
import type { Millis } from './duration.ts'
import { StorageDownError } from './errors.ts'
import { macrotask } from './macrotask.ts'

/**
 * Rejects with a StorageDownError when `work` has not settled within `timeout`. What was asked may still happen. Only time in which this
 * process could have read an answer counts against the storage.
 *
 * @param why the cause of that, where it is known
 */
export function within<T>(
  timeout: Millis,
  work: Promise<T>,
  why: () => unknown = () => undefined,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const longest = Math.min(timeout, LONGEST_TIMEOUT)
    // Where the event loop was blocked the answer may have arrived, and not been read yet.
    const late = () => macrotask(() => reject(unanswered(timeout, why())))
    const timer = setTimeout(late, longest)
    work.then(
      (value) => {
        clearTimeout(timer)
        resolve(value)
      },
      (error) => {
        clearTimeout(timer)
        reject(error)
      },
    )
  })
}

/** A call that waits for its answer. */
interface AwaitedCall {
  /** By `performance.now()`. */
  readonly due: Millis
  over: boolean
  reject(error: unknown): void
}

/**
 * As {@link within}, with the same timeout for many calls and one timer for all of them: to set a timer for each call, and to end it, costs
 * more than all else that a process does for the call.
 */
export class SharedDeadline {
  readonly #timeout: Millis
  readonly #told: (error: unknown) => unknown
  /** From `#first` on, in the order in which they are due; some are over. */
  #calls: AwaitedCall[] = []
  #first = 0
  /** How many are not over. */
  #open = 0
  #timer: ReturnType<typeof setTimeout> | undefined

  /** @param told what callers are told for an error of the work, or that it is late */
  constructor(timeout: Millis, told: (error: unknown) => unknown = same) {
    this.#timeout = Math.min(timeout, LONGEST_TIMEOUT)
    this.#told = told
  }

  /** @param late gets an answer that comes after the deadline */
  within<T>(work: Promise<T>, late?: (value: T) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      const call: AwaitedCall = { due: performance.now() + this.#timeout, over: false, reject }
      this.#calls.push(call)
      this.#open += 1
      if (this.#timer === undefined) this.#arm(this.#timeout)
      else if (this.#open === 1) keepAlive(this.#timer, true)
      work.then(
        (value) => {
          if (call.over) return late?.(value)
          this.#end(call)
          resolve(value)
        },
        (error) => {
          if (call.over) return
          this.#end(call)
          reject(this.#told(error))
        },
      )
    })
  }

  #end(call: AwaitedCall): void {
    if (call.over) return
    call.over = true
    this.#open -= 1
    if (this.#open === 0) {
      this.#calls.length = 0
      this.#first = 0
      // The timer stays for the next call, and keeps no process alive until then.
      if (this.#timer !== undefined) keepAlive(this.#timer, false)
      return
    }
    while (this.#calls[this.#first]?.over) this.#first += 1
    if (this.#first < 1024 || 2 * this.#first < this.#calls.length) return
    this.#calls = this.#calls.slice(this.#first)
    this.#first = 0
  }

  #arm(delay: Millis): void {
    this.#timer = setTimeout(this.#ring, Math.ceil(delay))
    if (this.#open === 0) keepAlive(this.#timer, false)
  }

  readonly #ring = (): void => {
    this.#timer = undefined
    const first = this.#calls[this.#first]
    if (first === undefined) return
    const now = performance.now()
    if (first.due <= now) {
      // Where the event loop was blocked the answer may have arrived, and not been read yet.
      macrotask(() => this.#rejectDue(now))
    } else {
      this.#arm(first.due - now)
    }
  }

  #rejectDue(now: Millis): void {
    const late = this.#calls.slice(this.#first).filter((call) => !call.over && call.due <= now)
    for (const call of late) {
      this.#end(call)
      call.reject(this.#told(unanswered(this.#timeout, undefined)))
    }
    const next = this.#calls[this.#first]
    if (next === undefined) return
    // A call that came since the timer rang has set one for itself, and this one is due before.
    clearTimeout(this.#timer)
    this.#arm(Math.max(0, next.due - performance.now()))
  }
}

function same(error: unknown): unknown {
  return error
}

/** Browsers give numbers for timers, and keep nothing alive. */
function keepAlive(timer: unknown, alive: boolean): void {
  const { ref, unref } = timer as { ref?(): void; unref?(): void }
  if (alive) ref?.call(timer)
  else unref?.call(timer)
}

function unanswered(timeout: Millis, cause: unknown): StorageDownError {
  const what = `the storage did not answer within ${timeout} ms`
  if (cause === undefined) return new StorageDownError(what)
  const said = cause instanceof Error ? cause.message : String(cause)
  return new StorageDownError(`${what}: ${said}`, { cause })
}
