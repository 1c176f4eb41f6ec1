import type { QueuedJob } from './job.ts'

/** The jobs whose handlers run. Each knows its seat, and whoever leaves gives his to the last one. */
export class Running implements Iterable<QueuedJob> {
  size = 0
  /** A seat of its own for one of them, which is all it takes where jobs end at once. */
  #one: QueuedJob | undefined = undefined
  readonly #others: QueuedJob[] = []

  add(job: QueuedJob): void {
    this.size += 1
    if (this.#one === undefined) this.#one = job
    else job.seat = this.#others.push(job) - 1
  }

  has(job: QueuedJob): boolean {
    return this.#one === job || this.#others[job.seat] === job
  }

  remove(job: QueuedJob): void {
    this.size -= 1
    if (this.#one === job) {
      this.#one = undefined
      return
    }
    const last = this.#others.pop() as QueuedJob
    if (last === job) return
    this.#others[job.seat] = last
    last.seat = job.seat
  }

  /** Those who were put first, first. */
  [Symbol.iterator](): Iterator<QueuedJob> {
    const jobs = this.#one === undefined ? [...this.#others] : [this.#one, ...this.#others]
    return jobs.sort((a, b) => a.seq - b.seq).values()
  }
}
