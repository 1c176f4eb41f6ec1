import { doubles, objects } from '../../../core/array-kinds.ts'
import { Heap } from '../../../core/heap.ts'
import type { LocalJob } from '../local-job.ts'

export interface Entry {
  readonly rank: number
  readonly arrival: number
  readonly job: LocalJob
}

/**
 * A heap of jobs: the lowest rank first, then the earliest arrival. Ranks have an array of their own, and each node has four children, so that
 * sifting compares neighbours in memory and follows no pointers.
 *
 *     ranks     -10  -7  -3  -7  -3   0
 *     arrivals    4   1   2   6   5   3
 *     jobs        d   a   b   f   e   c
 */
export class Ranking {
  readonly #ranks: number[] = doubles()
  readonly #arrivals: number[] = []
  readonly #jobs: LocalJob[] = objects()

  get length(): number {
    return this.#jobs.length
  }

  /** The job of the first entry. */
  get job(): LocalJob | undefined {
    return this.#jobs[0]
  }

  /** The rank of the first entry. */
  get rank(): number {
    return this.#ranks[0] as number
  }

  /** When the first entry arrived. */
  get arrival(): number {
    return this.#arrivals[0] as number
  }

  /** Replaces the job of the first entry by another job of its rank. @param moves true when other entries may come before it */
  replace(arrival: number, job: LocalJob, moves: boolean): void {
    if (moves) return this.#sink(this.#ranks[0] as number, arrival, job)
    this.#arrivals[0] = arrival
    this.#jobs[0] = job
  }

  add(rank: number, arrival: number, job: LocalJob): void {
    const ranks = this.#ranks
    const arrivals = this.#arrivals
    const jobs = this.#jobs
    let i = jobs.length
    ranks.push(rank)
    arrivals.push(arrival)
    jobs.push(job)
    while (i > 0) {
      const parent = (i - 1) >> 2
      const above = ranks[parent] as number
      if (above < rank || (above === rank && (arrivals[parent] as number) < arrival)) break
      ranks[i] = above
      arrivals[i] = arrivals[parent] as number
      jobs[i] = jobs[parent] as LocalJob
      i = parent
    }
    ranks[i] = rank
    arrivals[i] = arrival
    jobs[i] = job
  }

  /** Removes the first entry. */
  drop(): void {
    const rank = this.#ranks.pop() as number
    const arrival = this.#arrivals.pop() as number
    const job = this.#jobs.pop() as LocalJob
    if (this.#jobs.length > 0) this.#sink(rank, arrival, job)
  }

  /** Visits each entry, in no order. */
  visit(see: (arrival: number, job: LocalJob) => void): void {
    // By index: an iterator over an array of a million takes three times as long.
    for (let i = 0; i < this.#jobs.length; i++) {
      see(this.#arrivals[i] as number, this.#jobs[i] as LocalJob)
    }
  }

  /** All entries, in order. Reading the first few of a million does not sort all. The heap must not change in the meantime. */
  *sorted(): Generator<Entry> {
    // The next entry is always a child of an entry that was read: the rest of the heap is not touched.
    const open = new Heap<number>((a, b) => this.#order(a, b))
    if (this.length > 0) open.push(0)
    for (let i = open.pop(); i !== undefined; i = open.pop()) {
      const end = Math.min(4 * i + 5, this.length)
      for (let child = 4 * i + 1; child < end; child++) open.push(child)
      yield this.#entry(i)
    }
  }

  #entry(i: number): Entry {
    return {
      rank: this.#ranks[i] as number,
      arrival: this.#arrivals[i] as number,
      job: this.#jobs[i] as LocalJob,
    }
  }

  #order(a: number, b: number): number {
    return (
      (this.#ranks[a] as number) - (this.#ranks[b] as number) ||
      (this.#arrivals[a] as number) - (this.#arrivals[b] as number)
    )
  }

  /** Puts an entry in the first place, and lets it sink to its own place. */
  #sink(rank: number, arrival: number, job: LocalJob): void {
    const ranks = this.#ranks
    const arrivals = this.#arrivals
    const jobs = this.#jobs
    const { length } = jobs
    let i = 0
    for (;;) {
      let child = 4 * i + 1
      if (child >= length) break
      const end = Math.min(child + 4, length)
      let least = ranks[child] as number
      for (let other = child + 1; other < end; other++) {
        const candidate = ranks[other] as number
        if (
          candidate < least ||
          (candidate === least && (arrivals[other] as number) < (arrivals[child] as number))
        ) {
          child = other
          least = candidate
        }
      }
      if (least > rank || (least === rank && (arrivals[child] as number) > arrival)) break
      ranks[i] = least
      arrivals[i] = arrivals[child] as number
      jobs[i] = jobs[child] as LocalJob
      i = child
    }
    ranks[i] = rank
    arrivals[i] = arrival
    jobs[i] = job
  }
}
