import { type Clock, systemClock } from '../core/clock.ts'
import type { Decision } from '../core/decision.ts'
import type { Micros } from '../core/duration.ts'
import { describe, OptionTypeError } from '../core/errors.ts'
import type { QuotaChange, Rule } from '../core/rule.ts'
import type { Ledger, Storage } from '../core/storage.ts'
import { MemoryStorage } from '../storage/memory-storage.ts'
import type { LimiterOptions } from './limiter.ts'
import { SyncLimiter, seconds } from './sync-limiter.ts'

/** One rule, asked through the ledger that a storage keeps for it. */
export class RuleLimiter extends SyncLimiter {
  readonly name: string
  capacity: number
  protected readonly ledger: Ledger

  constructor(rule: Rule, options: LimiterOptions = {}) {
    const { storage, scope, clock, name } = options
    checkText('scope', scope)
    checkText('name', name)
    checkClock(clock)
    checkStorage(storage)
    super(clock ?? (storage instanceof MemoryStorage ? storage.clock : systemClock))
    this.ledger = (storage ?? new MemoryStorage({ clock: this.clock })).open(
      rule,
      scope ?? 'default',
      this.clock,
    )
    this.capacity = rule.capacity
    this.name = name ?? scope ?? rule.kind
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
    const { judged } = this.ledger
    const left = Math.floor(judged.remaining())
    const retryAfter = wait >= 0 ? 0 : seconds(-wait)
    return {
      allowed: wait >= 0,
      limit: this.capacity,
      // Denied with enough left: the key is blocked, and has nothing to spend.
      remaining: wait < 0 && left >= cost ? 0 : left,
      retryAfter,
      resetAfter: Math.max(retryAfter, seconds(Math.ceil(judged.idleAfter()))),
      cost,
    }
  }

  forget(key: string): void {
    this.ledger.reset(key)
  }

  hold(key: string, duration: Micros): void {
    this.ledger.block(key, duration)
  }

  protected change(quota: QuotaChange): void {
    const rule = this.ledger.rule.with(quota)
    this.ledger.reconfigure(rule)
    this.capacity = rule.capacity
  }

  counts(): { keys: number; evicted: number } {
    return { keys: this.ledger.size, evicted: this.ledger.evicted }
  }
}

function checkText(option: string, value: string | undefined): void {
  if (value !== undefined && typeof value !== 'string') {
    throw new OptionTypeError(option, `${option} must be a string, got ${describe(value)}`)
  }
}

function checkStorage(storage: Storage | undefined): void {
  if (storage !== undefined && typeof storage?.open !== 'function') {
    throw new OptionTypeError('storage', `storage must be a storage, got ${describe(storage)}`)
  }
}

function checkClock(clock: Clock | undefined): void {
  if (clock !== undefined && typeof clock?.now !== 'function') {
    throw new OptionTypeError('clock', `clock must have a method now(), got ${describe(clock)}`)
  }
}
