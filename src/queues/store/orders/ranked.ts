import type { LocalJob } from '../local-job.ts'
import { Arrivals } from './arrivals.ts'
import { JobWalk } from './job-walk.ts'
import type { Order } from './order.ts'
import { type Entry, Ranking } from './ranking.ts'
import { Tails } from './tails.ts'

/**
 * The lowest rank first; among equal ranks, first come first served.
 *
 *     heap of runs      rank -10    -7     -3     0
 *                              |     |      |     |
 *     jobs of one rank       a-b-c   d     e-f  g-h-i
 *
 * Jobs of one rank are chained to their run while the run is remembered, so the heap changes only when a rank appears or disappears. With few
 * ranks a job costs as much as in a plain line; with as many ranks as jobs it costs O(log n). The chain runs through the jobs themselves: a
 * job that is taken in random order is not in the cache, and is read once.
 *
 * Each job has its order and its arrival there. A job that leaves from the head of a run leaves its entry behind. An entry whose job has
 * another order or arrival now is void and is skipped. When most entries are void, the heap is built anew.
 */
export class RankedOrder implements Order {
  size = 0
  readonly #rankOf: (job: LocalJob) => number
  readonly #rankAgain: (job: LocalJob) => number
  readonly #givesWay: (job: LocalJob) => number
  #runs = new Ranking()
  readonly #tails = new Tails()
  /** The heap in reverse, to find the job that makes room; built when it is needed first. */
  #worst: Ranking | undefined
  /** The number of entries whose heads left without being taken. */
  #stale = 0
  readonly #arrivals: Arrivals
  /** True while runs of one rank may overlap: a job has returned to a place before others. */
  #overlaps = false

  /**
   * @param rankOf called when a job comes
   * @param givesWay the job with the lowest value makes room for new ones first; by default the job that came first
   * @param arrivals shared with the other orders to which jobs may move and from which they may come back
   * @param rankAgain the rank of a job that was ranked before, if `rankOf` would return another rank now
   */
  constructor(
    rankOf: (job: LocalJob) => number,
    givesWay: (job: LocalJob) => number = turnOf,
    arrivals: Arrivals = new Arrivals(),
    rankAgain: (job: LocalJob) => number = rankOf,
  ) {
    this.#rankOf = rankOf
    this.#givesWay = givesWay
    this.#arrivals = arrivals
    this.#rankAgain = rankAgain
  }

  push(job: LocalJob): void {
    const arrival = this.#arrivals.next()
    const rank = this.#rankOf(job)
    this.#seat(job, arrival)
    const tail = this.#tails.swap(rank, job, this.#runs.length)
    if (tail === undefined) this.#runs.add(rank, arrival, job)
    else {
      tail.next = job
      job.before = tail
    }
  }

  restore(job: LocalJob): void {
    const { place } = job
    const rank = this.#rankAgain(job)
    this.#seat(job, place)
    const last = this.#tails.last(rank)
    if (last !== undefined && last.place < place) {
      this.#tails.swap(rank, job, this.#runs.length)
      last.next = job
      job.before = last
    } else {
      this.#overlaps = true
      this.#runs.add(rank, place, job)
    }
  }

  peek(): LocalJob | undefined {
    const runs = this.#runs
    for (let job = runs.job; job !== undefined; job = runs.job) {
      if (this.#leads(job, runs.arrival)) return job
      this.#stale -= 1
      runs.drop()
    }
    return undefined
  }

  take(): LocalJob | undefined {
    const job = this.peek()
    if (job === undefined) return undefined
    const runs = this.#runs
    const { next } = job
    if (next === undefined) {
      this.#tails.forget(runs.rank, job)
      runs.drop()
    } else {
      // All jobs of a run came before all jobs of the next run of that rank, so the heap stays in order, unless a job has returned.
      runs.replace(next.place, next, this.#overlaps)
      next.before = undefined
      job.next = undefined
    }
    this.#leave(job)
    return job
  }

  remove(job: LocalJob): void {
    if (job.holder !== this) return
    const { before, next } = job
    const rank = this.#rankAgain(job)
    if (before === undefined) this.#stale += 1
    else before.next = next
    if (next === undefined) this.#tails.forget(rank, job)
    else {
      next.before = before
      // The jobs behind a head become a run of their own.
      if (before === undefined) this.#runs.add(rank, next.place, next)
    }
    job.before = undefined
    job.next = undefined
    this.#leave(job)
    if (this.#stale > this.size + 64) this.#rebuild()
  }

  oldest(): LocalJob | undefined {
    if (this.#worst === undefined) {
      this.#worst = new Ranking()
      this.#lowerAll()
    }
    const worst = this.#worst
    for (let { job } = worst; job !== undefined; { job } = worst) {
      if (this.#stands(job, worst.arrival)) return job
      worst.drop()
    }
    return undefined
  }

  first(): LocalJob | undefined {
    let first: LocalJob | undefined
    let least = Infinity
    // The head of a run came before the other jobs of the run.
    this.#runs.visit((arrival, head) => {
      if (arrival >= least || !this.#leads(head, arrival)) return
      least = arrival
      first = head
    })
    return first
  }

  visit(walk: JobWalk): void {
    this.#runs.visit((arrival, head) => {
      if (this.#leads(head, arrival)) walk.chain(head)
    })
  }

  *[Symbol.iterator](): Iterator<LocalJob> {
    // Removes void entries at the top. Otherwise each iteration would skip them again.
    this.peek()
    for (const { job: head } of this.#heads()) {
      for (let job: LocalJob | undefined = head; job !== undefined; job = job.next) yield job
    }
  }

  #seat(job: LocalJob, arrival: number): void {
    job.holder = this
    job.place = arrival
    this.size += 1
    if (this.#worst !== undefined) this.#lower(job)
  }

  /** True while this entry is valid. The job may have left, come back since, or be in another order with the same number. */
  #stands(job: LocalJob, arrival: number): boolean {
    return job.holder === this && job.place === arrival
  }

  /** True while this entry is the valid head of a run. A job that has returned may be in the middle of a run now. */
  #leads(job: LocalJob, arrival: number): boolean {
    return job.before === undefined && this.#stands(job, arrival)
  }

  #leave(job: LocalJob): void {
    job.holder = undefined
    if (this.size === 1) this.#overlaps = false
    this.size -= 1
  }

  #lower(job: LocalJob): void {
    const worst = this.#worst as Ranking
    worst.add(this.#givesWay(job), job.place, job)
    // Entries of jobs that left in another way are removed when they reach the top.
    if (worst.length > 2 * this.size + 64) {
      this.#worst = new Ranking()
      this.#lowerAll()
    }
  }

  #lowerAll(): void {
    const walk = new JobWalk((job) => this.#lower(job))
    this.visit(walk)
    walk.end()
  }

  /**
   * The valid entries, each job once. A job that left and returned to its old place has made its void entry valid again; the two entries are
   * neighbours.
   */
  *#heads(): Iterable<Entry> {
    let before: LocalJob | undefined
    for (const entry of this.#runs.sorted()) {
      const { job, arrival } = entry
      if (job === before || !this.#leads(job, arrival)) continue
      before = job
      yield entry
    }
  }

  /** Builds all runs anew, without void entries. */
  #rebuild(): void {
    const runs = new Ranking()
    for (const { rank, arrival, job } of this.#heads()) runs.add(rank, arrival, job)
    this.#runs = runs
    this.#worst = undefined
    this.#stale = 0
  }
}

function turnOf(job: LocalJob): number {
  return job.turn
}
