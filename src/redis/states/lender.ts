import type { Micros } from '../../core/duration.ts'
import type { RemoteLedger, Verdict } from '../../core/storage.ts'

/** A ledger that lends: takes a number of tokens out of a state, for a borrower that spends them without asking again. */
export interface Lender extends RemoteLedger {
  /**
   * Takes `cost` at once (0 for nothing), and if that was granted, lends up to `want` tokens more: never more than a
   * quarter of what is left, or one.
   */
  lend(key: string, cost: number, want: number): Promise<Lent>
  /**
   * Takes back the `rest` of what was lent at `at`, less what has dripped in since.
   *
   * Had all of it been credited, a bucket could pass for larger than it is: while token leases are out it stays below its rim and
   * refills, and then they come back on top. Less what dripped in, what is in the bucket and what is lent out never add up
   * to more than it holds.
   */
  takeBack(key: string, rest: number, at: Micros): Promise<void>
}

/** What a lender answers. */
export interface Lent {
  /** About the cost; or, when that was 0, about one token. */
  readonly verdict: Verdict
  /** How much was lent beside the cost. */
  readonly tokens: number
  /** When, by the lender's clock. */
  readonly at: Micros
}
