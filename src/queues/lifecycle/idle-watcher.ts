import type { Waiters, WaitOptions } from '../../core/waiters.ts'
import type { QueueEvents } from '../observe/queue-events.ts'

/** Resolves `onIdle` when nothing waits and nothing runs. */
export class IdleWatcher {
  readonly #isIdle: () => boolean
  readonly #events: QueueEvents
  readonly #waiters: Waiters<void>
  /** Why no caller waits any more. */
  #closed: Error | undefined

  constructor(isIdle: () => boolean, events: QueueEvents, waiters: Waiters<void>) {
    this.#isIdle = isIdle
    this.#events = events
    this.#waiters = waiters
  }

  async wait(patience: WaitOptions | undefined): Promise<void> {
    if (this.#isIdle()) return
    if (this.#closed !== undefined) throw this.#closed
    await this.#waiters.wait(patience)
  }

  /** Something has ended, perhaps the last. */
  look(): void {
    if (this.#waiters.size === 0 && !this.#events.listened) return
    if (!this.#isIdle()) return
    this.#waiters.grantAll(undefined)
    this.#events.idle()
  }

  /** The queue is over: it is idle, or never will be. */
  end(reason: Error): void {
    this.#closed = reason
    if (this.#isIdle()) this.#waiters.grantAll(undefined)
    else this.#waiters.refuseAll(reason)
  }
}
