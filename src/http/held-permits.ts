import { type Clock, isDue, systemClock } from '../core/clock.ts'
import type { Millis } from '../core/duration.ts'

interface Hold {
  readonly until: Millis
  readonly end: () => void
}

/**
 * The permits that requests of one guard hold. Each permit is given back once: when its request has ended, or after the
 * longest time a permit may be held, in case no event ever tells of the end.
 */
export class HeldPermits {
  readonly #clock: Clock
  readonly #longest: Millis
  /** In the order in which they end by time, for all are held equally long. */
  readonly #open = new Set<Hold>()
  #armed = false

  constructor(clock: Clock, longest: Millis) {
    this.#clock = clock
    this.#longest = longest
  }

  /**
   * HeldPermits a permit.
   *
   * @param giveBack called once
   * @returns ends the hold; calling it again does nothing
   */
  add(giveBack: () => void): () => void {
    const end = () => {
      if (this.#open.delete(hold)) giveBack()
    }
    const hold: Hold = { until: this.#clock.now() + this.#longest, end }
    this.#open.add(hold)
    this.#arm(this.#longest)
    return end
  }

  /** Ends the holds whose time is over. Called before each decision too, since some runtimes stop timers between requests. */
  sweep(): void {
    if (this.#open.size === 0) return
    const now = this.#clock.now()
    for (const { until, end } of this.#open) {
      if (!isDue(until, now)) return
      end()
    }
  }

  /** One timer for all holds, for the oldest one; it is not moved when that one ends. */
  #arm(delay: Millis): void {
    if (this.#armed) return
    this.#armed = true
    const ring = () => {
      this.#armed = false
      this.sweep()
      const [oldest] = this.#open
      if (oldest !== undefined) this.#arm(Math.max(0, oldest.until - this.#clock.now()))
    }
    const after = this.#clock.after ?? systemClock.after
    after?.call(this.#clock, delay, ring, true)
  }
}
