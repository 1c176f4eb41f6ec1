import type { Micros } from '../core/duration.ts'
import type { QuotaChange, Report, Rule, State } from '../core/rule.ts'

/** A state is forgotten when nothing has been reported for so many windows, and for no less than an hour. */
const KEPT_WINDOWS = 60
const LEAST_KEPT: Micros = 3600e6

/**
 * A rule that decides nothing and learns: how large a limit should be, from how calls ended.
 *
 * State: `[value, since, ...]`: the learnt value ({@link UNKNOWN} at first), the beginning of the present window, and further numbers of
 * the law.
 */
export abstract class Law implements Rule {
  abstract readonly kind: string
  readonly capacity: number = Infinity
  readonly span: Micros
  readonly params: Readonly<Record<string, number>>

  constructor(params: Readonly<Record<string, number>>) {
    this.params = params
    this.span = Math.max(LEAST_KEPT, KEPT_WINDOWS * (params['window'] as number))
  }

  abstract fresh(now: Micros): State
  /** @returns the learnt value, in thousandths */
  abstract report(state: State, now: Micros, report: Report): number

  reserve(): Micros {
    return 0
  }

  refund(): void {}

  remaining(): number {
    return 0
  }

  idleAfter(state: State, now: Micros): Micros {
    return Math.max(0, (state[1] as number) + this.span - now)
  }

  with(_change: QuotaChange): Rule {
    return this
  }
}

/** The value of a state from which nothing has been learnt. */
export const UNKNOWN = -1

/** In whole thousandths, as it is told. */
export function thousandths(value: number): number {
  return Math.floor(value * 1000 + 0.5)
}
