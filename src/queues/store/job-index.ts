import type { Clock } from '../../core/clock.ts'
import type { Millis } from '../../core/duration.ts'
import type { JobNumbers } from './job-numbers.ts'
import { JobTable } from './job-table.ts'
import type { LocalJob } from './local-job.ts'

type Visit = (see: (job: LocalJob) => void) => void

/** This number of look-ups goes through all jobs. An operator looks up a few ids, and indexing a million jobs takes longer. */
const SCANS = 8
/** This number of look-ups after that index one part of the ids each: all at once would block the process for long. */
const PARTS = 32
/**
 * A part has the numbers of every 32nd strip, and a strip is 2^12 numbers in a row. So each part writes to its own part of the table, and
 * is the first to touch that memory.
 */
const STRIP_BITS = 12
const NO_PART = -1

/**
 * Finds jobs by their ids. An id of the caller is kept from the put until `memory` after the end of the job, and for as long as the job is
 * kept. The id of a job that was dropped or never accepted is free at once: that job was not done, so it may be put again. Ids that the
 * queue makes are indexed only after some look-ups by id, so that jobs do not pay for an index that nobody uses.
 */
export class JobIndex {
  readonly #clock: Clock
  readonly #memory: Millis
  readonly #numbers: JobNumbers
  readonly #kept: (id: string) => LocalJob | undefined
  /** More ids of jobs: the ids of items that took the place of others. */
  readonly #others = new WeakMap<LocalJob, string[]>()
  readonly #own = new Map<string, LocalJob>()
  /** The callers' ids of ended jobs, and until when each is remembered; the oldest first. */
  readonly #ended = new Map<string, Millis>()
  /** The index of made ids: jobs that came after the first look-up, and the indexed parts of the jobs before. */
  #made: Map<number, LocalJob> | undefined
  #before: JobTable | undefined
  /** How many parts of the jobs before are indexed. */
  #parts = 0
  /** The jobs that the first look-ups have found. */
  readonly #scanned = new Map<number, LocalJob>()
  #scans = 0

  /**
   * @param memory how long the callers' ids are remembered after the end of their jobs
   * @param numbers makes the other ids
   * @param kept finds a kept job that has ended
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

  /** True while made ids are indexed: each new job must be added, and each ended one removed. */
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
   * @param visit goes through all jobs that are not over, in any order
   * @param expected their approximate number
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

  /** The job with this id of a caller: a present job, a remembered one, or a kept one. */
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

  /** From now on `job` stands for `other`, and is found by its id too. */
  stand(job: LocalJob, other: LocalJob): void {
    const { id } = other.extras ?? {}
    for (const each of [...(this.#others.get(other) ?? []), ...(id === undefined ? [] : [id])]) {
      if (this.#own.get(each) === other) this.take(each, job)
    }
    if (id !== undefined) return
    if (this.#made?.has(other.seq) === true) this.#made.set(other.seq, job)
    if (this.#scanned.has(other.seq)) this.#scanned.set(other.seq, job)
  }

  /** Frees the id at once. @returns false when it was free */
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

  /** Indexes the next part of the ids, and looks for a job on the way. */
  #writeDown(seq: number, visit: Visit): LocalJob | undefined {
    const found = this.#pass(seq, visit, this.#before, this.#parts)
    this.#parts += 1
    return found
  }

  /** Goes through all jobs: finds one, and indexes a part of them if there is a table. */
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
    // The same few instructions for each of a million jobs, with or without a table: another branch would have to be compiled anew.
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
