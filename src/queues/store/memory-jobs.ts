import type { Millis } from '../../core/duration.ts'
import { JobDroppedError } from '../../core/errors.ts'
import { Attempt, type AttemptPermit } from '../consume/attempt.ts'
import type { Source } from '../consume/source.ts'
import { JobHistory } from './job-history.ts'
import type { Keeping } from './kept-jobs.ts'
import type { LocalJob } from './local-job.ts'
import { type GroupedOrder, groupOf } from './orders/grouped.ts'
import type { RateGate } from './rate-gate.ts'
import { WaitingJobs, type WaitingOptions } from './waiting-jobs.ts'

/** Options of {@link MemoryJobs}. */
export interface MemoryJobsOptions extends WaitingOptions {
  readonly keep: { readonly dead: Keeping; readonly completed: Keeping } | undefined
  /** True when jobs may have several attempts. */
  readonly retries: boolean
}

/**
 * The jobs of a queue in this process, from put to their end.
 *
 *     push -> order (due) -> take -> running -> complete, fail
 *       \-> delayed -/          \-> lane of its key, while the limiter says no
 *
 * A claim in memory is not a lease: it ends with the process, as the jobs do.
 */
export class MemoryJobs extends WaitingJobs implements Source {
  readonly history: JobHistory

  constructor(options: MemoryJobsOptions) {
    super(options)
    this.history = new JobHistory(options.clock, options.keep, options.retries)
  }

  /** True while no job is in line. */
  get empty(): boolean {
    return this.order.size === 0
  }

  get ready(): number {
    if (this.gate?.shut === true) return 0
    return this.groups === undefined ? this.order.size : this.groups.ready
  }

  get since(): Millis {
    const first = this.order.peek()
    return first === undefined ? this.clock.now() : this.waitingSince(first)
  }

  take(want = 1, company = false, wanted: () => boolean = always): Attempt | undefined {
    // More jobs may be due than are taken here, and their timer does not ring any more: other workers must look too.
    if (this.delays && this.promote()) this.listener.available()
    const gate = this.gate
    if (gate !== undefined) return this.#takePast(gate, want, company, wanted)
    const job = this.order.take()
    return job === undefined ? undefined : this.#taken(job)
  }

  /** False when a limiter that answers with a promise must be awaited. */
  get prompt(): boolean {
    return this.gate === undefined || this.gate.prompt
  }

  /** Takes the next job out by hand. Only its item is wanted, so the job ends at once; without a limiter it costs no attempt. */
  takeOut(): LocalJob | undefined {
    if (this.gate !== undefined) return this.#takeOutPast()
    const promoted = this.delays && this.promote()
    const job = this.order.take()
    if (job === undefined) return undefined
    // A listener below may put the first job with a group. The group of this job must be read before.
    const groups = this.groups
    const { history } = this
    job.deliveries += 1
    if (history.keeps) {
      const now = this.clock.now()
      history.completed.add(job, job.extras?.startedAt ?? now, now)
    }
    // Before the queue is told: a job that has left must not be listed as waiting.
    job.complete(undefined)
    this.begun()
    groups?.end(groupOf(job))
    // Several jobs may be due, and one is taken: the others need workers, and their timer does not ring any more.
    if (promoted || groups !== undefined) this.listener.available()
    return job
  }

  /** As {@link takeOut}, when the limiter lets the job pass. */
  #takeOutPast(): LocalJob | undefined {
    const attempt = this.take()
    if (attempt === undefined) return undefined
    const job = attempt.job as LocalJob
    this.complete(attempt)
    job.complete(undefined)
    this.begun()
    attempt.permit?.leave()
    return job
  }

  begun(): void {
    if (this.crowded) this.tellRoom()
  }

  complete(attempt: Attempt): boolean {
    const { history } = this
    if (history.keeps) {
      const job = attempt.job as LocalJob
      history.completed.add(job, history.startOf(job, attempt.begunAt), attempt.begunAt)
    }
    return true
  }

  retry(attempt: Attempt, delay: Millis, error: unknown): boolean {
    const job = attempt.job as LocalJob
    const extras = job.more()
    this.history.failed(attempt, error)
    if (this.closed) return this.#strand(job)
    this.held.overtake(job)
    extras.byDate = false
    extras.due = this.clock.now() + delay
    extras.place = job.place
    if (!this.delay(job)) this.restore(job)
    return true
  }

  fail(attempt: Attempt, error: unknown, dead: boolean): boolean {
    const job = attempt.job as LocalJob
    const { history } = this
    if (dead && history.timed) history.failed(attempt, error)
    if (dead && history.keeps) history.dead.add(job, history.startOf(job, attempt.begunAt))
    return true
  }

  release(attempt: Attempt, delay: Millis): boolean {
    const job = attempt.job as LocalJob
    const extras = job.more()
    extras.released = (extras.released ?? 0) + 1
    this.history.began(attempt)
    if (this.closed) return this.#strand(job)
    this.held.overtake(job)
    if (delay > 0) {
      extras.byDate = false
      extras.due = this.clock.now() + delay
      extras.place = job.place
      if (this.delay(job)) return true
    }
    this.restore(job)
    return true
  }

  /** Drops a job that would wait again after the queue is over, because its handler has stopped the queue. */
  #strand(job: LocalJob): true {
    job.end('dropped', new JobDroppedError('its queue stopped'))
    return true
  }

  #takePast(
    gate: RateGate,
    want: number,
    company: boolean,
    wanted: () => boolean,
  ): Attempt | undefined {
    while (!gate.shut) {
      const job = this.order.peek()
      if (job === undefined) break
      const permit = gate.pass(job, want, company)
      if (permit !== undefined) {
        // Without keys, the job that is first now: a listener of the limiter may have moved the jobs, or taken all of them.
        const taken = wanted() ? this.order.take() : undefined
        if (taken === undefined) {
          permit.unused()
          return undefined
        }
        gate.started(taken)
        return this.#taken(taken, permit)
      }
      if (company && job === this.order.peek()) break
    }
    return undefined
  }

  #taken(job: LocalJob, permit?: AttemptPermit): Attempt {
    job.state = 'running'
    job.deliveries += 1
    const attempt = new Attempt(job, this.history.timed ? this.clock.now() : 0)
    attempt.permit =
      this.groups === undefined ? permit : this.#placeInGroup(this.groups, job, permit)
    return attempt
  }

  /**
   * The place of a job among the running jobs of its group. It is given back when the handler ends, as a permit of the limiter is. At that
   * time the job may wait again, with an item of another group.
   */
  #placeInGroup(
    groups: GroupedOrder,
    job: LocalJob,
    permit: AttemptPermit | undefined,
  ): AttemptPermit {
    const group = groupOf(job)
    return {
      leave: () => {
        permit?.leave()
        groups.end(group)
        this.listener.available()
      },
    }
  }
}

function always(): boolean {
  return true
}
