import { type Clock, systemClock } from '../../core/clock.ts'
import type { Millis } from '../../core/duration.ts'
import { macrotask } from '../../core/macrotask.ts'

/** How many samples are kept at most: above that every second one is forgotten. */
const MOST = 4096

/**
 * When jobs were put, without a time in each of them: one reading of the clock for all puts of one turn of the event loop. A
 * job counts from the first put of its turn, so it may seem a few milliseconds older than it is, never younger.
 */
export class ArrivalTimes {
  readonly #clock: Clock
  /** A clock that is moved by hand may move within a turn: it is read for each put. */
  readonly #exact: boolean
  #seqs: number[] = []
  #times: Millis[] = []
  #read = false

  constructor(clock: Clock) {
    this.#clock = clock
    this.#exact = clock !== systemClock
  }

  /** The job with this number is put now. Numbers rise. */
  note(seq: number): void {
    if (!this.#read) this.#sample(seq)
  }

  /** When the job with this number was put, by the clock. */
  of(seq: number): Millis {
    let low = 0
    let high = this.#seqs.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#seqs[middle] as number) <= seq) low = middle + 1
      else high = middle
    }
    return this.#times[Math.max(0, low - 1)] ?? this.#clock.now()
  }

  #sample(seq: number): void {
    const now = this.#clock.now()
    if (!this.#exact) {
      this.#read = true
      macrotask(() => {
        this.#read = false
      })
    }
    if (this.#times.at(-1) === now) return
    if (this.#seqs.length === MOST) {
      this.#seqs = this.#seqs.filter((_, i) => i % 2 === 0)
      this.#times = this.#times.filter((_, i) => i % 2 === 0)
    }
    this.#seqs.push(seq)
    this.#times.push(now)
  }
}
