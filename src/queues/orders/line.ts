import type { QueuedJob } from '../job.ts'
import type { Order } from './order.ts'

/**
 * First come, first served. The jobs are the links, so that leaving from the middle costs the same as from the end and
 * leaves nothing behind.
 *
 *     head -> a <-> b <-> c <- tail
 */
export class Line implements Order {
  size = 0
  head: QueuedJob | undefined = undefined
  tail: QueuedJob | undefined = undefined

  push(job: QueuedJob): void {
    const { tail } = this
    if (tail === undefined) this.head = job
    else {
      tail.next = job
      job.prev = tail
    }
    this.tail = job
    this.size += 1
  }

  putBack(job: QueuedJob): void {
    const { head } = this
    if (head === undefined) this.tail = job
    else {
      head.prev = job
      job.next = head
    }
    this.head = job
    this.size += 1
  }

  peek(): QueuedJob | undefined {
    return this.head
  }

  take(): QueuedJob | undefined {
    const job = this.head
    if (job === undefined) return undefined
    const { next } = job
    this.head = next
    if (next === undefined) this.tail = undefined
    else {
      next.prev = undefined
      // A job that is gone must not hold on to those behind it: it may be old, and they young.
      job.next = undefined
    }
    this.size -= 1
    return job
  }

  remove(job: QueuedJob): void {
    const { prev, next } = job
    if (prev === undefined) this.head = next
    else prev.next = next
    if (next === undefined) this.tail = prev
    else next.prev = prev
    job.prev = undefined
    job.next = undefined
    this.size -= 1
  }

  oldest(): QueuedJob | undefined {
    return this.head
  }

  *[Symbol.iterator](): Iterator<QueuedJob> {
    for (let job = this.head; job !== undefined; ) {
      const { next } = job
      yield job
      job = next
    }
  }
}
