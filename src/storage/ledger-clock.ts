import { type Clock, systemClock } from '../core/clock.ts'
import type { Micros, Millis } from '../core/duration.ts'
import type { Rule } from '../core/rule.ts'
import { SteadyClock } from './steady-clock.ts'

/** The time of a ledger, in whole microseconds. */
export interface LedgerClock {
  now(): Micros
  /** The time at `read`, which the clock beneath has just said. */
  at(read: Millis): Micros
  /** A step back longer than this is that of a clock that was set anew. */
  patience: Micros
}

/** The time that a rule goes by: steady, or that of the calendar where its windows are those of a calendar. */
export function ledgerClock(rule: Rule, clock: Clock): LedgerClock {
  return rule.calendar === undefined ? new SteadyClock(clock, rule.span) : new WallClock(clock)
}

/** The date in microseconds since 1970, as the clock has it now. It may be set, back too: rules stand that. */
class WallClock implements LedgerClock {
  patience: Micros = Infinity
  readonly #clock: Clock

  constructor(clock: Clock) {
    this.#clock = clock
  }

  now(): Micros {
    const wall = this.#clock.wall?.() ?? (systemClock.wall as () => number)()
    return Math.round(wall * 1000)
  }

  /** A date follows from no other clock. */
  at(): Micros {
    return this.now()
  }
}
