import type { Millis } from '../../core/duration.ts'

/** Says which outcomes count: of calls that were let through, and began after the last decrease. */
export class Outcomes {
  readonly #window: Millis
  /** How many calls were let through and have not reported their outcome. */
  #open = 0
  /** How many of them began before the last decrease. */
  #stale = 0
  #since: Millis
  #admitted = 0

  constructor(window: Millis, now: Millis) {
    this.#window = window
    this.#since = now
  }

  /** A call was let through. */
  admit(now: Millis): void {
    if (now - this.#since >= this.#window) {
      // A caller that never reports must not pile up open calls for ever.
      this.#open = Math.min(this.#open, this.#admitted)
      this.#admitted = 0
      this.#since = now
    }
    this.#open += 1
    this.#admitted += 1
  }

  /** A call that was let through was not made after all. */
  retract(): void {
    if (this.#open === 0) return
    this.#open -= 1
    this.#admitted -= 1
  }

  /** A call has ended. Calls end about in the order in which they began. @returns true when its outcome counts */
  told(): boolean {
    if (this.#stale > 0) {
      this.#stale -= 1
      return false
    }
    if (this.#open === 0) return false
    this.#open -= 1
    return true
  }

  /** The rate has fallen: the outcomes of calls under way say nothing about the new rate. */
  decreased(): void {
    this.#stale = this.#open
    this.#open = 0
  }
}
