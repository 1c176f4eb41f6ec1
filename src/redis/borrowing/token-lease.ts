import type { Micros, Millis } from '../../core/duration.ts'
import type { LeaseClock, Moment } from '../../core/lease-clock.ts'

/** Tokens that were taken out of the bucket in Redis, to be spent here until `until`. */
export class TokenLease {
  readonly size: number
  left: number
  /** When the tokens were taken out, by the lender's clock. */
  readonly at: Micros
  /** When the token lease was asked for: before the tokens were taken out. */
  readonly asked: Moment
  /** Until when the tokens may be spent. */
  readonly until: Moment
  /** True when the lender lent as much as was wanted. */
  readonly whole: boolean

  constructor(size: number, at: Micros, asked: Moment, lease: Millis, whole = true) {
    this.size = size
    this.left = size
    this.at = at
    this.asked = asked
    this.until = { steady: asked.steady + lease, wall: asked.wall + lease }
    this.whole = whole
  }

  /** What a lender would credit for it, at most: less is known here about its age. */
  worth(clock: LeaseClock, interval: Micros): number {
    return aged(this.left, clock.passed(this.asked) * 1000, interval)
  }
}

/** What `rest` tokens are still worth after `age`: as many less as drip in meanwhile. See `Lender.takeBack`. */
export function aged(rest: number, age: Micros, interval: Micros): number {
  return Math.max(0, rest - Math.max(0, age) / interval)
}
