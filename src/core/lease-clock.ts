import { type Clock, isDue, systemClock } from './clock.ts'
import type { Millis } from './duration.ts'

/** One moment, on both clocks of this machine. */
export interface Moment {
  readonly steady: Millis
  readonly wall: Millis
}

/**
 * Time for leases, on two clocks. The time that has passed is that of the clock that moved further.
 * The steady clock may stand still while a machine sleeps, and the wall clock may be set back; seldom both at once.
 */
export class LeaseClock {
  readonly steady: Clock
  readonly #wall: () => Millis

  /** @param wall @default the date; with a clock of the caller's, that one alone */
  constructor(clock: Clock = systemClock, wall?: () => Millis) {
    this.steady = clock
    this.#wall = wall ?? (clock === systemClock ? Date.now : () => clock.now())
  }

  moment(): Moment {
    return { steady: this.steady.now(), wall: this.#wall() }
  }

  passed(since: Moment): Millis {
    return Math.max(this.steady.now() - since.steady, this.#wall() - since.wall)
  }

  /** @param now what the steady clock says, when it was just read */
  isBefore(end: Moment, now: Millis = this.steady.now()): boolean {
    return !isDue(end.steady, now) && !isDue(end.wall, this.#wall())
  }
}
