import { must } from '../core/check.ts'
import { type Clock, systemClock } from '../core/clock.ts'
import type { Decision } from '../core/decision.ts'
import type { Micros } from '../core/duration.ts'
import type { Policy } from '../core/policy.ts'
import type { QuotaChange, Rule } from '../core/rule.ts'
import type { Ledger } from '../core/storage.ts'
import { decisionOf } from './decision-of.ts'
import type { KeyCounts, LimiterOptions } from './limiter.ts'
import { checkedOptions } from './options.ts'
import { policyOf } from './policy-of.ts'
import { SyncLimiter } from './sync-limiter.ts'

/** Makes the ledger of a limiter that was given no storage. */
export type OwnLedger = (rule: Rule, clock: Clock) => Ledger

/** One rule, asked through the ledger that a storage keeps for it. */
export class RuleLimiter extends SyncLimiter {
  readonly name: string
  protected readonly ledger: Ledger

  constructor(rule: Rule, options: LimiterOptions, own: OwnLedger) {
    const { storage, scope, name = scope ?? rule.kind, metrics } = checkedOptions(options)
    const { clock = storage?.clock ?? systemClock } = options
    const ledger = storage?.open(rule, scope ?? 'default', clock) ?? own(rule, clock)
    must('reserve' in ledger, 'storage', 'be one in memory, or have limiters for its kind', storage)
    super(clock, [ledger])
    this.name = name
    this.ledger = ledger
    this.observe(metrics, ledger)
  }

  get policies(): readonly Policy[] {
    return [policyOf(this.name, this.ledger.rule)]
  }

  /** That of the ledger's present rule, which others who share it may have changed. */
  get capacity(): number {
    return this.ledger.rule.capacity
  }

  take(key: string, cost: number, maxWait: Micros): Micros {
    return this.ledger.reserve(key, cost, maxWait)
  }

  look(key: string, cost: number): Micros {
    return this.ledger.peek(key, cost)
  }

  giveBack(key: string, cost: number): void {
    this.ledger.refund(key, cost)
  }

  forecast(key: string, ahead: number, cost: number): Micros {
    return this.ledger.forecast(key, ahead, cost)
  }

  decision(_key: string, cost: number, wait: Micros): Decision {
    const { judged, rule } = this.ledger
    const verdict = { wait, remaining: judged.remaining(), idleAfter: judged.idleAfter() }
    return decisionOf(verdict, rule.capacity, cost)
  }

  forget(key: string): void {
    this.ledger.reset(key)
  }

  hold(key: string, duration: Micros): void {
    this.ledger.block(key, duration)
  }

  protected change(quota: QuotaChange): void {
    this.ledger.reconfigure(this.ledger.rule.with(quota))
  }

  counts(): KeyCounts {
    const { size: keys, evicted, crowded } = this.ledger
    return { keys, evicted, crowded }
  }
}
