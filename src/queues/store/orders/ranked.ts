import type { LocalJob } from '../local-job.ts'
import { Arrivals } from './arrivals.ts'
import { JobWalk } from './job-walk.ts'
import type { Order } from './order.ts'
import { type Entry, Ranking } from './ranking.ts'
import { Tails } from './tails.ts'

/**
 * The lowest rank first, first come first served among equals.
 *
 *     heap of runs      rank -10    -7     -3     0
 *                              |     |      |     |
 *     jobs of one rank       a-b-c   d     e-f  g-h-i
 *
 * Jobs of one rank that come while their run is remembered are chained to it, so the heap is only touched when a rank appears
 * or dies out: with few ranks a job costs what it costs in a plain line, and O(log n) with as many ranks as jobs. The chain
 * runs through the jobs themselves: a job taken in random order is cold memory, and is read once.
 *
 * Each job knows its order and its arrival there. A job that leaves from the head of a run leaves its entry behind; an entry
 * whose job has another order or arrival by now is void and is passed over. When most entries are void, the heap is built anew.
 */
export class RankedOrder implements Order {
  size = 0
  readonly #rankOf: (job: LocalJob) => number
  readonly #rankAgain: (job: LocalJob) => number
  readonly #givesWay: (job: LocalJob) => number
  #runs = new Ranking()
  readonly #tails = new Tails()
  /** The other way round, to find the job that makes room; built when it is first needed. */
  #worst: Ranking | undefined
  /** Entries of heads that left otherwise than by being taken. */
  #stale = 0
  readonly #arrivals: Arrivals
  /** True while runs of one rank may overlap: a job has returned to a place before others. */
  #overlaps = false

  /**
   * @param rankOf asked when a job comes
   * @param givesWay the lowest is the first to give way to newcomers; by default the one that has been there longest
   * @param arrivals to be shared with the other orders that its jobs may go to and come back from
   * @param rankAgain the rank of a job that was ranked before, where `rankOf` would answer another one now
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
      // Of one rank, all of a run came before all of the next, so the heap stays in order, unless a job has returned.
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
      // What stands behind a head goes on as a run of its own.
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
    // The head of a run came before all of the run.
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
    // Void entries at the top go for good. Otherwise each look at the first jobs would pass them all over again.
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

  /** True while this entry holds. The job may have left, come back since, or stand in another order under the same number. */
  #stands(job: LocalJob, arrival: number): boolean {
    return job.holder === this && job.place === arrival
  }

  /** True while this entry of the head of a run holds. A job that has returned may stand in the middle of one now. */
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
    // Entries of jobs that left in another way are found when they reach the top.
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
   * The entries that are true, each job once: one that left and returned to its old place has made its void entry true
   * again, and that stands right beside its new one.
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

  /** Puts up all runs anew, without entries that mean nothing any more. */
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
