import { type Cancel, type Clock, systemClock } from '../../core/clock.ts'
import type { Millis } from '../../core/duration.ts'

/** Has something to tidy up now and then, until `sweep` returns `false`. */
export interface Sweepable {
  /** Tidies up. @returns false when there is nothing more to tidy up */
  sweep(): boolean
  /** Tidies up for the last time. */
  end(): void
}

/** Sweeps all watched objects at an interval. One timer serves all of them; there is none when nothing is watched. */
export class Sweeper {
  readonly #clock: Clock
  readonly #every: Millis
  readonly #watched = new Set<Sweepable>()
  #cancel: Cancel | undefined

  constructor(clock: Clock, every: Millis) {
    this.#clock = clock
    this.#every = every
  }

  watch(one: Sweepable): void {
    this.#watched.add(one)
    this.#cancel ??= this.#later()
  }

  /** Ends all watched objects. */
  close(): void {
    this.#cancel?.()
    this.#cancel = undefined
    for (const one of this.#watched) one.end()
    this.#watched.clear()
  }

  #sweep(): void {
    this.#cancel = undefined
    for (const one of this.#watched) if (!one.sweep()) this.#watched.delete(one)
    if (this.#watched.size > 0) this.#cancel ??= this.#later()
  }

  #later(): Cancel {
    const after = this.#clock.after ?? (systemClock.after as NonNullable<Clock['after']>)
    return after.call(this.#clock, this.#every, () => this.#sweep(), true)
  }
}
