import type { Micros } from '../core/duration.ts'
import type { Drain, Rule } from '../core/rule.ts'
import { fineSteps } from './fine-steps.ts'

/**
 * The line begins anew before it is so long: up to 2^53 a double counts one by one, and the arithmetic needs bits to spare. At the
 * finest ticks that is every quarter of an hour, else every 12 days or less often.
 */
export const LONGEST_LINE: number = 2 ** 50

/** A cost of fewer coarse ticks would be no larger than the rounding of the clock. */
const FEWEST = 4

/**
 * A line of ticks, one tick for each step of a token that drains, and the numbers of a rule in ticks.
 *
 * There `used` tokens are a mark `used * steps` ticks ahead of now, and a cost moves the mark by a whole number of ticks: the
 * sum never rounds. Only the present is rounded, to a tick. A tick is at most 0.25 ms and at least a nanosecond.
 */
export class TickLine {
  readonly steps: number
  /** True when the ticks are finer than the steps of the rule. */
  readonly fine: boolean
  /** True when marks need 64 bits. */
  readonly wide: boolean
  /** One tick in tokens. It is a power of two, also in the rule's own steps, so multiplying by it rounds nothing. */
  readonly token: number
  /** A key may lie this far ahead, without asking the rule whether a hair less than its cost is enough. */
  readonly room: number
  /** Farther ahead than this a key has no token left, and is not freed to make room for another. */
  readonly precious: number
  readonly #fewest: number
  readonly #drain: Drain
  // At time #since the line stood at #ticked, and it moves #pace ticks a microsecond.
  readonly #since: Micros
  readonly #ticked: number
  readonly #pace: number

  constructor(rule: Rule, drain: Drain, fine: boolean, since: Micros, ticked: number) {
    const { interval, grain } = drain
    const steps = fine ? fineSteps(rule, drain) : drain.steps
    this.fine = fine
    this.wide = fine || !drain.narrow
    this.steps = steps
    this.token = 1 / steps
    this.room = (rule.capacity + (fine ? 0 : grain)) * steps
    this.precious = (rule.capacity - 1) * steps
    this.#fewest = fine ? 1 : FEWEST
    this.#drain = drain
    this.#since = since
    this.#ticked = ticked
    this.#pace = steps / interval
  }

  at(now: Micros): number {
    return this.#ticked + Math.round((now - this.#since) * this.#pace)
  }

  /** True when adding a cost of so many ticks rounds nothing, on a line that stands at `tick`. */
  adds(ticks: number, tick: number): boolean {
    return ticks >= this.#fewest && ticks === Math.floor(ticks) && tick <= LONGEST_LINE
  }

  /** True when the line is too coarse for a cost of so many ticks. */
  blurs(ticks: number): boolean {
    return !this.fine && (ticks !== Math.floor(ticks) || (ticks < FEWEST && ticks > 0))
  }

  /** True when the states of another rule drain along this line. */
  carries({ steps, interval }: Drain): boolean {
    return interval === this.#drain.interval && steps === this.#drain.steps
  }

  /** True when the line of another rule would have the same ticks and marks. */
  alike(rule: Rule, drain: Drain): boolean {
    const steps = this.fine ? fineSteps(rule, drain) : drain.steps
    return steps === this.steps && (this.fine || !drain.narrow) === this.wide
  }
}
