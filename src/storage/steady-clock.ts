import type { Clock } from '../core/clock.ts'
import type { Micros, Millis } from '../core/duration.ts'

/**
 * A clock as ledgers want it: whole microseconds that never go back.
 *
 * When the clock beneath steps back, time stands still until it has caught up: nothing refills twice. A step back
 * longer than `patience` is taken for a clock that was set anew, and time goes on from there: nothing is frozen.
 */
export class SteadyClock {
  patience: Micros
  readonly beneath: Clock
  #latest: Micros = -Infinity
  #offset: Micros = 0

  constructor(clock: Clock, patience: Micros) {
    this.beneath = clock
    this.patience = patience
  }

  now(): Micros {
    return this.at(this.beneath.now())
  }

  /** The time at `read`, which the clock beneath has just said. */
  at(read: Millis): Micros {
    const now = Math.round(read * 1000) + this.#offset
    if (now >= this.#latest) {
      this.#latest = now
      return now
    }
    const behind = this.#latest - now
    if (behind > this.patience) this.#offset += behind
    return this.#latest
  }
}
