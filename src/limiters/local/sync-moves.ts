import type { Decision } from '../../core/decision.ts'
import type { Micros, Millis } from '../../core/duration.ts'
import type { QuotaChange } from '../../core/rule.ts'
import type { Terms } from '../calls/terms.ts'
import type { KeyCounts } from '../limiter.ts'
import { LimiterVerbs } from '../limiter-verbs.ts'
import type { ReservationKeeper } from '../reservations/reservation.ts'

/** The operations in which limiters that answer at once differ. Keys, costs and terms are checked already. */
export abstract class SyncMoves extends LimiterVerbs {
  /**
   * As `Rule.reserve`, without telling listeners.
   *
   * @param read the reading of the clock, when several limiters are asked at one moment
   */
  abstract take(key: string, cost: number, maxWait: Micros, terms?: Terms, read?: Millis): Micros
  /** Undoes a `take`. */
  abstract override giveBack(key: string, cost: number, terms?: Terms): void
  abstract forecast(key: string, ahead: number, cost: number, terms?: Terms): Micros
  /** The answer that `take` would give. Changes nothing. */
  abstract look(key: string, cost: number, terms?: Terms): Micros
  /** The decision about the last `take` or `look`, whose answer was `wait`. */
  abstract decision(key: string, cost: number, wait: Micros, terms?: Terms): Decision
  /** @internal Keeps the reservation that this decision made. */
  abstract override keeperOf(
    key: string,
    cost: number,
    terms: Terms,
    decision: Decision,
  ): ReservationKeeper
  abstract override forget(key: string): void
  abstract override hold(key: string, duration: Micros, replace: boolean): void
  abstract override counts(): KeyCounts
  protected abstract change(quota: QuotaChange): void
}
