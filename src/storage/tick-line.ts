import type { Micros } from '../core/duration.ts'
import type { Drain, Rule } from '../core/rule.ts'

/**
 * A line of ticks, one tick for each step of a token that drains, and the numbers of a rule in ticks.
 *
 * There `used` tokens are a mark `used * steps` ticks ahead of now, and a cost moves the mark by a whole number of ticks: the
 * sum never rounds, and what is rounded is only the present, to a tick. A tick is at most 0.25 ms and at least a nanosecond.
 */
export class TickLine {
  readonly steps: number
  /** One step in tokens: a power of two too, so multiplying by it rounds nothing either. */
  readonly token: number
  /** A key may lie this far ahead. */
  readonly room: number
  /** Farther ahead than this a key has no token left, and is not freed to make room for another. */
  readonly precious: number
  readonly #interval: Micros
  // At time #since the line stood at #ticked, and it moves #pace ticks a microsecond.
  readonly #since: Micros
  readonly #ticked: number
  readonly #pace: number

  constructor(rule: Rule, drain: Drain, since: Micros, ticked: number) {
    const { steps, interval, grain } = drain
    this.steps = steps
    this.token = 1 / steps
    this.room = (rule.capacity + grain) * steps
    this.precious = (rule.capacity - 1) * steps
    this.#interval = interval
    this.#since = since
    this.#ticked = ticked
    this.#pace = steps / interval
  }

  at(now: Micros): number {
    return this.#ticked + Math.round((now - this.#since) * this.#pace)
  }

  /** Do the states of another rule drain along this line? */
  carries({ steps, interval }: Drain): boolean {
    return interval === this.#interval && steps === this.steps
  }
}
