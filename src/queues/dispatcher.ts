import { JobDroppedError } from '../core/errors.ts'
import type { JobOwner, QueuedJob } from './job.ts'
import type { News } from './news.ts'
import { toPriority } from './settings.ts'
import type { Staff } from './staff.ts'
import type { WaitingJobs } from './waiting-jobs.ts'

/** Moves jobs that were put, and calls them off, whether they wait or run. */
export class Dispatcher<T, R> implements JobOwner {
  readonly #line: WaitingJobs
  readonly #staff: Staff
  readonly #news: News<T, R>
  readonly #ranked: boolean
  readonly #ended: () => void

  /**
   * @param ranked do priorities mean anything here?
   * @param ended called when a waiting job has ended
   */
  constructor(
    line: WaitingJobs,
    staff: Staff,
    news: News<T, R>,
    ranked: boolean,
    ended: () => void,
  ) {
    this.#line = line
    this.#staff = staff
    this.#news = news
    this.#ranked = ranked
    this.#ended = ended
  }

  cancel(job: QueuedJob, reason: unknown): boolean {
    if (job.over) return false
    if (job.state === 'running') this.#staff.consumer?.attempts.forsake(job, 'cancelled', reason)
    else this.#end(job, 'cancelled', reason)
    this.#news.tell('cancelled', { job, item: job.item, reason })
    return true
  }

  reprioritise(job: QueuedJob, priority: number): boolean {
    toPriority(priority)
    return this.#ranked && this.#line.reprioritise(job, priority)
  }

  progressed(job: QueuedJob, value: unknown): void {
    const { events } = this.#news
    if (events.listened) events.emit('progress', { job, item: job.item, value })
  }

  /** Gives up a job that waits. */
  drop(job: QueuedJob, reason: unknown, why: 'clear' | 'stop'): void {
    this.#end(job, 'dropped', reason)
    this.#news.dropped(job, why)
  }

  /** Gives up all that waits, and returns it. */
  clear(): T[] {
    const jobs = [...this.#line]
    const reason = new JobDroppedError('the queue was cleared')
    // From the end, so that those who wait for room are not let in by those who make it.
    for (const job of [...jobs].reverse()) this.drop(job, reason, 'clear')
    return jobs.map((job) => job.item)
  }

  #end(job: QueuedJob, state: 'cancelled' | 'dropped', reason: unknown): void {
    this.#line.withdraw(job)
    job.end(state, reason)
    this.#ended()
  }
}
