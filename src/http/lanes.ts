import type { Clock } from '../core/clock.ts'
import type { Millis } from '../core/duration.ts'
import { Lane } from './lane.ts'

/** The number of lanes from which on idle lanes are removed. */
const MANY = 1000

/** A lane for each key, made when first asked for and forgotten when it has nothing to remember. */
export class Lanes {
  readonly #clock: Clock
  readonly #spread: () => number
  readonly #longest: Millis
  readonly #lanes = new Map<string, Lane>()
  #most = MANY

  /** @param longest the longest pause of a lane */
  constructor(clock: Clock, spread: () => number, longest: Millis) {
    this.#clock = clock
    this.#spread = spread
    this.#longest = longest
  }

  get size(): number {
    return this.#lanes.size
  }

  of(key: string): Lane {
    let lane = this.#lanes.get(key)
    if (lane === undefined) {
      if (this.#lanes.size >= this.#most) this.#sweep()
      lane = new Lane(this.#clock, key, this.#spread, this.#longest)
      this.#lanes.set(key, lane)
    }
    return lane
  }

  #sweep(): void {
    for (const [key, lane] of this.#lanes) if (lane.idle) this.#lanes.delete(key)
    // Twice as many as are in use, so that looking costs little for each that comes.
    this.#most = Math.max(MANY, 2 * this.#lanes.size)
  }
}
