import type { OptionTable } from '../core/check.ts'
import type { Decision } from '../core/decision.ts'
import type { Micros } from '../core/duration.ts'
import { OptionTypeError } from '../core/errors.ts'
import type { Metered } from '../core/meter.ts'
import type { Policy } from '../core/policy.ts'
import type { QuotaChange } from '../core/rule.ts'
import { seconds } from './decision-of.ts'
import type { KeyCounts, Limiter } from './limiter.ts'
import { untold } from './policy-of.ts'
import { SyncLimiter } from './sync-limiter.ts'

/** One limiter of a composite, and the key under which it is asked. */
export interface LocalMember {
  readonly limiter: SyncLimiter
  readonly keyOf: (key: string) => string
}

/** What a composite is called, and who counts what it decides. */
export interface CompositeOptions extends Metered {
  /** How it is called in statistics and metrics. @default its members' names, `composite(a, b)` */
  name?: string
}

export const COMPOSITE_OPTIONS: OptionTable<CompositeOptions> = { name: true, metrics: true }

/**
 * Several local limiters as one, all or none: when one says no, the others get back what they had given,
 * in reverse order, and nobody has lost a token.
 */
export class CompositeLimiter extends SyncLimiter {
  readonly name: string
  readonly #members: readonly LocalMember[]
  /** Who said no last. */
  #denier: LocalMember | undefined

  constructor(members: readonly [LocalMember, ...LocalMember[]], options: CompositeOptions = {}) {
    const ledgers = members.flatMap(({ limiter }) => limiter.waiting.ledgers)
    // Each member is asked under a key of its own, so whatever comes free may be what is waited for.
    super(members[0].limiter.clock, [...new Set(ledgers)], false)
    this.#members = members
    const { name = compositeName(members) } = options
    this.name = name
    this.observe(options.metrics)
  }

  get capacity(): number {
    let least = Infinity
    for (const { limiter } of this.#members) if (limiter.capacity < least) least = limiter.capacity
    return least
  }

  get policies(): readonly Policy[] {
    return policiesOf(this.#members)
  }

  take(key: string, cost: number, maxWait: Micros): Micros {
    // Waiting here reserves nothing, so those in line are protected by letting nobody past them.
    if (maxWait === 0 && this.waiting.busy(key)) return Math.min(this.look(key, cost), -1)
    for (;;) {
      if (this.#takeAll(key, cost)) {
        this.#denier = undefined
        return 0
      }
      const wait = this.look(key, cost)
      // Time may have passed since one of them denied: where none does any more, nothing has been taken yet.
      if (wait < 0) return wait
    }
  }

  /** Takes from all or from none. */
  #takeAll(key: string, cost: number): boolean {
    const members = this.#members
    for (let i = 0; i < members.length; i++) {
      const { limiter, keyOf } = members[i] as LocalMember
      if (limiter.take(keyOf(key), cost, 0) >= 0) continue
      while (--i >= 0) {
        const before = members[i] as LocalMember
        before.limiter.giveBack(before.keyOf(key), cost)
      }
      return false
    }
    return true
  }

  /** The longest wait among the members that would deny, the first of which is the denier. */
  look(key: string, cost: number): Micros {
    let denied = false
    let longest: Micros = 0
    this.#denier = undefined
    for (const member of this.#members) {
      const wait = member.limiter.look(member.keyOf(key), cost)
      if (wait >= 0) continue
      denied = true
      this.#denier ??= member
      if (wait > -Infinity && wait < longest) longest = wait
    }
    return denied && longest === 0 ? -Infinity : longest
  }

  giveBack(key: string, cost: number): void {
    for (let i = this.#members.length - 1; i >= 0; i--) {
      const { limiter, keyOf } = this.#members[i] as LocalMember
      limiter.giveBack(keyOf(key), cost)
      limiter.waiting.wake(keyOf(key))
    }
  }

  override leave(key: string, cost: number): void {
    for (const { limiter, keyOf } of this.#members) limiter.leave(keyOf(key), cost)
  }

  forecast(key: string, ahead: number, cost: number): Micros {
    let latest = -Infinity
    for (const { limiter, keyOf } of this.#members) {
      latest = Math.max(latest, limiter.forecast(keyOf(key), ahead, cost))
    }
    return latest
  }

  decision(key: string, cost: number, wait: Micros): Decision {
    const denier = wait < 0 ? this.#denier : undefined
    const decisions = this.#members.map(({ limiter, keyOf }) => {
      const own = limiter.decision(keyOf(key), cost, limiter.look(keyOf(key), cost))
      // Whether the same would pass once more is not what was asked.
      return wait >= 0 && !own.allowed ? { ...own, allowed: true, retryAfter: 0 } : own
    })
    return {
      ...combined(decisions),
      allowed: wait >= 0,
      retryAfter: wait >= 0 ? 0 : seconds(-wait),
      cost,
      parts: decisions,
      ...(denier === undefined ? undefined : { deniedBy: denier.limiter.name }),
    }
  }

  forget(key: string): void {
    for (const { limiter, keyOf } of this.#members) limiter.forget(keyOf(key))
  }

  hold(key: string, duration: Micros): void {
    for (const { limiter, keyOf } of this.#members) limiter.hold(keyOf(key), duration)
  }

  counts(): KeyCounts {
    const sum = { keys: 0, evicted: 0, crowded: 0 }
    for (const { limiter } of this.#members) {
      const { keys, evicted, crowded } = limiter.counts()
      sum.keys += keys
      sum.evicted += evicted
      sum.crowded += crowded
    }
    return sum
  }

  protected change(_quota: QuotaChange): never {
    throw noQuota()
  }
}

/** The numbers of several decisions as those of one: what is tightest counts. */
export function combined(
  decisions: readonly Decision[],
): Pick<Decision, 'limit' | 'remaining' | 'resetAfter'> {
  let limit = Infinity
  let remaining = Infinity
  let resetAfter = 0
  for (const decision of decisions) {
    if (decision.remaining < remaining) {
      limit = decision.limit
      remaining = decision.remaining
    }
    resetAfter = Math.max(resetAfter, decision.resetAfter)
  }
  return { limit, remaining, resetAfter }
}

/** What the limiters of a composite promise, in their order. */
export function policiesOf(members: readonly { limiter: Limiter }[]): Policy[] {
  return members.flatMap(({ limiter }) => limiter.policies ?? [untold(limiter.name)])
}

export function compositeName(members: readonly { limiter: { name: string } }[]): string {
  return `composite(${members.map(({ limiter }) => limiter.name).join(', ')})`
}

export function noQuota(): OptionTypeError {
  return new OptionTypeError(
    'quota',
    'a composite has no quota of its own: reconfigure one of its limiters',
  )
}
