import { must } from '../../core/check.ts'
import { at, type Cancel, type Clock, systemClock } from '../../core/clock.ts'
import type { Decision } from '../../core/decision.ts'
import type { Micros, Millis } from '../../core/duration.ts'
import type { Policy } from '../../core/policy.ts'
import { type QuotaChange, type Rule, SETTLED } from '../../core/rule.ts'
import type { Ledger } from '../../core/storage.ts'
import type { CallOptions } from '../calls/call-options.ts'
import type { Terms } from '../calls/terms.ts'
import { TermsReader } from '../calls/terms-reader.ts'
import { CLOSED, decisionOf, decisionUnder } from '../decision-of.ts'
import type { KeyCounts, LimiterOptions } from '../limiter.ts'
import { checkedOptions } from '../options.ts'
import { policyOf } from '../policy-of.ts'
import { endingAs, unknownMeans } from '../reservations/keepers.ts'
import { NOTHING_HELD, type ReservationKeeper } from '../reservations/reservation.ts'
import { SyncLimiter } from './sync-limiter.ts'

/** Makes the ledger of a limiter without a storage. */
export type OwnLedger = (rule: Rule, clock: Clock) => Ledger

/** A limiter of one rule, over a ledger in memory. */
export class RuleLimiter extends SyncLimiter {
  readonly name: string
  protected readonly ledger: Ledger
  readonly #terms: TermsReader

  /** @param quotas true when a call may bring a quota */
  constructor(rule: Rule, options: LimiterOptions, own: OwnLedger, quotas = true) {
    const { storage, scope, name = scope ?? rule.kind, metrics, classes } = checkedOptions(options)
    const terms = new TermsReader(name, rule, classes, quotas)
    const { clock = storage?.clock ?? systemClock } = options
    const ledger = storage?.open(rule, scope ?? 'default', clock) ?? own(rule, clock)
    must(
      'reserve' in ledger,
      'storage',
      'be a storage in memory, or one with limiters of its own',
      storage,
    )
    super(ledger.clock ?? clock, [ledger], true, options.shadow)
    this.name = name
    this.ledger = ledger
    this.#terms = terms
    this.observe(metrics, ledger)
  }

  get policies(): readonly Policy[] {
    return [policyOf(this.name, this.ledger.rule)]
  }

  /** The capacity of the present rule. Another limiter over the same ledger may have changed the rule. */
  get capacity(): number {
    return this.ledger.rule.capacity
  }

  termsOf(call: CallOptions): Terms | undefined {
    return this.#terms.read(this.ledger.rule, call)
  }

  /** @internal */
  fits(cost: number, ahead: boolean, terms: Terms | undefined): boolean {
    return this.fitsIn(this.ledger.rule, cost, ahead, terms)
  }

  override get quotable(): boolean {
    return this.#terms.takesQuotas(this.ledger.rule)
  }

  knows(name: string): boolean {
    return this.#terms.knows(name)
  }

  get unheld(): string | undefined {
    const { rule } = this.ledger
    return rule.holds === undefined ? rule.kind : undefined
  }

  take(key: string, cost: number, maxWait: Micros, terms?: Terms, read?: Millis): Micros {
    if (terms === undefined) return this.ledger.reserve(key, cost, maxWait, undefined, read)
    return this.#takeUnder(key, cost, maxWait, terms, read)
  }

  #takeUnder(
    key: string,
    cost: number,
    maxWait: Micros,
    terms: Terms,
    read: Millis | undefined,
  ): Micros {
    const { ledger } = this
    const { bound, rule, hold } = terms
    if (bound !== 'counted') return this.look(key, cost, terms)
    return hold === undefined
      ? ledger.reserve(key, cost, maxWait, rule, read)
      : ledger.hold(key, cost, maxWait, hold, rule)
  }

  look(key: string, cost: number, terms?: Terms): Micros {
    if (terms?.bound === 'closed') return CLOSED.wait
    return this.ledger.peek(key, cost, terms?.rule)
  }

  giveBack(key: string, cost: number, terms?: Terms): void {
    if (terms === undefined) return this.ledger.refund(key, cost)
    const { bound, rule, hold } = terms
    if (bound !== 'counted') return
    if (hold === undefined) this.ledger.refund(key, cost, rule)
    else this.ledger.settle(key, { id: hold.id, cost, actual: 0, how: SETTLED }, rule)
  }

  /** @internal */
  keeperOf(key: string, cost: number, { bound, rule, hold }: Terms): ReservationKeeper {
    if (bound !== 'counted' || hold === undefined) return NOTHING_HELD
    let cancelReturn = hold.ttl < 0 ? this.#atReturn(key, -hold.ttl) : undefined
    return {
      settle: (actual, again) => {
        const how = unknownMeans(hold, again)
        this.ledger.settle(key, { id: hold.id, cost, actual, how }, rule)
        cancelReturn?.()
        this.waiting.wake(key)
      },
      extend: (ttl) => {
        const open = this.ledger.extend(key, endingAs(hold, ttl), rule) >= 0
        if (open && cancelReturn !== undefined) {
          cancelReturn()
          cancelReturn = this.#atReturn(key, ttl)
        }
        return open
      },
    }
  }

  /** When `ttl` is over, the reservation is given back, and the calls that wait for the key ask again. */
  #atReturn(key: string, ttl: Micros): Cancel {
    const due = this.clock.now() + ttl / 1000
    return at(this.clock, due, () => this.waiting.wake(key), true)
  }

  forecast(key: string, ahead: number, cost: number, terms?: Terms): Micros {
    return this.ledger.forecast(key, ahead, cost, terms?.rule)
  }

  decision(_key: string, cost: number, wait: Micros, terms?: Terms): Decision {
    const { judged, rule } = this.ledger
    const verdict = { wait, remaining: judged.remaining(), idleAfter: judged.idleAfter() }
    // Most calls have no terms. Asked directly, they allocate no verdict.
    return terms === undefined
      ? decisionOf(verdict, rule.capacity, cost)
      : decisionUnder(terms, verdict, rule.capacity, cost)
  }

  forget(key: string): void {
    this.ledger.reset(key)
  }

  hold(key: string, duration: Micros, replace: boolean): void {
    this.ledger.block(key, duration, replace)
  }

  protected change(quota: QuotaChange): void {
    this.ledger.reconfigure(this.ledger.rule.with(quota))
  }

  counts(): KeyCounts {
    const { size: keys, evicted, crowded } = this.ledger
    return { keys, evicted, crowded }
  }
}
