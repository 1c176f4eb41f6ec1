import { type Clock, isDue } from '../../core/clock.ts'
import type { Millis } from '../../core/duration.ts'
import type { LocalJob } from './local-job.ts'

/** How many ended jobs are kept for display, and for how long. */
export interface Keeping {
  readonly age: Millis
  readonly count: number
}

/** An ended job, and the times of its start and end, by the clock. */
export interface KeptJob {
  readonly job: LocalJob
  readonly startedAt: Millis | undefined
  /** The start of the attempt that succeeded; `undefined` when none did. */
  readonly begunAt: Millis | undefined
  readonly endedAt: Millis
}

/** Ended jobs that are kept for display. The oldest are removed first, by number and by age. */
export class KeptJobs implements Iterable<KeptJob> {
  readonly #keeping: Keeping
  readonly #clock: Clock
  readonly #jobs = new Map<string, KeptJob>()

  constructor(keeping: Keeping, clock: Clock) {
    this.#keeping = keeping
    this.#clock = clock
  }

  /** How long a job is kept. */
  get age(): Millis {
    return this.#keeping.age
  }

  get size(): number {
    this.#expire()
    return this.#jobs.size
  }

  add(job: LocalJob, startedAt: Millis | undefined, begunAt?: Millis): void {
    if (this.#keeping.count === 0) return
    this.#jobs.delete(job.id)
    this.#jobs.set(job.id, { job, startedAt, begunAt, endedAt: this.#clock.now() })
    this.#expire()
  }

  get(id: string): KeptJob | undefined {
    this.#expire()
    return this.#jobs.get(id)
  }

  delete(id: string): boolean {
    return this.#jobs.delete(id)
  }

  /** In the order in which they ended. */
  [Symbol.iterator](): Iterator<KeptJob> {
    this.#expire()
    return this.#jobs.values()
  }

  /** The `count` jobs that ended last, oldest first. */
  *latest(count: number): Iterable<KeptJob> {
    let before = this.size - count
    for (const kept of this.#jobs.values()) {
      before -= 1
      if (before < 0) yield kept
    }
  }

  #expire(): void {
    const { age, count } = this.#keeping
    const now = this.#clock.now()
    for (const [id, { endedAt }] of this.#jobs) {
      if (this.#jobs.size <= count && !isDue(endedAt + age, now)) return
      this.#jobs.delete(id)
    }
  }
}
