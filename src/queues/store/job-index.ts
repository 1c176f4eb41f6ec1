import type { Clock } from '../../core/clock.ts'
import type { Millis } from '../../core/duration.ts'
import type { LocalJob } from './local-job.ts'

/**
 * Finds jobs by their ids. A caller's own id is kept from the put until `memory` after the job has ended. The id of a job that
 * was dropped or never accepted is free at once: nobody did that job, so it may be put again. Ids that the queue has made are
 * only written down after the first look-up by id: before that, no job pays for it.
 */
export class JobIndex {
  readonly #clock: Clock
  readonly #memory: Millis
  readonly #own = new Map<string, LocalJob>()
  /** Own ids of jobs that have ended, and until when they are remembered: the oldest first. */
  readonly #ended = new Map<string, Millis>()
  #made: Map<number, LocalJob> | undefined

  constructor(clock: Clock, memory: Millis) {
    this.#clock = clock
    this.#memory = memory
  }

  /** True where made ids are written down: each new job is to be added, each ended one removed. */
  get complete(): boolean {
    return this.#made !== undefined
  }

  /** True where callers have ids of their own. */
  get owns(): boolean {
    return this.#own.size > 0
  }

  /** Begins to write down made ids. */
  fill(jobs: Iterable<LocalJob>): void {
    this.#made = new Map()
    for (const job of jobs) this.add(job)
  }

  add(job: LocalJob): void {
    if (job.extras?.id === undefined) this.#made?.set(job.seq, job)
  }

  remove(job: LocalJob): void {
    this.#made?.delete(job.seq)
  }

  find(id: string): LocalJob | undefined {
    const own = this.own(id)
    if (own !== undefined) return own
    const seq = Number(id)
    return String(seq) === id ? this.#made?.get(seq) : undefined
  }

  /** The job that has this own id, or had it within memory. */
  own(id: string): LocalJob | undefined {
    this.#forget()
    return this.#own.get(id)
  }

  take(id: string, job: LocalJob): void {
    this.#ended.delete(id)
    this.#own.set(id, job)
    job.onEnd(() => {
      if (this.#own.get(id) !== job) return
      if (job.state === 'dropped' || job.extras?.refused === true) this.release(id)
      else this.#ended.set(id, this.#clock.now() + this.#memory)
    })
  }

  /** The id is free again at once; `false` where it was free. */
  release(id: string): boolean {
    this.#ended.delete(id)
    return this.#own.delete(id)
  }

  #forget(): void {
    const now = this.#clock.now()
    for (const [id, until] of this.#ended) {
      if (until > now) return
      this.#ended.delete(id)
      this.#own.delete(id)
    }
  }
}
