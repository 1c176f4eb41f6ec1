import { known } from '../core/check.ts'
import { ClosedError } from '../core/errors.ts'
import { PATIENCE, type Patience, type Waiters } from '../core/waiters.ts'

/** Where items come from, for {@link Pulling}. */
export interface Pullable<T> {
  /** The next item, if there is one now. */
  take(): { item: T } | undefined
  /** Why there will be none; `undefined` while there may be. */
  closed(): ClosedError | undefined
  /** Somebody begins to wait. */
  waits(): void
  /** Somebody has had enough. */
  left(): void
}

/** Items taken out by hand: those who wait for one, first come, first served, and loops over all of them. */
export class Pulling<T> {
  readonly #source: Pullable<T>
  readonly #waiters: Waiters<T>
  #loops = 0

  constructor(source: Pullable<T>, waiters: Waiters<T>) {
    this.#source = source
    this.#waiters = waiters
  }

  /** Will somebody take what comes? */
  get active(): boolean {
    return this.#waiters.size > 0 || this.#loops > 0
  }

  get(patience: Patience | undefined): Promise<T> {
    try {
      if (patience !== undefined) known('queue.get', patience, PATIENCE)
      if (patience?.signal?.aborted === true) throw patience.signal.reason
      const job = this.#waiters.size > 0 ? undefined : this.#source.take()
      if (job !== undefined) return Promise.resolve(job.item)
      const closed = this.#source.closed()
      if (closed !== undefined) throw closed
      this.#source.waits()
      return this.#waiters.wait(patience)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** Hands out what there is to those who wait. */
  serve(): void {
    while (this.#waiters.size > 0) {
      const job = this.#source.take()
      if (job === undefined) break
      this.#waiters.grant(job.item)
    }
  }

  async *loop(): AsyncIterableIterator<T> {
    this.#loops += 1
    try {
      for (;;) {
        let item: T
        try {
          item = await this.get(undefined)
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
