import type { QueuedJob } from '../job.ts'
import type { Order } from './order.ts'
import { Ranking } from './ranking.ts'
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
 * runs through the jobs themselves: whoever takes a job in random order finds cold memory, and finds it once.
 *
 * Each job knows its order and its arrival there. A job that leaves from the head of a run leaves its entry behind; an entry
 * whose job has another order or arrival by now is void and is passed over. When most entries are void, the heap is built anew.
 */
export class RankedOrder implements Order {
  size = 0
  readonly #rankOf: (job: QueuedJob) => number
  readonly #givesWay: (job: QueuedJob) => number
  #runs = new Ranking()
  readonly #tails = new Tails()
  /** The other way round, for those who have to make room; kept from when that is first asked for. */
  #worst: Ranking | undefined
  /** Entries of heads that left otherwise than by being taken. */
  #stale = 0
  #back = 0
  #front = 0

  /**
   * @param rankOf asked when a job comes; what it leaves in `extras.rank` is where the job is put back to
   * @param givesWay the lowest is the first to give way to newcomers; by default the one who has been there longest
   */
  constructor(
    rankOf: (job: QueuedJob) => number,
    givesWay: (job: QueuedJob) => number = (job) => job.seq,
  ) {
    this.#rankOf = rankOf
    this.#givesWay = givesWay
  }

  push(job: QueuedJob): void {
    this.#back += 1
    const rank = this.#rankOf(job)
    this.#seat(job, this.#back)
    const tail = this.#tails.swap(rank, job, this.#runs.length)
    if (tail === undefined) this.#runs.add(rank, this.#back, job)
    else {
      tail.next = job
      job.before = tail
    }
  }

  putBack(job: QueuedJob): void {
    this.#front -= 1
    this.#seat(job, this.#front)
    this.#runs.add(this.#rankAgain(job), this.#front, job)
  }

  peek(): QueuedJob | undefined {
    const runs = this.#runs
    for (let job = runs.job; job !== undefined; job = runs.job) {
      if (this.#stands(job, runs.arrival)) return job
      this.#stale -= 1
      runs.drop()
    }
    return undefined
  }

  take(): QueuedJob | undefined {
    const job = this.peek()
    if (job === undefined) return undefined
    const runs = this.#runs
    const { next } = job
    if (next === undefined) {
      this.#tails.forget(runs.rank, job)
      runs.drop()
    } else {
      // Of one rank, all of a run came before all of the next, so the heap stays in order.
      runs.replace(next.place, next)
      next.before = undefined
      job.next = undefined
    }
    this.#leave(job)
    return job
  }

  remove(job: QueuedJob): void {
    if (job.order !== this) return
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

  oldest(): QueuedJob | undefined {
    if (this.#worst === undefined) {
      this.#worst = new Ranking()
      for (const job of this) this.#lower(job)
    }
    const worst = this.#worst
    for (let { job } = worst; job !== undefined; { job } = worst) {
      if (this.#stands(job, worst.arrival)) return job
      worst.drop()
    }
    return undefined
  }

  *[Symbol.iterator](): Iterator<QueuedJob> {
    for (const { arrival, job: head } of this.#runs.sorted()) {
      if (!this.#stands(head, arrival)) continue
      for (let job: QueuedJob | undefined = head; job !== undefined; job = job.next) yield job
    }
  }

  #seat(job: QueuedJob, arrival: number): void {
    job.order = this
    job.place = arrival
    this.size += 1
    if (this.#worst !== undefined) this.#lower(job)
  }

  /** Is this entry still true? The job may have left, come back since, or stand in another order under the same number. */
  #stands(job: QueuedJob, arrival: number): boolean {
    return job.order === this && job.place === arrival
  }

  #leave(job: QueuedJob): void {
    job.order = undefined
    this.size -= 1
  }

  /** The rank of a job that has been ranked before. */
  #rankAgain(job: QueuedJob): number {
    return job.extras?.rank ?? this.#rankOf(job)
  }

  #lower(job: QueuedJob): void {
    const worst = this.#worst as Ranking
    worst.add(this.#givesWay(job), job.place, job)
    // Entries of those who left otherwise are only found when they come up.
    if (worst.length > 2 * this.size + 64) {
      this.#worst = new Ranking()
      for (const each of this) this.#lower(each)
    }
  }

  /** Puts up all runs anew, without entries that mean nothing any more. */
  #rebuild(): void {
    const runs = new Ranking()
    for (const { rank, arrival, job } of this.#runs.sorted()) {
      if (this.#stands(job, arrival)) runs.add(rank, arrival, job)
    }
    this.#runs = runs
    this.#worst = undefined
    this.#stale = 0
  }
}
