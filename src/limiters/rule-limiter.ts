import { systemClock } from '../core/clock.ts'
import type { Decision } from '../core/decision.ts'
import type { Micros } from '../core/duration.ts'
import { OptionTypeError } from '../core/errors.ts'
import type { Meter } from '../core/meter.ts'
import type { Policy } from '../core/policy.ts'
import type { QuotaChange, Rule } from '../core/rule.ts'
import { isLocal, type Ledger, type RemoteLedger } from '../core/storage.ts'
import { memoryLedger } from '../storage/memory-ledger.ts'
import { decisionOf } from './decision-of.ts'
import type { KeyCounts, LimiterOptions } from './limiter.ts'
import { checkedOptions, scopeOf } from './options.ts'
import { policyOf } from './policy-of.ts'
import { SyncLimiter } from './sync-limiter.ts'

/** One rule, asked through the ledger that a storage keeps for it. */
export class RuleLimiter extends SyncLimiter {
  readonly name: string
  protected readonly ledger: Ledger

  constructor(rule: Rule, options: LimiterOptions = {}) {
    const { storage, scope, clock, name, metrics } = checkedOptions(options)
    super(clock ?? storage?.clock ?? systemClock)
    this.name = name ?? scope ?? rule.kind
    this.ledger =
      storage === undefined
        ? memoryLedger(rule, this.clock)
        : local(storage.open(rule, scopeOf(options, rule), this.clock), this.name)
    // Only a ledger that a storage keeps can have others who wait for it.
    if (storage !== undefined) this.waiting.share(this.ledger)
    this.observe(metrics)
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
    this.ledger.refund(key, Math.min(cost, this.capacity))
  }

  forecast(key: string, ahead: number, cost: number): Micros {
    return this.ledger.forecast(key, ahead, cost)
  }

  decision(_key: string, cost: number, wait: Micros): Decision {
    const { judged } = this.ledger
    const verdict = { wait, remaining: judged.remaining(), idleAfter: judged.idleAfter() }
    return decisionOf(verdict, this.capacity, cost)
  }

  forget(key: string): void {
    this.ledger.reset(key)
  }

  hold(key: string, duration: Micros): void {
    this.ledger.block(key, duration)
  }

  protected override observe(metrics: Meter | undefined): void {
    super.observe(metrics)
    this.meter?.followKeys(this.ledger)
  }

  protected change(quota: QuotaChange): void {
    this.ledger.reconfigure(this.ledger.rule.with(quota))
  }

  counts(): KeyCounts {
    const { size: keys, evicted, crowded } = this.ledger
    return { keys, evicted, crowded }
  }
}

function local(ledger: Ledger | RemoteLedger, name: string): Ledger {
  if (isLocal(ledger)) return ledger
  throw new OptionTypeError(
    'storage',
    `the limiter '${name}' needs a storage in memory, or one that has limiters for its kind`,
  )
}
