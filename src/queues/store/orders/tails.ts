import type { LocalJob } from '../local-job.ts'

/** The most cells: 32 kB. */
const MOST = 2048

/**
 * Remembers the last entry of each rank, as far as there is room: each rank has one cell, which other ranks may overwrite. A forgotten entry
 * only costs time.
 */
export class Tails {
  #ranks: number[] = []
  #jobs: (LocalJob | undefined)[] = []

  constructor() {
    this.#resize(16)
  }

  /**
   * `job` is now the last job of `rank`.
   *
   * @param ranks the approximate number of ranks
   * @returns the last job before, if it is known
   */
  swap(rank: number, job: LocalJob, ranks: number): LocalJob | undefined {
    if (ranks > this.#jobs.length && ranks <= MOST) this.#resize(2 * this.#jobs.length)
    const cell = this.#cellOf(rank)
    const before = this.#ranks[cell] === rank ? this.#jobs[cell] : undefined
    this.#ranks[cell] = rank
    this.#jobs[cell] = job
    return before
  }

  /** The last job of `rank`, if it is remembered. */
  last(rank: number): LocalJob | undefined {
    const cell = this.#cellOf(rank)
    return this.#ranks[cell] === rank ? this.#jobs[cell] : undefined
  }

  /** `job`, the last one of `rank`, leaves. A job that has left must not be held in memory here. */
  forget(rank: number, job: LocalJob): void {
    const cell = this.#cellOf(rank)
    if (this.#jobs[cell] === job) this.#jobs[cell] = undefined
  }

  /** Priorities are mostly small whole numbers, sometimes fractions. Neighbours get different cells. */
  #cellOf(rank: number): number {
    const bits = (rank * 64) | 0
    return (bits ^ (bits >>> 6)) & (this.#jobs.length - 1)
  }

  #resize(cells: number): void {
    this.#ranks = new Array<number>(cells).fill(Number.NaN)
    this.#jobs = new Array<LocalJob | undefined>(cells).fill(undefined)
  }
}
