import type { Micros } from './duration.ts'

/** The least time between two timings: 10,000 a second are enough. */
const SPACING: Micros = 100
/** However fast calls come, one in this many is timed on average. So few calls pass untimed after a rush. */
const RAREST = 128

/**
 * Which calls to time. Two looks at the clock can cost as much as the call, so where calls come fast only some are timed,
 * picked at random; up to 10,000 a second all of them are.
 */
export class Sampling {
  /** How many calls to let pass. */
  #left = 0
  /** How many that was when it was decided. */
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
    // How many calls come in the time that one timing is enough for.
    const many = Math.min(RAREST, Math.floor(SPACING / Math.max(pace, 1e-3)))
    this.#skipped = many <= 1 ? 0 : Math.floor(Math.random() * (2 * many - 1))
    this.#left = this.#skipped
  }
}
