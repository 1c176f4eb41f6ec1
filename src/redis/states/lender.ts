import type { Micros } from '../../core/duration.ts'
import type { RemoteLedger, Verdict } from '../../core/storage.ts'

/** A ledger that lends: takes a number of tokens out of a state, for a borrower that spends them without asking again. */
export interface Lender extends RemoteLedger {
  /**
   * Takes `cost` at once (0 for nothing), and if that was granted, lends up to `want` tokens more: never more than a quarter of
   * the tokens that remain, but at least one.
   */
  lend(key: string, cost: number, want: number): Promise<Lent>
  /**
   * Takes back the `rest` of a token lease that was lent at `at`, less what has dripped into the bucket since.
   *
   * A full credit would let the bucket hold too much: while token leases are out, it stays below its rim and refills, and then they
   * come back on top. With this deduction the tokens in the bucket and the tokens that are lent out never add up to more than
   * the bucket holds.
   */
  takeBack(key: string, rest: number, at: Micros): Promise<void>
}

/** The answer of a lender. */
export interface Lent {
  /** The verdict about the cost; for a cost of 0, about one token. */
  readonly verdict: Verdict
  /** How much was lent beside the cost. */
  readonly tokens: number
  /** The time of the loan, by the lender's clock. */
  readonly at: Micros
}
