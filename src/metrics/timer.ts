import { type Clock, systemClock } from '../core/clock.ts'
import type { Histogram } from '../core/meter.ts'

/** Times a block of code: from when it is made until it is stopped or disposed of. */
export class Timer implements Disposable {
  readonly #histogram: Histogram
  readonly #clock: Clock
  readonly #began: number
  #seconds: number | undefined

  constructor(histogram: Histogram, clock: Clock = systemClock) {
    this.#histogram = histogram
    this.#clock = clock
    this.#began = clock.now()
  }

  /** Ends it, and returns how many seconds it took. Only the first end counts. */
  stop(): number {
    if (this.#seconds === undefined) {
      this.#seconds = Math.max(0, this.#clock.now() - this.#began) / 1000
      this.#histogram.observe(this.#seconds)
    }
    return this.#seconds
  }

  [Symbol.dispose](): void {
    this.stop()
  }
}
