import type { Clock } from '../../core/clock.ts'
import { toMillis } from '../../core/duration.ts'
import { isAioFluxError, WaitTimeoutError } from '../../core/errors.ts'
import type { Waiters, WaitOptions } from '../../core/waiters.ts'
import type { StoredDesk } from '../observe/stored-desk.ts'
import { answered, POLL, unlessTimeout } from './answered.ts'
import type { DurableShutdown } from './durable-shutdown.ts'

/** Resolves `onIdle` of a shared queue: no process works, and nothing waits. Only the store knows that, so it is asked. */
export class DurableIdle {
  readonly #clock: Clock
  readonly #what: string
  readonly #desk: StoredDesk
  readonly #ends: Waiters<void>
  readonly #shutdown: DurableShutdown<unknown>

  /**
   * @param what what callers wait for, for the message of `WAIT_TIMEOUT`
   * @param ends wakes when an attempt may have ended
   */
  constructor(
    clock: Clock,
    what: string,
    desk: StoredDesk,
    ends: Waiters<void>,
    shutdown: DurableShutdown<unknown>,
  ) {
    this.#clock = clock
    this.#what = what
    this.#desk = desk
    this.#ends = ends
    this.#shutdown = shutdown
  }

  async wait({ signal, timeout }: WaitOptions): Promise<void> {
    const clock = this.#clock
    const what = this.#what
    const end = timeout === undefined ? Infinity : clock.now() + toMillis('timeout', timeout)
    for (let closed: unknown; ; ) {
      const answer = this.#desk.counts()
      const { waiting, delayed, running } = await answered(clock, answer, what, { end, signal })
      if (waiting + delayed + running === 0) return
      if (closed !== undefined) throw closed
      this.#shutdown.checkReported()
      const left = Math.min(POLL, end - clock.now())
      if (left <= 0) throw new WaitTimeoutError(`${what} did not come in time`, 0)
      await this.#ends.wait({ signal, timeout: left / 1000 }).catch((error: unknown) => {
        // The queue has stopped: the job that ended last may have been the last of all.
        if (isAioFluxError(error, 'CLOSED')) closed = error
        else unlessTimeout(error)
      })
    }
  }
}
