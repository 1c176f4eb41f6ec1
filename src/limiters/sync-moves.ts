import type { Decision } from '../core/decision.ts'
import type { Micros } from '../core/duration.ts'
import type { QuotaChange } from '../core/rule.ts'
import type { KeyCounts } from './limiter.ts'
import type { ReservationKeeper } from './reservations/reservation.ts'
import type { CallOptions, Terms } from './terms.ts'

/** What differs from one limiter that answers at once to the next. Keys, costs and terms have been checked. */
export abstract class SyncMoves {
  abstract readonly name: string
  /** The largest cost that can ever pass. */
  abstract readonly capacity: number
  /** As `Rule.reserve`, and tells nobody. The key and the cost have been checked. */
  abstract take(key: string, cost: number, maxWait: Micros, terms?: Terms): Micros
  /** Undoes a `take`. */
  abstract giveBack(key: string, cost: number, terms?: Terms): void
  abstract forecast(key: string, ahead: number, cost: number, terms?: Terms): Micros
  /** What `take` would answer. Changes nothing. */
  abstract look(key: string, cost: number, terms?: Terms): Micros
  /** The decision about the last `take` or `look`, whose answer was `wait`. */
  abstract decision(key: string, cost: number, wait: Micros, terms?: Terms): Decision
  /** What a call brings beside its cost; `undefined` for nothing. */
  abstract termsOf(call: CallOptions, key?: string): Terms | undefined
  /** Does it take the quota of a call? */
  get quotable(): boolean {
    return false
  }
  /** The largest cost that can ever pass under `terms`. */
  abstract capacityUnder(terms: Terms): number
  /** Has it a class of this name? */
  abstract knows(name: string): boolean
  /** The kind of limit that cannot reserve, if it is one. */
  abstract get unheld(): string | undefined
  /** @internal Where the reservation is kept that `terms` made. */
  abstract keeperOf(key: string, cost: number, terms: Terms): ReservationKeeper
  /** What was scheduled has ended: gives back what is held only while it runs. */
  leave(_key: string, _cost: number): void {}
  abstract forget(key: string): void
  abstract hold(key: string, duration: Micros, replace: boolean): void
  abstract counts(): KeyCounts
  protected abstract change(quota: QuotaChange): void
}
