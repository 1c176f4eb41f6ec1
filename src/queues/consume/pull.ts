import { ClosedError } from '../../core/errors.ts'
import type { Waiters, WaitOptions } from '../../core/waiters.ts'

/** What jobs are pulled from, for {@link Pull}. */
export interface Pullable<T> {
  /** Takes the next job, if there is one now. */
  pullNext(): T | undefined
  /** A job that was taken has been handed to its caller. */
  handed(job: T): void
  /** Why there will be no more; `undefined` while there may be. */
  whyClosed(): ClosedError | undefined
  /** A call begins to wait. */
  waits(): void
  /** A call that waited has got its job or has given up: it takes no more. */
  left(): void
}

/** Jobs taken out by hand: callers that wait for one, first come, first served, and loops over all of them. */
export class Pull<T> {
  readonly #source: Pullable<T>
  readonly #waiters: Waiters<T>
  #loops = 0
  #serving = false

  constructor(source: Pullable<T>, waiters: Waiters<T>) {
    this.#source = source
    this.#waiters = waiters
  }

  /** True while a call of `get` or a loop waits for the next job. */
  get active(): boolean {
    return this.#waiters.size > 0 || this.#loops > 0
  }

  /** The next job, as soon as there is one. */
  next(patience: WaitOptions | undefined): Promise<T> {
    try {
      if (patience?.signal?.aborted === true) throw patience.signal.reason
      const job = this.#waiters.size > 0 ? undefined : this.#source.pullNext()
      if (job !== undefined) {
        this.#source.handed(job)
        return Promise.resolve(job)
      }
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
      const job = this.#source.pullNext()
      if (job === undefined) break
      this.#waiters.grant(job)
      this.#source.handed(job)
      served = true
    }
    this.#serving = false
    if (served && !this.active) this.#source.left()
  }

  /** All items, until there are no more. */
  async *loop<Item>(get: () => Promise<Item>): AsyncIterableIterator<Item> {
    this.#loops += 1
    try {
      for (;;) {
        let item: Item
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
