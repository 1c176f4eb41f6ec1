import type { Clock } from '../../core/clock.ts'
import type { Millis } from '../../core/duration.ts'
import type { JobNumbers } from './job-numbers.ts'
import { JobTable } from './job-table.ts'
import type { LocalJob } from './local-job.ts'

type Visit = (see: (job: LocalJob) => void) => void

/** This many look-ups pass all jobs one by one: an operator looks up a few ids, and to write down a million takes longer. */
const SCANS = 8
/** So many look-ups after these each write down a part of the ids: all at once would keep the process for long. */
const PARTS = 32
/**
 * A part has the numbers of every 32nd strip, and a strip 2^12 numbers in a row: each part then writes to a part of the table, whose
 * memory it is the first to touch.
 */
const STRIP_BITS = 12
const NO_PART = -1

/**
 * Finds jobs by their ids. A caller's own id is kept from the put until `memory` after the job has ended, and for as long as the
 * job is kept. The id of a job that was dropped or never accepted is free at once: that job was not done, so it may be put again. Ids that the queue has made are
 * only written down after some look-ups by id: before that, no job pays for it.
 */
export class JobIndex {
  readonly #clock: Clock
  readonly #memory: Millis
  readonly #numbers: JobNumbers
  readonly #kept: (id: string) => LocalJob | undefined
  /** Further own ids of jobs: those of items that took the place of others. */
  readonly #others = new WeakMap<LocalJob, string[]>()
  readonly #own = new Map<string, LocalJob>()
  /** Own ids of jobs that have ended, and until when they are remembered: the oldest first. */
  readonly #ended = new Map<string, Millis>()
  /** Jobs with made ids: jobs that came since the first look-up, and jobs that were there before. */
  #made: Map<number, LocalJob> | undefined
  #before: JobTable | undefined
  /** How many parts of the jobs that were there before are written down. */
  #parts = 0
  /** What the first look-ups have found. */
  readonly #scanned = new Map<number, LocalJob>()
  #scans = 0

  /**
   * @param memory how long own ids are remembered after their jobs have ended
   * @param numbers makes the other ids
   * @param kept the job with this id that has ended and is kept
   */
  constructor(
    clock: Clock,
    memory: Millis,
    numbers: JobNumbers,
    kept: (id: string) => LocalJob | undefined,
  ) {
    this.#clock = clock
    this.#memory = memory
    this.#numbers = numbers
    this.#kept = kept
  }

  /** True where made ids are written down: each new job is to be added, each ended one removed. */
  get complete(): boolean {
    return this.#made !== undefined
  }

  add(job: LocalJob): void {
    if (job.extras?.id === undefined) this.#made?.set(job.seq, job)
    if (this.#parts === PARTS && this.#before?.tidy() === false) this.#before = undefined
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
    if (this.#made === undefined) {
      if (this.#scans < SCANS) return this.#scan(seq, visit)
      this.#scanned.clear()
      this.#made = new Map()
      this.#before = new JobTable(expected)
    }
    const known = this.#made.get(seq) ?? this.#before?.find(seq)
    return known ?? (this.#parts < PARTS ? this.#writeDown(seq, visit) : undefined)
  }

  /** The job that has this own id, or had it within memory, or is kept. */
  own(id: string): LocalJob | undefined {
    this.#forget()
    return this.#own.get(id) ?? this.#keptOwn(id)
  }

  take(id: string, job: LocalJob): void {
    if (job.extras?.id !== id) {
      const others = this.#others.get(job)
      if (others === undefined) this.#others.set(job, [id])
      else others.push(id)
    }
    this.#ended.delete(id)
    this.#own.set(id, job)
    this.#numbers.reserve(id)
    job.onEnd(() => {
      if (this.#own.get(id) !== job) return
      if (job.state === 'dropped' || job.extras?.refused === true) this.release(id)
      else this.#ended.set(id, this.#clock.now() + this.#memory)
    })
  }

  /** A job is found by the id of another one too, for which it stands from now on. */
  stand(job: LocalJob, other: LocalJob): void {
    const { id } = other.extras ?? {}
    for (const each of [...(this.#others.get(other) ?? []), ...(id === undefined ? [] : [id])]) {
      if (this.#own.get(each) === other) this.take(each, job)
    }
    if (id !== undefined) return
    if (this.#made?.has(other.seq) === true) this.#made.set(other.seq, job)
    if (this.#scanned.has(other.seq)) this.#scanned.set(other.seq, job)
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
    const found = this.#pass(seq, visit, undefined, NO_PART)
    if (found !== undefined) this.#scanned.set(seq, found)
    return found
  }

  /** Writes down the next part of the ids, and looks for a job on the way. */
  #writeDown(seq: number, visit: Visit): LocalJob | undefined {
    const found = this.#pass(seq, visit, this.#before, this.#parts)
    this.#parts += 1
    return found
  }

  /** Passes all jobs: finds one, and writes down a part of them where there is a table. */
  #pass(
    seq: number,
    visit: Visit,
    table: JobTable | undefined,
    part: number,
  ): LocalJob | undefined {
    let found: LocalJob | undefined
    const note = (job: LocalJob) => {
      if (job.extras?.id !== undefined) return
      if (job.seq === seq) found = job
      if (partOf(job.seq) === part) table?.add(job)
    }
    // The same few instructions for each of a million jobs, whether there is a table or not: a new branch would be compiled anew.
    visit((job) => {
      if (job.seq === seq || partOf(job.seq) === part) note(job)
    })
    return found
  }

  #forget(): void {
    const now = this.#clock.now()
    for (const [id, until] of this.#ended) {
      if (until > now) return
      if (this.#keptOwn(id) === undefined) this.release(id)
      else {
        this.#ended.delete(id)
        this.#own.delete(id)
      }
    }
  }

  #keptOwn(id: string): LocalJob | undefined {
    const kept = this.#kept(id)
    return kept?.extras?.id === id ? kept : undefined
  }
}

function partOf(seq: number): number {
  return (seq >>> STRIP_BITS) % PARTS
}
