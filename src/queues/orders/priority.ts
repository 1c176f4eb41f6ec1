import type { QueuedJob } from '../job.ts'
import { Line } from './line.ts'
import type { Order } from './order.ts'

/**
 * Higher priority first, first come first served among equals.
 *
 *     heap of distinct priorities     10      7      3      0
 *                                     |       |      |      |
 *     a line for each                abc      d      ef     ghij
 *
 * The heap is only touched when a priority appears or dies out, so with few priorities a job costs what it costs in a
 * plain line, and with as many as jobs, O(log n). The priorities stand in an array of their own: sifting compares
 * neighbours in memory and follows no pointers.
 */
export class PriorityOrder implements Order {
  size = 0
  readonly #lines = new Map<number, Line>()
  readonly #heap: Line[] = []
  readonly #ranks: number[] = []
  // The line used last: puts of one priority tend to come together.
  #last: Line | undefined = undefined
  #lastPriority = 0

  push(job: QueuedJob): void {
    this.#line(job.priority).push(job)
    this.size += 1
  }

  putBack(job: QueuedJob): void {
    this.#line(job.priority).putBack(job)
    this.size += 1
  }

  peek(): QueuedJob | undefined {
    return this.#best()?.head
  }

  take(): QueuedJob | undefined {
    const line = this.#best()
    if (line === undefined) return undefined
    this.size -= 1
    return line.take()
  }

  remove(job: QueuedJob): void {
    this.#line(job.priority).remove(job)
    this.size -= 1
  }

  oldest(): QueuedJob | undefined {
    let lowest = Infinity
    for (const [priority, line] of this.#lines) {
      if (line.size > 0 && priority < lowest) lowest = priority
    }
    return this.#lines.get(lowest)?.head
  }

  *[Symbol.iterator](): Iterator<QueuedJob> {
    const descending = [...this.#lines.keys()].sort((a, b) => b - a)
    for (const priority of descending) yield* this.#lines.get(priority) as Line
  }

  #line(priority: number): Line {
    if (this.#last !== undefined && this.#lastPriority === priority) return this.#last
    let line = this.#lines.get(priority)
    if (line === undefined) {
      line = new Line()
      this.#lines.set(priority, line)
      this.#rise(priority, line)
    }
    this.#last = line
    this.#lastPriority = priority
    return line
  }

  /** The line of the highest priority; lines that have emptied are forgotten here. */
  #best(): Line | undefined {
    const heap = this.#heap
    while (heap.length > 0) {
      const line = heap[0] as Line
      if (line.size > 0) return line
      this.#dropFirst()
      if (this.#last === line) this.#last = undefined
    }
    return undefined
  }

  #rise(priority: number, line: Line): void {
    const heap = this.#heap
    const ranks = this.#ranks
    let i = heap.length
    heap.push(line)
    ranks.push(priority)
    while (i > 0) {
      const parent = (i - 1) >> 2
      const rank = ranks[parent] as number
      if (rank >= priority) break
      heap[i] = heap[parent] as Line
      ranks[i] = rank
      i = parent
    }
    heap[i] = line
    ranks[i] = priority
  }

  #dropFirst(): void {
    const heap = this.#heap
    const ranks = this.#ranks
    this.#lines.delete(ranks[0] as number)
    const line = heap.pop() as Line
    const priority = ranks.pop() as number
    const { length } = heap
    if (length === 0) return
    let i = 0
    for (;;) {
      const first = 4 * i + 1
      if (first >= length) break
      const end = Math.min(first + 4, length)
      let child = first
      let rank = ranks[first] as number
      for (let other = first + 1; other < end; other++) {
        if ((ranks[other] as number) > rank) {
          child = other
          rank = ranks[other] as number
        }
      }
      if (rank <= priority) break
      heap[i] = heap[child] as Line
      ranks[i] = rank
      i = child
    }
    heap[i] = line
    ranks[i] = priority
  }
}
