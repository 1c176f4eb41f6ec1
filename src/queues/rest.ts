import type { Events } from '../core/events.ts'
import type { Patience, Waiters } from '../core/waiters.ts'
import type { Intake } from './intake.ts'
import type { QueueEvents } from './queue.ts'
import type { Staff } from './staff.ts'
import type { WaitingJobs } from './waiting-jobs.ts'

/** Knows when nothing waits and nothing runs, and tells those who want to know. */
export class Rest<T, R> {
  readonly #line: WaitingJobs
  readonly #intake: Intake
  readonly #staff: Staff
  readonly #events: Events<QueueEvents<T, R>>
  readonly #waiters: Waiters<void>

  constructor(
    line: WaitingJobs,
    intake: Intake,
    staff: Staff,
    events: Events<QueueEvents<T, R>>,
    waiters: Waiters<void>,
  ) {
    this.#line = line
    this.#intake = intake
    this.#staff = staff
    this.#events = events
    this.#waiters = waiters
  }

  get come(): boolean {
    return this.#intake.offers.size === 0 && this.#line.size === 0 && this.#staff.busy === 0
  }

  wait(patience: Patience | undefined): Promise<void> {
    return this.#waiters.wait(patience)
  }

  /** Something has ended: was it the last? */
  look(): void {
    if (this.#waiters.size === 0 && !this.#events.listened) return
    if (!this.come) return
    this.#waiters.grantAll(undefined)
    if (this.#events.listened) this.#events.emit('idle', {})
  }

  /** The queue is over: it rests, or never will. */
  end(reason: unknown): void {
    if (this.come) this.#waiters.grantAll(undefined)
    else this.#waiters.refuseAll(reason)
  }
}
