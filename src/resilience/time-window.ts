import type { Micros } from '../core/duration.ts'
import type { CallWindow } from './call-window.ts'
import { FAILED, type Outcome, SLOW } from './outcome.ts'

const BUCKETS = 10

/**
 * The calls of the last `size` microseconds, to a tenth: a ring of ten buckets and their sums.
 *
 *     [ 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10 | 11 | 2 ]    periods, each a tenth of the window
 *                                       now   ^ eleven periods ago at the next move: emptied before it is used
 *
 * No timer turns the ring. The next call empties *every* bucket that has passed since the call before, so the window is right after a
 * quiet night too. When the clock steps back, calls count in the bucket that was reached.
 */
export class TimeWindow implements CallWindow {
  calls = 0
  failed = 0
  slow = 0
  readonly #width: Micros
  readonly #calls = new Float64Array(BUCKETS)
  readonly #failed = new Float64Array(BUCKETS)
  readonly #slow = new Float64Array(BUCKETS)
  #period = -Infinity
  #ends = -Infinity
  #bucket = 0

  constructor(size: Micros) {
    this.#width = size / BUCKETS
  }

  record(outcome: Outcome, now: Micros): number {
    if (now >= this.#ends) this.roll(now)
    const bucket = this.#bucket
    this.calls += 1
    ;(this.#calls[bucket] as number) += 1
    if (outcome & FAILED) {
      this.failed += 1
      ;(this.#failed[bucket] as number) += 1
    }
    if (outcome & SLOW) {
      this.slow += 1
      ;(this.#slow[bucket] as number) += 1
    }
    return this.#period
  }

  fail(place: number): void {
    const age = this.#period - place
    if (age >= BUCKETS) return
    this.failed += 1
    ;(this.#failed[(this.#bucket - age + BUCKETS) % BUCKETS] as number) += 1
  }

  roll(now: Micros): void {
    const period = Math.floor(now / this.#width)
    if (period <= this.#period) return
    const passed = Math.min(BUCKETS, period - this.#period)
    for (let i = 0; i < passed; i++) {
      this.#bucket = this.#bucket + 1 === BUCKETS ? 0 : this.#bucket + 1
      this.#empty(this.#bucket)
    }
    this.#period = period
    this.#ends = (period + 1) * this.#width
  }

  clear(): void {
    for (let bucket = 0; bucket < BUCKETS; bucket++) this.#empty(bucket)
  }

  #empty(bucket: number): void {
    this.calls -= this.#calls[bucket] as number
    this.failed -= this.#failed[bucket] as number
    this.slow -= this.#slow[bucket] as number
    this.#calls[bucket] = 0
    this.#failed[bucket] = 0
    this.#slow[bucket] = 0
  }
}
