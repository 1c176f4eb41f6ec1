import { changed, integer, known, type OptionTable } from '../core/check.ts'
import type { Micros } from '../core/duration.ts'
import type { QuotaChange, Rule, State } from '../core/rule.ts'

/** The option of {@link concurrency}. */
export interface ConcurrencyOptions {
  /** How many calls of one key may run at once: a whole number of at least 1. */
  limit: number
}

export const CONCURRENCY_OPTIONS: OptionTable<ConcurrencyOptions> = { limit: true }

/**
 * At most `limit` calls at once, however long each takes. A caller must give back its permit. A denial has no `retryAfter`: it depends on
 * other calls and not on time.
 *
 * State: `[permits taken]`.
 */
export function concurrency(options: ConcurrencyOptions): Rule {
  known('concurrency', options, CONCURRENCY_OPTIONS)
  return new Concurrency(options)
}

class Concurrency implements Rule {
  readonly kind = 'concurrency'
  readonly capacity: number
  readonly span: Micros = Infinity
  readonly held = true
  readonly params: Readonly<Record<string, number>>

  readonly #limit: number
  /** The capacity, and what sums of fractions are off by. */
  readonly #ceiling: number

  /** @param share how much of the limit may be filled */
  constructor(options: ConcurrencyOptions, share = 1) {
    this.#limit = integer('limit', options.limit, 1)
    this.capacity = this.#limit * share
    this.#ceiling = this.capacity * (1 + 1e-9)
    this.params = { limit: this.capacity }
  }

  fresh(_now: Micros): State {
    return [0]
  }

  reserve(state: State, _now: Micros, cost: number, _maxWait: Micros): Micros {
    const inside = (state[0] as number) + cost
    if (inside > this.#ceiling) return -Infinity
    state[0] = inside
    return 0
  }

  refund(state: State, _now: Micros, cost: number): void {
    const inside = (state[0] as number) - cost
    // When all fractions have come back, a rounding error may remain. It counts as 0, so that the key is forgotten.
    state[0] = inside > cost * 1e-9 ? inside : 0
  }

  remaining(state: State, _now: Micros): number {
    return Math.max(0, this.capacity - (state[0] as number))
  }

  idleAfter(state: State, _now: Micros): Micros {
    return state[0] === 0 ? 0 : Infinity
  }

  with(change: QuotaChange): Rule {
    known('a concurrency limit', change, CONCURRENCY_OPTIONS)
    return new Concurrency(changed({ limit: this.#limit }, change))
  }

  shared(share: number): Rule {
    return new Concurrency({ limit: this.#limit }, share)
  }
}
