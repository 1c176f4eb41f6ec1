import { type Clock, systemClock } from '../core/clock.ts'
import type { Histogram } from '../core/meter.ts'

/** Measures a block of code, from the making of the timer until `stop` or the end of the block with `using`. */
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

  /** Ends the timer. Only the first call counts. @returns the time in seconds */
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
