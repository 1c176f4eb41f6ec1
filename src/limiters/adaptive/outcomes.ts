import type { Millis } from '../../core/duration.ts'

/** Which outcomes count: those of calls that were let through, and of these not the ones that began before the last decrease. */
export class Outcomes {
  readonly #window: Millis
  /** Calls that were let through, and whose outcome has not been told. */
  #open = 0
  /** The same of before the last decrease. */
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
      // A caller that never tells its outcomes must not pile up open calls for ever.
      this.#open = Math.min(this.#open, this.#admitted)
      this.#admitted = 0
      this.#since = now
    }
    this.#open += 1
    this.#admitted += 1
  }

  /** What was let through did not go ahead after all. */
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

  /** The rate has fallen: how calls end that are under way is no news. */
  decreased(): void {
    this.#stale = this.#open
    this.#open = 0
  }
}
