import type { Micros } from './duration.ts'

/** The least time between two timed calls: 10,000 a second are enough. */
const SPACING: Micros = 100
/** At any rate of calls, one in this number is timed on average. So only a few calls pass untimed after a rush. */
const RAREST = 128

/**
 * Decides which calls are timed. Reading the clock twice can cost as much as the call. So above 10,000 calls a second only a random part
 * of them is timed; below, all are.
 */
export class Sampling {
  /** How many calls pass untimed from now on. */
  #left = 0
  /** The first value of `#left`. */
  #skipped = 0
  #last: Micros = -Infinity

  /** True when this call has to be timed. */
  due(): boolean {
    if (this.#left === 0) return true
    this.#left -= 1
    return false
  }

  /** A call that is timed begins. */
  began(now: Micros): void {
    const calls = this.#skipped + 1
    const pace = (now - this.#last) / calls
    this.#last = now
    // How many calls come in the time in which one is timed.
    const many = Math.min(RAREST, Math.floor(SPACING / Math.max(pace, 1e-3)))
    this.#skipped = many <= 1 ? 0 : Math.floor(Math.random() * (2 * many - 1))
    this.#left = this.#skipped
  }
}
