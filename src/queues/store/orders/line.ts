import type { LocalJob } from '../local-job.ts'
import type { JobWalk } from './job-walk.ts'
import type { Order } from './order.ts'

const LEAST = 16

/**
 * First come, first served: a ring of jobs, each with its place. A job that leaves from the middle leaves a hole, which is stepped over. A
 * full ring with at least half holes is closed up instead of made larger.
 *
 *         head            tail
 *          v               v
 *     . .  a  b  .  d  e  . .
 */
export class Line implements Order {
  size = 0
  #ring: (LocalJob | undefined)[] = new Array(LEAST)
  // Places count on without end, also below 0. The index in the ring is the place modulo its length, a power of two.
  #head = 0
  #tail = 0

  push(job: LocalJob): void {
    if (this.#tail - this.#head === this.#ring.length) this.#makeRoom()
    job.holder = this
    job.place = this.#tail
    this.#ring[this.#tail & (this.#ring.length - 1)] = job
    this.#tail += 1
    this.size += 1
  }

  /** Returns a job to its place: before the first job that came after it. */
  restore(job: LocalJob): void {
    const earlier: LocalJob[] = []
    for (let head = this.peek(); head !== undefined && head.turn < job.turn; head = this.peek()) {
      earlier.push(head)
      this.take()
    }
    this.#putFirst(job)
    for (let i = earlier.length - 1; i >= 0; i--) this.#putFirst(earlier[i] as LocalJob)
  }

  peek(): LocalJob | undefined {
    return this.#ring[this.#head & (this.#ring.length - 1)]
  }

  take(): LocalJob | undefined {
    const ring = this.#ring
    const at = this.#head & (ring.length - 1)
    const job = ring[at]
    if (job === undefined) return undefined
    ring[at] = undefined
    job.holder = undefined
    this.#head += 1
    this.size -= 1
    if (this.#ring[this.#head & (ring.length - 1)] === undefined) this.#tighten()
    return job
  }

  remove(job: LocalJob): void {
    if (job.holder !== this) return
    job.holder = undefined
    this.#ring[job.place & (this.#ring.length - 1)] = undefined
    this.size -= 1
    this.#tighten()
  }

  oldest(): LocalJob | undefined {
    return this.peek()
  }

  first(): LocalJob | undefined {
    return this.peek()
  }

  visit(walk: JobWalk): void {
    for (let place = this.#head; place < this.#tail; place++) {
      const job = this.#ring[place & (this.#ring.length - 1)]
      if (job !== undefined) walk.one(job)
    }
  }

  *[Symbol.iterator](): Iterator<LocalJob> {
    for (let place = this.#head; place < this.#tail; place++) {
      const job = this.#ring[place & (this.#ring.length - 1)]
      if (job !== undefined) yield job
    }
  }

  #putFirst(job: LocalJob): void {
    if (this.#tail - this.#head === this.#ring.length) this.#makeRoom()
    this.#head -= 1
    job.holder = this
    job.place = this.#head
    this.#ring[this.#head & (this.#ring.length - 1)] = job
    this.size += 1
  }

  /** Steps over holes at both ends, so that the head is a job unless the line is empty. */
  #tighten(): void {
    const ring = this.#ring
    if (this.size === 0) {
      this.#head = 0
      this.#tail = 0
      // Frees the memory of a longer line.
      if (ring.length > 1024) this.#ring = new Array(LEAST)
      return
    }
    while (ring[this.#head & (ring.length - 1)] === undefined) this.#head += 1
    while (ring[(this.#tail - 1) & (ring.length - 1)] === undefined) this.#tail -= 1
  }

  #makeRoom(): void {
    if (this.size > this.#ring.length / 2) this.#grow()
    else this.#closeUp()
  }

  /** Doubles the ring. Places stay, so no job is touched: most of many jobs are not in the cache. */
  #grow(): void {
    const ring = this.#ring
    const { length } = ring
    const next = new Array<LocalJob | undefined>(2 * length)
    for (let place = this.#head; place < this.#tail; place++) {
      next[place & (2 * length - 1)] = ring[place & (length - 1)]
    }
    this.#ring = next
  }

  /** Moves all jobs to the front of the ring. */
  #closeUp(): void {
    const ring = this.#ring
    const { length } = ring
    const next = new Array<LocalJob | undefined>(length)
    let count = 0
    for (let place = this.#head; place < this.#tail; place++) {
      const job = ring[place & (length - 1)]
      if (job === undefined) continue
      job.place = count
      next[count] = job
      count += 1
    }
    this.#ring = next
    this.#head = 0
    this.#tail = count
  }
}
