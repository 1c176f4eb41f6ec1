import { JobDroppedError, OptionRangeError } from '../../core/errors.ts'
import type { Attempts } from '../consume/attempts.ts'
import type { Admission } from '../enqueue/admission.ts'
import type { RedriveOptions } from '../job.ts'
import type { JobView } from '../observe/job-view.ts'
import type { Settings } from '../settings.ts'
import { JobIndex } from '../store/job-index.ts'
import { LocalJob } from '../store/local-job.ts'
import type { MemoryJobs } from '../store/memory-jobs.ts'
import { JobWalk } from '../store/orders/job-walk.ts'
import type { JobControl } from './job-control.ts'

/** A queue whose dead jobs wait again. */
export interface Redriving {
  /** Answers `false` where a newer job stands for the same thing. */
  mayRedrive(job: LocalJob): boolean
  /** A dead job is about to wait again, as `job`. */
  redriven(job: LocalJob): void
}

/** What a queue in this process knows and does by the ids of its jobs: waiting, running and ended ones. */
export class JobsById {
  readonly #jobs: MemoryJobs
  readonly #attempts: Attempts
  readonly #admission: Admission
  readonly #control: JobControl
  readonly #view: JobView
  readonly #index: JobIndex
  /** True where each job is written down as it is put: {@link JobsById.name} is to be called for it. */
  namesAll = false

  constructor(
    { clock, idMemory }: Settings,
    jobs: MemoryJobs,
    attempts: Attempts,
    admission: Admission,
    control: JobControl,
    view: JobView,
  ) {
    this.#jobs = jobs
    this.#attempts = attempts
    this.#admission = admission
    this.#control = control
    this.#view = view
    const { history, numbers } = jobs
    this.#index = new JobIndex(clock, idMemory, numbers, (id) =>
      history.keeps ? history.find(id)?.job : undefined,
    )
  }

  // What a put asks and tells.

  /**
   * The job that a caller's own id stands for already.
   *
   * @throws OptionRangeError where the queue gave this id, a number, to a job that was put without one: it is to be of one job alone
   */
  own(id: string): LocalJob | undefined {
    const job = this.#index.own(id)
    if (job !== undefined) return job
    const number = Number(id)
    if (String(number) === id && number <= this.#jobs.numbers.last && this.find(id) !== undefined) {
      throw new OptionRangeError(
        'id',
        `id must be of one job alone, got '${id}', which this queue gave to a job that was put without an id`,
      )
    }
    return undefined
  }

  /** A new job can be found by its id. */
  name(job: LocalJob, id: string | undefined): void {
    if (id !== undefined) job.more().id = id
    if (!this.#index.complete) return
    this.#index.add(job)
    job.onEnd(() => this.#index.remove(job))
  }

  /** From now on this own id stands for `job`. */
  take(id: string, job: LocalJob): void {
    this.#index.take(id, job)
  }

  /** A job is found by the id of a newer one too, for which it stands from now on. */
  stand(job: LocalJob, newer: LocalJob): void {
    this.#index.stand(job, newer)
  }

  // What an operator asks and does.

  find(id: string): LocalJob | undefined {
    const kept = this.#jobs.history.find(id)
    if (kept !== undefined) return kept.job
    const index = this.#index
    const known = index.own(id) ?? (index.complete ? undefined : this.#view.front(id))
    if (known !== undefined) return known
    const { offers } = this.#admission
    const visit = (see: (job: LocalJob) => void) => {
      const walk = new JobWalk(see)
      this.#view.visit(walk)
      offers.visit(walk)
      walk.end()
    }
    const found = index.find(id, visit, this.#jobs.size + offers.size + this.#attempts.size)
    this.namesAll = index.complete
    return found
  }

  cancel(id: string, reason: unknown): boolean {
    return this.find(id)?.cancel(reason) ?? false
  }

  /** Forgets a job that does not run; `false` where it runs or is unknown. */
  remove(id: string): boolean {
    const job = this.find(id)
    if (job === undefined || job.state === 'running') return false
    const kept = this.#jobs.history.forget(id)
    const dropped = !job.over
    if (dropped) this.#control.drop(job, new JobDroppedError('it was removed'), 'clear')
    const forgotten = this.#index.release(id)
    return kept || dropped || forgotten
  }

  /** Lets dead jobs wait again, and answers how many do. */
  redrive(options: RedriveOptions, queue: Redriving): number {
    const { limit = Infinity } = options
    let driven = 0
    for (const job of this.#view.dead(options)) {
      if (driven >= limit) break
      if (!queue.mayRedrive(job)) continue
      if (!this.#jobs.history.dead.delete(job.id)) continue
      const again = this.#again(job)
      queue.redriven(again)
      this.#jobs.keep(again)
      driven += 1
    }
    return driven
  }

  /** What waits instead of a dead job, behind all that wait: a new job with the same id, since the result of the first has been told. */
  #again(dead: LocalJob): LocalJob {
    const job = new LocalJob(dead.item, dead.priority, dead.seq, this.#control)
    const { id, key, timeout, retry, tries, startedAt } = dead.extras ?? {}
    const { group, weight, limiterKey, cost } = dead.extras ?? {}
    job.deliveries = dead.deliveries
    job.extras = {
      forgotten: dead.deliveries,
      turn: this.#jobs.numbers.next(),
      key,
      timeout,
      retry,
      ...(group !== undefined && { group }),
      ...(weight !== undefined && { weight }),
      ...(limiterKey !== undefined && { limiterKey }),
      ...(cost !== undefined && { cost }),
      ...(tries !== undefined && { tries }),
      ...(startedAt !== undefined && { startedAt }),
    }
    this.name(job, id)
    if (id !== undefined) this.#index.take(id, job)
    return job
  }
}
