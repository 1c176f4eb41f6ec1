import { JobDroppedError } from '../../core/errors.ts'
import type { Attempts } from '../consume/attempts.ts'
import type { Admission } from '../enqueue/admission.ts'
import type { QueueEvents } from '../observe/queue-events.ts'
import { toPriority } from '../settings.ts'
import type { JobOwner, LocalJob } from '../store/local-job.ts'
import type { MemoryJobs } from '../store/memory-jobs.ts'

/** Changes the priority of jobs, and cancels them, whether they wait or run. */
export class JobControl implements JobOwner {
  readonly #jobs: MemoryJobs
  readonly #attempts: Attempts
  readonly #admission: Admission
  readonly #events: QueueEvents
  readonly #ranked: boolean
  readonly #ended: () => void

  /**
   * @param ranked true where priorities mean anything
   * @param ended called when a waiting job has ended
   */
  constructor(
    jobs: MemoryJobs,
    attempts: Attempts,
    admission: Admission,
    events: QueueEvents,
    ranked: boolean,
    ended: () => void,
  ) {
    this.#jobs = jobs
    this.#attempts = attempts
    this.#admission = admission
    this.#events = events
    this.#ranked = ranked
    this.#ended = ended
  }

  cancel(job: LocalJob, reason: unknown): boolean {
    if (job.over) return false
    const attempt = this.#attempts.of(job)
    if (attempt !== undefined) this.#attempts.abandon(attempt, 'cancelled', reason)
    else this.#end(job, 'cancelled', reason)
    this.#events.cancelled(job, reason)
    return true
  }

  reprioritise(job: LocalJob, priority: number): boolean {
    toPriority(priority)
    if (!this.#ranked) return false
    if (job.state !== 'offered') return this.#jobs.reprioritise(job, priority)
    job.priority = priority
    return true
  }

  progressed(job: LocalJob, value: unknown): void {
    this.#events.progressed(job, value)
  }

  /** All that was put and not begun, waiting for room included. */
  *waiting(): Iterable<LocalJob> {
    yield* this.#jobs.waiting()
    yield* this.#jobs.later()
    yield* this.#admission.offers
  }

  /** Gives up a job that waits. */
  drop(job: LocalJob, reason: unknown, why: 'clear' | 'stop'): void {
    this.#end(job, 'dropped', reason)
    this.#events.dropped(job, why)
  }

  /** Gives up all that waits, and returns it. */
  clear(): LocalJob[] {
    const reason = new JobDroppedError('the queue was cleared')
    return this.dropAll([...this.waiting()], () => reason, 'clear')
  }

  /**
   * Gives up jobs that wait, and returns those. What one of them stood before, as at a limiter, may be claimed meanwhile: it is left
   * alone then.
   */
  dropAll(
    jobs: readonly LocalJob[],
    reasonOf: (job: LocalJob) => unknown,
    why: 'clear' | 'stop',
  ): LocalJob[] {
    const begun = new Set<LocalJob>()
    // From the end, so that a job that waits for room is not let in by one that makes it.
    for (const job of [...jobs].reverse()) {
      if (job.over || job.state === 'running') begun.add(job)
      else this.drop(job, reasonOf(job), why)
    }
    return jobs.filter((job) => !begun.has(job))
  }

  #end(job: LocalJob, state: 'cancelled' | 'dropped', reason: unknown): void {
    if (job.state === 'offered') {
      this.#admission.withdraw(job)
      job.end(state, reason)
    } else this.#jobs.end(job, state, reason)
    this.#ended()
  }
}
