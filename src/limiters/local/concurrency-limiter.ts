import { known, type OptionTable, pick } from '../../core/check.ts'
import type { Decision } from '../../core/decision.ts'
import type { Micros, Millis } from '../../core/duration.ts'
import {
  CONCURRENCY_OPTIONS,
  type ConcurrencyOptions,
  concurrency,
} from '../../rules/concurrency.ts'
import { PERMITS_OPTIONS, type PermitsOptions } from '../../rules/permits.ts'
import { recordLedger } from '../../storage/record-ledger.ts'
import { checkCall } from '../calls/arguments.ts'
import { type CallOptions, costOf } from '../calls/call-options.ts'
import type { Terms } from '../calls/terms.ts'
import { LIMITER_OPTIONS, type LimiterOptions, type LimiterWaitOptions } from '../limiter.ts'
import { type Permit, permitOf } from '../permit.ts'
import { took } from '../took.ts'
import { RuleLimiter } from './rule-limiter.ts'

export const CONCURRENCY_LIMITER_OPTIONS: OptionTable<ConcurrencyOptions & LimiterOptions> = {
  ...CONCURRENCY_OPTIONS,
  ...LIMITER_OPTIONS,
}

/** The same over a storage outside this process, where a permit has a `ttl`. */
export const PERMIT_LIMITER_OPTIONS: OptionTable<PermitsOptions & LimiterOptions> = {
  ...PERMITS_OPTIONS,
  ...LIMITER_OPTIONS,
}

/**
 * A limit of calls at once, for each key.
 *
 * Ways to hold a permit, safest first: {@link schedule} gives it back by itself; {@link permit} returns an object for `using`; after
 * `acquire` and `wait` the caller must `release` exactly as much as it took. A denial has `retryAfter` 0: it depends on other calls, not
 * on time.
 *
 * @example
 * const uploads = LimiterFactory.concurrency({ limit: 4 })
 * await uploads.schedule('user-1', () => upload(file))
 */
export class ConcurrencyLimiter extends RuleLimiter {
  constructor(options: ConcurrencyOptions & LimiterOptions) {
    known('ConcurrencyLimiter', options, CONCURRENCY_LIMITER_OPTIONS)
    super(
      concurrency(pick<ConcurrencyOptions>(options, CONCURRENCY_OPTIONS)),
      options,
      recordLedger,
    )
  }

  /** Waits for permits, first come, first served. */
  permit(key = '', options: LimiterWaitOptions = {}): Promise<Permit> {
    return this.wait(key, options).then((decision) => this.issue(key, costOf(options), decision))
  }

  /** Permits if they are free now; otherwise `undefined`. */
  tryPermit(key = '', call: number | CallOptions = 1): Permit | undefined {
    if (this.shadow === undefined) {
      return this.allow(key, call) ? this.issue(key, costOf(call)) : undefined
    }
    return this.issue(key, costOf(call), this.decide(key, call))
  }

  /** @internal */
  override get lends(): boolean {
    return true
  }

  override leave(key: string, cost: number, decision?: Decision): void {
    checkCall(key, cost, Number.MAX_VALUE)
    if (decision !== undefined && !took(decision, cost)) return
    this.giveBack(key, cost)
    this.waiting.wake(key)
  }

  /** @internal */
  override take(key: string, cost: number, maxWait: Micros, terms?: Terms, read?: Millis): Micros {
    // A permit that becomes free is for the calls in line, not for the next call that asks. The line itself asks with patience.
    if (maxWait === 0 && this.waiting.busy(key, terms?.share)) return -Infinity
    return super.take(key, cost, maxWait, terms, read)
  }

  /**
   * @param decision the decision on the permit; the decision of a shadow may have taken nothing
   * @param ended called when the permit is given back
   */
  protected issue(key: string, tokens: number, decision?: Decision, ended?: () => void): Permit {
    return permitOf(key, tokens, () => {
      ended?.()
      this.leave(key, tokens, decision)
    })
  }
}
