import type { QueuedJob } from '../job.ts'
import type { Order } from './order.ts'
import { Ranking } from './ranking.ts'
import { Tails } from './tails.ts'

const NONE = -1

/**
 * The lowest rank first, first come first served among equals.
 *
 *     heap of runs      rank -10    -7     -3     0
 *                              |     |      |     |
 *     jobs of one rank       a-b-c   d     e-f  g-h-i
 *
 * Each job stands in a slot; jobs of one rank that come while their run is remembered are chained to it, so the heap is only
 * touched when a rank appears or dies out: with few ranks a job costs what it costs in a plain line, and O(log n) with as
 * many ranks as jobs. A job that leaves from the middle leaves its slot empty, to be passed over; when most are, all is
 * put up anew.
 */
export class RankedOrder implements Order {
  size = 0
  readonly #rankOf: (job: QueuedJob) => number
  readonly #givesWay: (job: QueuedJob) => number
  readonly #runs = new Ranking()
  readonly #tails = new Tails()
  /** The other way round, for those who have to make room; kept from when that is first asked for. */
  #worst: Ranking | undefined
  // By slot: who stands there, when he came (0: nobody any more), who is next in the run, the next free one.
  readonly #jobs: (QueuedJob | undefined)[] = []
  readonly #arrivals: number[] = []
  readonly #next: number[] = []
  #free = NONE
  #empty = 0
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
    const slot = this.#seat(job, this.#back)
    const tail = this.#tails.swap(rank, slot, this.#back, this.#runs.length)
    // Slots are used again, by others who came later: only the arrival tells whether the tail still stands there.
    if (tail !== NONE && this.#arrivals[tail] === this.#tails.arrival) this.#next[tail] = slot
    else this.#runs.add(rank, this.#back, slot)
  }

  putBack(job: QueuedJob): void {
    this.#front -= 1
    const rank = job.extras?.rank ?? this.#rankOf(job)
    this.#runs.add(rank, this.#front, this.#seat(job, this.#front))
  }

  peek(): QueuedJob | undefined {
    while (this.#runs.length > 0) {
      const job = this.#jobs[this.#runs.slot]
      if (job !== undefined) return job
      this.#empty -= 1
      this.#step()
    }
    return undefined
  }

  take(): QueuedJob | undefined {
    const job = this.peek()
    if (job === undefined) return undefined
    this.#leave(job.place)
    this.#step()
    return job
  }

  remove(job: QueuedJob): void {
    this.#leave(job.place)
    this.#empty += 1
    if (this.#empty > this.size + 64) this.#rebuild()
  }

  oldest(): QueuedJob | undefined {
    if (this.#worst === undefined) {
      this.#worst = new Ranking()
      for (const job of this) this.#lower(job)
    }
    const worst = this.#worst
    while (worst.length > 0) {
      const { slot } = worst
      if (this.#arrivals[slot] === worst.arrival) return this.#jobs[slot]
      worst.drop()
    }
    return undefined
  }

  *[Symbol.iterator](): Iterator<QueuedJob> {
    for (const { slot: first } of this.#runs.sorted()) {
      for (let slot = first; slot !== NONE; slot = this.#next[slot] as number) {
        const job = this.#jobs[slot]
        if (job !== undefined) yield job
      }
    }
  }

  #seat(job: QueuedJob, arrival: number): number {
    let slot = this.#free
    if (slot === NONE) slot = this.#jobs.length
    else this.#free = this.#next[slot] as number
    this.#jobs[slot] = job
    this.#arrivals[slot] = arrival
    this.#next[slot] = NONE
    job.place = slot
    this.size += 1
    if (this.#worst !== undefined) this.#lower(job)
    return slot
  }

  #leave(slot: number): void {
    this.#jobs[slot] = undefined
    this.#arrivals[slot] = 0
    this.size -= 1
  }

  /** The first slot is empty: its run goes on with the next one, or ends. */
  #step(): void {
    const runs = this.#runs
    const { slot } = runs
    const next = this.#next[slot] as number
    if (next === NONE) runs.drop()
    else runs.slot = next
    this.#next[slot] = this.#free
    this.#free = slot
    // Nobody is left: lets go of the memory of better times.
    if (this.size === 0 && this.#jobs.length > 1024) this.#rebuild()
  }

  #lower(job: QueuedJob): void {
    const worst = this.#worst as Ranking
    worst.add(this.#givesWay(job), this.#arrivals[job.place] as number, job.place)
    // Entries of those who left otherwise are only found when they come up.
    if (worst.length > 2 * this.size + 64) {
      this.#worst = new Ranking()
      for (const each of this) this.#lower(each)
    }
  }

  /** Puts up all jobs anew, without empty slots between them. */
  #rebuild(): void {
    const jobs = this.#jobs.splice(0)
    const arrivals = this.#arrivals.splice(0)
    const next = this.#next.splice(0)
    const runs = this.#runs.splice()
    this.#tails.clear()
    this.#worst = undefined
    this.#free = NONE
    this.#empty = 0
    this.size = 0
    for (const { rank, arrival, slot: first } of runs) {
      let tail = NONE
      for (let old = first; old !== NONE; old = next[old] as number) {
        const job = jobs[old]
        if (job === undefined) continue
        const slot = this.#seat(job, arrivals[old] as number)
        if (tail === NONE) this.#runs.add(rank, arrival, slot)
        else this.#next[tail] = slot
        tail = slot
      }
    }
  }
}
