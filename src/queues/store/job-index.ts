import type { Clock } from '../../core/clock.ts'
import type { Millis } from '../../core/duration.ts'
import type { JobNumbers } from './job-numbers.ts'
import { JobTable } from './job-table.ts'
import type { LocalJob } from './local-job.ts'

type Visit = (see: (job: LocalJob) => void) => void

/** This many look-ups pass all jobs one by one: an operator looks up a few ids, and to write down a million takes longer. */
const SCANS = 8

/**
 * Finds jobs by their ids. A caller's own id is kept from the put until `memory` after the job has ended. The id of a job that
 * was dropped or never accepted is free at once: nobody did that job, so it may be put again. Ids that the queue has made are
 * only written down after some look-ups by id: before that, no job pays for it.
 */
export class JobIndex {
  readonly #clock: Clock
  readonly #memory: Millis
  readonly #numbers: JobNumbers
  readonly #own = new Map<string, LocalJob>()
  /** Own ids of jobs that have ended, and until when they are remembered: the oldest first. */
  readonly #ended = new Map<string, Millis>()
  /** Jobs with made ids: those that came since the first look-up, and those that were there. */
  #made: Map<number, LocalJob> | undefined
  #before: JobTable | undefined
  /** What the first look-ups have found. */
  readonly #scanned = new Map<number, LocalJob>()
  #scans = 0

  /**
   * @param memory how long own ids are remembered after their jobs have ended
   * @param numbers makes the other ids
   */
  constructor(clock: Clock, memory: Millis, numbers: JobNumbers) {
    this.#clock = clock
    this.#memory = memory
    this.#numbers = numbers
  }

  /** True where made ids are written down: each new job is to be added, each ended one removed. */
  get complete(): boolean {
    return this.#made !== undefined
  }

  /** Begins to write down made ids. */
  #fill(visit: Visit, expected: number): void {
    this.#scanned.clear()
    this.#made = new Map()
    this.#before = new JobTable(visit, expected)
  }

  add(job: LocalJob): void {
    if (job.extras?.id === undefined) this.#made?.set(job.seq, job)
    if (this.#before?.tidy() === false) this.#before = undefined
  }

  remove(job: LocalJob): void {
    this.#made?.delete(job.seq)
  }

  /**
   * @param visit shows all jobs that are not over, in any order
   * @param expected about how many there are
   */
  find(id: string, visit: Visit, expected: number): LocalJob | undefined {
    const own = this.own(id)
    if (own !== undefined) return own
    const seq = Number(id)
    if (String(seq) !== id) return undefined
    if (this.#made === undefined && this.#scans >= SCANS) this.#fill(visit, expected)
    if (this.#made === undefined) return this.#scan(seq, visit)
    return this.#made.get(seq) ?? this.#before?.find(seq)
  }

  /** The job that has this own id, or had it within memory. */
  own(id: string): LocalJob | undefined {
    this.#forget()
    return this.#own.get(id)
  }

  take(id: string, job: LocalJob): void {
    this.#ended.delete(id)
    this.#own.set(id, job)
    this.#numbers.reserve(id)
    job.onEnd(() => {
      if (this.#own.get(id) !== job) return
      if (job.state === 'dropped' || job.extras?.refused === true) this.release(id)
      else this.#ended.set(id, this.#clock.now() + this.#memory)
    })
  }

  /** The id is free again at once; `false` where it was free. */
  release(id: string): boolean {
    this.#ended.delete(id)
    this.#numbers.release(id)
    return this.#own.delete(id)
  }

  #scan(seq: number, visit: Visit): LocalJob | undefined {
    const known = this.#scanned.get(seq)
    if (known !== undefined) {
      if (!known.over) return known
      this.#scanned.delete(seq)
    }
    this.#scans += 1
    visit((job) => {
      if (job.seq === seq && job.extras?.id === undefined) this.#scanned.set(seq, job)
    })
    return this.#scanned.get(seq)
  }

  #forget(): void {
    const now = this.#clock.now()
    for (const [id, until] of this.#ended) {
      if (until > now) return
      this.release(id)
    }
  }
}
