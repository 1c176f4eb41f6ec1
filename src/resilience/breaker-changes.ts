import type { Micros } from '../core/duration.ts'
import type { BreakerChange, BreakerState } from './breaker-types.ts'

/** How many changes are remembered. */
const MOST = 20

interface Change {
  readonly state: BreakerState
  readonly at: Micros
  readonly openFor?: Micros
  readonly trips?: number
  readonly error?: string
  readonly calls?: number
  readonly failed?: number
  readonly took?: Micros
}

/** The latest changes of the state of a breaker. A breaker that never changes keeps none. */
export class ChangeLog {
  readonly #list: Change[] = []

  add(change: Change): void {
    this.#list.push(change)
    if (this.#list.length > MOST) this.#list.shift()
  }

  list(now: Micros): BreakerChange[] {
    return this.#list.map(({ state, at, openFor, trips, error, calls, failed, took }) => ({
      state,
      ago: Math.max(0, now - at) / 1e6,
      ...(openFor !== undefined && { retryAfter: openFor / 1e6 }),
      ...(trips !== undefined && { trips }),
      ...(error !== undefined && { error }),
      ...(calls !== undefined && { calls }),
      ...(failed !== undefined && { failed }),
      ...(took !== undefined && { took: took / 1e6 }),
    }))
  }
}
