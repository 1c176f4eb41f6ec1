import { ClosedError } from '../../core/errors.ts'
import type { Patience, Waiters } from '../../core/waiters.ts'
import type { Attempt } from './attempt.ts'

/** What items are pulled from, for {@link Pull}. */
export interface Pullable {
  /**
   * Begins an attempt at the next job, if there is one now.
   *
   * @param limited true where the limiter of the queue is asked
   */
  pullNext(limited: boolean): Attempt | undefined
  /** Why there will be no more; `undefined` while there may be. */
  whyClosed(): ClosedError | undefined
  /** A call begins to wait. */
  waits(): void
  /** A call that waited has got its job or has given up: it takes no more. */
  left(): void
}

/** Jobs taken out by hand: callers that wait for one, first come, first served, and loops over all of them. */
export class Pull {
  readonly #source: Pullable
  readonly #waiters: Waiters<Attempt>
  readonly #limited: boolean
  #loops = 0
  #serving = false

  /** @param limited true where the limiter of the queue is asked before each job */
  constructor(source: Pullable, waiters: Waiters<Attempt>, limited: boolean) {
    this.#source = source
    this.#waiters = waiters
    this.#limited = limited
  }

  /** True while a call of `get` or a loop waits for the next job. */
  get active(): boolean {
    return this.#waiters.size > 0 || this.#loops > 0
  }

  /** The next job, as soon as there is one. */
  next(patience: Patience | undefined): Promise<Attempt> {
    try {
      if (patience?.signal?.aborted === true) throw patience.signal.reason
      const attempt = this.#waiters.size > 0 ? undefined : this.#source.pullNext(this.#limited)
      if (attempt !== undefined) return Promise.resolve(attempt)
      const closed = this.#source.whyClosed()
      if (closed !== undefined) throw closed
      this.#source.waits()
      const wait = this.#waiters.wait(patience)
      wait.catch(() => this.#source.left())
      return wait
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** Gives the jobs that are there to the calls that wait. */
  serve(): void {
    // A job that leaves makes room for another, and this is told of that one too: only one loop hands out.
    if (this.#serving) return
    this.#serving = true
    let served = false
    while (this.#waiters.size > 0) {
      const attempt = this.#source.pullNext(this.#limited)
      if (attempt === undefined) break
      this.#waiters.grant(attempt)
      served = true
    }
    this.#serving = false
    if (served && !this.active) this.#source.left()
  }

  /** All items, until there are no more. */
  async *loop<T>(get: () => Promise<T>): AsyncIterableIterator<T> {
    this.#loops += 1
    try {
      for (;;) {
        let item: T
        try {
          item = await get()
        } catch (error) {
          if (error instanceof ClosedError) return
          throw error
        }
        yield item
      }
    } finally {
      this.#loops -= 1
      this.#source.left()
    }
  }

  /** There will be no more. */
  refuse(reason: unknown): void {
    this.#waiters.refuseAll(reason)
  }
}
