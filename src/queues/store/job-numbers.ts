import { type Clock, systemClock } from '../../core/clock.ts'
import type { Millis } from '../../core/duration.ts'
import { macrotask } from '../../core/macrotask.ts'

/** The most samples that are kept. Above that, every second one is forgotten. */
const MOST = 4096

/**
 * Numbers the jobs of a queue in the order of their puts, and tells by the number when a job was put. The clock is read once for all puts of
 * one turn of the event loop, and no job stores a time. A job counts from the first put of its turn, so it may seem a few milliseconds
 * older than it is, never younger.
 */
export class JobNumbers {
  /** The last number that was given. */
  last = 0
  /** Future numbers that callers use as ids of their jobs. */
  #reserved: Set<number> | undefined
  readonly #clock: Clock
  /** True for a clock that is moved by hand: it may move within a turn, so it is read for each put. */
  readonly #exact: boolean
  #seqs: number[] = []
  #times: Millis[] = []
  /** True when the clock was read in this turn and no future number is reserved: then the next number is the last plus one. */
  #flows = false
  #read = false

  constructor(clock: Clock) {
    this.#clock = clock
    this.#exact = clock !== systemClock
  }

  /** The number of a job that is put now. */
  next(): number {
    if (!this.#flows) return this.#search()
    this.last += 1
    return this.last
  }

  /** A caller has chosen this id. If it is a future number, no job will get it. */
  reserve(id: string): void {
    const number = Number(id)
    if (String(number) !== id || !(number > this.last)) return
    this.#reserved ??= new Set()
    this.#reserved.add(number)
    this.#flows = false
  }

  /** The id is free again. */
  release(id: string): void {
    this.#reserved?.delete(Number(id))
  }

  /** The time at which the job with this number was put, by the clock. */
  timeOf(seq: number): Millis {
    let low = 0
    let high = this.#seqs.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#seqs[middle] as number) <= seq) low = middle + 1
      else high = middle
    }
    return this.#times[Math.max(0, low - 1)] ?? this.#clock.now()
  }

  #search(): number {
    do this.last += 1
    while (this.#reserved?.delete(this.last) === true)
    if (!this.#read) this.#sample(this.last)
    this.#flows = this.#read && this.#reserved === undefined
    return this.last
  }

  #sample(seq: number): void {
    const now = this.#clock.now()
    if (!this.#exact) this.#untilNextTurn()
    if (this.#times.at(-1) === now) return
    if (this.#seqs.length === MOST) {
      this.#seqs = this.#seqs.filter((_, i) => i % 2 === 0)
      this.#times = this.#times.filter((_, i) => i % 2 === 0)
    }
    this.#seqs.push(seq)
    this.#times.push(now)
  }

  #untilNextTurn(): void {
    this.#read = true
    macrotask(() => {
      this.#read = false
      this.#flows = false
    })
  }
}
