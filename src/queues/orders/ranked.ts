import type { QueuedJob } from '../job.ts'
import type { Order } from './order.ts'

/**
 * A heap of jobs, lowest rank first, then first come first served. Jobs know their place, so any of them can leave in
 * O(log n). For ranks that are nearly all different: due times, priorities that grow with age.
 */
export class RankedOrder implements Order {
  readonly #heap: QueuedJob[] = []
  readonly #rankOf: (job: QueuedJob) => number

  constructor(rankOf: (job: QueuedJob) => number) {
    this.#rankOf = rankOf
  }

  get size(): number {
    return this.#heap.length
  }

  push(job: QueuedJob): void {
    job.more().rank = this.#rankOf(job)
    this.#heap.push(job)
    this.#rise(job, this.#heap.length - 1)
  }

  putBack(job: QueuedJob): void {
    this.#heap.push(job)
    this.#rise(job, this.#heap.length - 1)
  }

  peek(): QueuedJob | undefined {
    return this.#heap[0]
  }

  take(): QueuedJob | undefined {
    const job = this.#heap[0]
    if (job !== undefined) this.remove(job)
    return job
  }

  remove(job: QueuedJob): void {
    const place = job.extras?.place as number
    const last = this.#heap.pop() as QueuedJob
    if (last === job) return
    if (before(last, job)) this.#rise(last, place)
    else this.#sink(last, place)
  }

  oldest(): QueuedJob | undefined {
    let oldest = this.#heap[0]
    for (const job of this.#heap) if (job.seq < (oldest as QueuedJob).seq) oldest = job
    return oldest
  }

  *[Symbol.iterator](): Iterator<QueuedJob> {
    yield* [...this.#heap].sort((a, b) => (before(a, b) ? -1 : 1))
  }

  #rise(job: QueuedJob, from: number): void {
    let i = from
    while (i > 0) {
      const parent = this.#heap[(i - 1) >> 1] as QueuedJob
      if (!before(job, parent)) break
      this.#set(i, parent)
      i = (i - 1) >> 1
    }
    this.#set(i, job)
  }

  #sink(job: QueuedJob, from: number): void {
    const heap = this.#heap
    let i = from
    for (let child = 2 * i + 1; child < heap.length; child = 2 * i + 1) {
      const right = heap[child + 1]
      if (right !== undefined && before(right, heap[child] as QueuedJob)) child += 1
      if (!before(heap[child] as QueuedJob, job)) break
      this.#set(i, heap[child] as QueuedJob)
      i = child
    }
    this.#set(i, job)
  }

  #set(i: number, job: QueuedJob): void {
    this.#heap[i] = job
    job.more().place = i
  }
}

function before(a: QueuedJob, b: QueuedJob): boolean {
  const left = a.extras?.rank as number
  const right = b.extras?.rank as number
  return left < right || (left === right && a.seq < b.seq)
}
