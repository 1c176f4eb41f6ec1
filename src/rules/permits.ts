import { changed, integer, known, type OptionTable } from '../core/check.ts'
import { type Duration, type Micros, toPositiveMicros } from '../core/duration.ts'
import type { QuotaChange, Rule, State } from '../core/rule.ts'
import { CONCURRENCY_OPTIONS } from './concurrency.ts'

export interface PermitsOptions {
  /** How many calls of one key may run at once: a whole number of at least 1. */
  limit: number
  /** How long a permit holds without a renewal. @default 30 seconds */
  ttl?: Duration
}

export const PERMITS_OPTIONS: OptionTable<PermitsOptions> = { limit: true, ttl: true }

/** How many numbers a permit takes in the state. */
const WIDTH = 3

/**
 * A number of calls at once, where a caller may die without giving its permit back: each permit is a lease that its holder renews.
 *
 * The twin of {@link concurrency} for storages that outlive their clients. Here the last argument of `reserve` is not a
 * wait but the number of the permit: reserving a number that is inside renews it, so asking twice takes once. That of
 * `refund` is the number, beyond now, of the permit to give back from.
 */
export function permits(options: PermitsOptions): Rule {
  return new Permits(options)
}

/** State: `[id, tokens, until, id, tokens, until, ...]`. */
class Permits implements Rule {
  readonly kind = 'permits'
  readonly capacity: number
  readonly span: Micros
  readonly held = true
  readonly params: Readonly<Record<string, number>>
  readonly #options: PermitsOptions

  /** @param share how much of the limit may be filled */
  constructor(options: PermitsOptions, share = 1) {
    this.capacity = integer('limit', options.limit, 1) * share
    const { ttl = 30 } = options
    this.span = toPositiveMicros('ttl', ttl)
    this.params = { limit: this.capacity, ttl: this.span }
    this.#options = options
  }

  fresh(_now: Micros): State {
    return []
  }

  reserve(state: State, now: Micros, cost: number, id: number): Micros {
    let inside = 0
    for (let i = 0; i < state.length; i += WIDTH) {
      if ((state[i + 2] as number) <= now) continue
      if (state[i] === id) {
        state[i + 2] = now + this.span
        return 0
      }
      inside += state[i + 1] as number
    }
    if (inside + cost > this.capacity * (1 + 1e-9)) return -Infinity
    sweep(state, now)
    state.push(id, cost, now + this.span)
    return 0
  }

  refund(state: State, now: Micros, cost: number, due: Micros = now): void {
    for (let i = 0; i < state.length; i += WIDTH) {
      if (state[i] === due - now) state[i + 1] = (state[i + 1] as number) - cost
    }
    sweep(state, now)
  }

  remaining(state: State, now: Micros): number {
    let inside = 0
    for (let i = 0; i < state.length; i += WIDTH) {
      if ((state[i + 2] as number) > now) inside += state[i + 1] as number
    }
    return Math.max(0, this.capacity - inside)
  }

  idleAfter(state: State, now: Micros): Micros {
    let last = now
    for (let i = 0; i < state.length; i += WIDTH) last = Math.max(last, state[i + 2] as number)
    return last - now
  }

  with(change: QuotaChange): Rule {
    known('a concurrency limit', change, CONCURRENCY_OPTIONS)
    return new Permits(changed(this.#options, change))
  }

  shared(share: number): Rule {
    return new Permits(this.#options, share)
  }
}

/** Drops permits whose time is over or that were given back. */
function sweep(state: State, now: Micros): void {
  let kept = 0
  for (let i = 0; i < state.length; i += WIDTH) {
    if ((state[i + 1] as number) <= 0 || (state[i + 2] as number) <= now) continue
    if (kept < i) state.copyWithin(kept, i, i + WIDTH)
    kept += WIDTH
  }
  state.length = kept
}
