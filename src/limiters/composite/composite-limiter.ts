import type { OptionTable } from '../../core/check.ts'
import type { Decision } from '../../core/decision.ts'
import type { Micros, Millis } from '../../core/duration.ts'
import type { Metered } from '../../core/meter.ts'
import type { Policy } from '../../core/policy.ts'
import type { QuotaChange } from '../../core/rule.ts'
import type { CallOptions } from '../calls/call-options.ts'
import type { Terms } from '../calls/terms.ts'
import { seconds } from '../decision-of.ts'
import type { KeyCounts } from '../limiter.ts'
import { SyncLimiter } from '../local/sync-limiter.ts'
import { keptTogether, neverOver } from '../reservations/keepers.ts'
import { NOTHING_HELD, type ReservationKeeper } from '../reservations/reservation.ts'
import type { Work } from '../scheduled.ts'
import { took } from '../took.ts'
import { combined, noQuota } from './combined.ts'
import {
  memberKey,
  memberTerms,
  ownKey,
  type QuotaOf,
  type Sharing,
  sameKey,
} from './member-terms.ts'
import { Members } from './members.ts'

/** One limiter of a composite, with the key, the cost and the quota of the call for it. */
export interface LocalMember {
  readonly limiter: SyncLimiter & Sharing
  readonly quotaOf: QuotaOf | undefined
  readonly keyOf: (key: string) => string
  readonly costOf: ((cost: number) => number) | undefined
}

/** The name of a composite, and the metrics that count its decisions. */
export interface CompositeOptions extends Metered {
  /** The name in statistics and metrics. @default its members' names, `composite(a, b)` */
  name?: string
  /** Denies nothing; decisions say `wouldDeny`. @default false */
  shadow?: boolean
}

export const COMPOSITE_OPTIONS: OptionTable<CompositeOptions> = {
  name: true,
  shadow: true,
  metrics: true,
}

/**
 * Several local limiters as one, all or none: when one denies, the tokens of the others are given back, in reverse order, and no key has
 * lost a token.
 */
export class CompositeLimiter extends SyncLimiter {
  readonly name: string
  /** @internal */
  readonly members: readonly LocalMember[]
  readonly #all: Members
  /** The members that any cost of a call has to fit: without a cost of their own, and no shadows. */
  readonly #plain: readonly LocalMember[]
  /** True where a member has a cost of its own. */
  readonly #priced: boolean
  /** True where a member has a key of its own. */
  readonly #keyed: boolean
  /** True where a part, or a part of a part, has a quota or a cost of its own. */
  readonly #reading: boolean
  /**
   * True where all members go by one clock: a call is one moment to all of them. A composite inside reads keys and costs of its parts when
   * it is asked, which takes time.
   */
  readonly #oneClock: boolean
  /** The member that denied last. */
  #denier: LocalMember | undefined
  /** The shadows that had no room for the last call and let it pass uncounted. */
  #overlooked: readonly LocalMember[] = NONE

  constructor(members: readonly [LocalMember, ...LocalMember[]], options: CompositeOptions = {}) {
    const ledgers = members.flatMap(({ limiter }) => limiter.waiting.ledgers)
    // Each member is asked under a key of its own, so a waiting call asks again when any key gets room.
    super(members[0].limiter.clock, [...new Set(ledgers)], false, options.shadow)
    this.members = members
    this.#all = new Members(members)
    this.#plain = members.filter(
      ({ limiter, costOf }) => costOf === undefined && limiter.shadow === undefined,
    )
    this.#priced = members.some(({ costOf }) => costOf !== undefined)
    this.#keyed = members.some(({ keyOf }) => keyOf !== sameKey)
    this.#reading = this.#all.planned || this.#all.priced
    this.#oneClock = members.every(
      ({ limiter }) => limiter.clock === this.clock && !(limiter instanceof CompositeLimiter),
    )
    const { name = this.#all.name } = options
    this.name = name
    this.observe(options.metrics)
  }

  get capacity(): number {
    let least = Number.MAX_VALUE
    for (const { limiter } of this.#plain) {
      const { capacity } = limiter
      if (capacity < least) least = capacity
    }
    return least
  }

  override capacityUnder(terms: Terms): number {
    return this.#all.capacity(terms)
  }

  /** @internal */
  fits(cost: number, _ahead: boolean, terms: Terms | undefined): boolean {
    return this.#all.fit(cost, terms)
  }

  knows(name: string): boolean {
    return this.#all.knows(name)
  }

  termsOf(call: CallOptions, key?: string): Terms | undefined {
    return this.#all.termsOf(this.name, call, key)
  }

  override get quotable(): boolean {
    return this.#all.quotable
  }

  /** True where a part, or a part of a part, has a quota of its own. */
  get planned(): boolean {
    return this.#all.planned
  }

  /** True where a part, or a part of a part, has a cost of its own. */
  get priced(): boolean {
    return this.#all.priced
  }

  get policies(): readonly Policy[] {
    return this.#all.policies
  }

  // A call that brings nothing may still have the quotas and the costs of its parts.

  override allow(key = '', call: number | CallOptions = 1): boolean {
    return super.allow(key, this.#read(call))
  }

  override decide(key = '', call: number | CallOptions = 1): Decision {
    return super.decide(key, this.#read(call))
  }

  #read(call: number | CallOptions): number | CallOptions {
    return this.#reading && typeof call === 'number' ? { cost: call } : call
  }

  protected override checkCost(key: string, cost: number, terms: Terms | undefined): void {
    super.checkCost(key, cost, terms)
    if (this.priced && this.shadow === undefined) this.fits(cost, false, terms)
  }

  take(key: string, cost: number, maxWait: Micros, terms?: Terms): Micros {
    // Waiting here reserves nothing, so callers in line are protected by letting no other past them.
    if (maxWait === 0 && this.waiting.busy(key, terms?.share)) {
      return Math.min(this.look(key, cost, terms), -1)
    }
    // All costs are read before anything is taken: the functions that read them may throw.
    const prices = terms?.prices ?? (this.#priced ? this.#all.prices(cost, terms) : undefined)
    const keys = terms?.keys ?? (this.#keyed ? this.#all.keys(key) : undefined)
    for (let again = false; ; again = true) {
      const moment = this.#oneClock ? this.clock.now() : undefined
      const denier = this.#takeAll(key, cost, keys, prices, terms, moment)
      if (denier === undefined) {
        this.#denier = undefined
        return 0
      }
      const wait = this.look(key, cost, terms)
      if (wait < 0) return wait
      // Time may have passed since one of them denied: where none does any more, nothing has been taken yet. One that denies
      // again has enough, and callers in line who come first.
      if (!again) continue
      this.#denier = denier
      return -Infinity
    }
  }

  /** Takes from all or from none; returns the member that denies. */
  #takeAll(
    key: string,
    cost: number,
    keys: readonly string[] | undefined,
    prices: readonly number[] | undefined,
    terms: Terms | undefined,
    read: Millis | undefined,
  ): LocalMember | undefined {
    const members = this.members
    let overlooked = NONE
    for (let i = 0; i < members.length; i++) {
      const member = members[i] as LocalMember
      const { limiter } = member
      const paid = prices?.[i] ?? cost
      let wait: Micros
      try {
        wait = limiter.take(keys?.[i] ?? key, paid, 0, memberTerms(terms, i), read)
      } catch (error) {
        // A composite inside reads keys and costs of its parts only now.
        this.#returnBefore(i, overlooked, key, cost, keys, prices, terms)
        throw error
      }
      if (wait >= 0) continue
      if (limiter.shadow !== undefined) {
        overlooked = [...overlooked, member]
        continue
      }
      this.#returnBefore(i, overlooked, key, cost, keys, prices, terms)
      return member
    }
    for (const { limiter } of overlooked) limiter.shadow?.overlook()
    this.#overlooked = overlooked
    return undefined
  }

  /** Gives back the tokens of the members before the one at `end`. */
  #returnBefore(
    end: number,
    overlooked: readonly LocalMember[],
    key: string,
    cost: number,
    keys: readonly string[] | undefined,
    prices: readonly number[] | undefined,
    terms: Terms | undefined,
  ): void {
    for (let i = end - 1; i >= 0; i--) {
      const member = this.members[i] as LocalMember
      if (overlooked.includes(member)) continue
      const { limiter } = member
      const itsKey = keys?.[i] ?? key
      const back = prices?.[i] ?? cost
      const its = memberTerms(terms, i)
      if (limiter instanceof CompositeLimiter) limiter.#returnLast(itsKey, back, its)
      else limiter.giveBack(itsKey, back, its)
    }
  }

  /** Gives back the tokens of the last call: none to a shadow that let the call pass uncounted. */
  #returnLast(key: string, cost: number, terms: Terms | undefined): void {
    const prices = terms?.prices ?? (this.#priced ? this.#all.prices(cost, terms) : undefined)
    const keys = terms?.keys ?? (this.#keyed ? this.#all.keys(key) : undefined)
    this.#returnBefore(this.members.length, this.#overlooked, key, cost, keys, prices, terms)
  }

  /** @internal Gives back what `decision` has taken. */
  returnTaken(key: string, cost: number, terms: Terms | undefined, { parts = [] }: Decision): void {
    for (const [i, member] of this.members.entries()) {
      const part = parts[i]
      const price = this.#all.price(i, cost, terms)
      if (part === undefined || !took(part, price)) continue
      const { limiter } = member
      const own = memberKey(member, i, key, terms)
      const its = memberTerms(terms, i)
      if (limiter instanceof CompositeLimiter) limiter.returnTaken(own, price, its, part)
      else limiter.giveBack(own, price, its)
      limiter.waiting.wake(own)
    }
    this.freed(key)
  }

  /** The longest wait among the members that would deny, the first of which is the denier. */
  look(key: string, cost: number, terms?: Terms): Micros {
    let denied = false
    let longest: Micros = 0
    this.#denier = undefined
    this.#overlooked = NONE
    for (const [i, member] of this.members.entries()) {
      const { limiter } = member
      const own = memberKey(member, i, key, terms)
      const wait = limiter.look(own, this.#all.price(i, cost, terms), memberTerms(terms, i))
      if (wait >= 0) continue
      if (limiter.shadow !== undefined) {
        this.#overlooked = [...this.#overlooked, member]
        continue
      }
      denied = true
      this.#denier ??= member
      if (wait > -Infinity && wait < longest) longest = wait
    }
    return denied && longest === 0 ? -Infinity : longest
  }

  protected override lookAgain(): void {
    // A member that was overlooked when its turn came is not known any more.
    this.#overlooked = NONE
    for (const { limiter } of this.members) {
      if (limiter instanceof CompositeLimiter) limiter.lookAgain()
    }
  }

  giveBack(key: string, cost: number, terms?: Terms): void {
    for (let i = this.members.length - 1; i >= 0; i--) {
      const member = this.members[i] as LocalMember
      const { limiter, costOf } = member
      const own = memberKey(member, i, key, terms)
      const paid = terms?.prices?.[i] ?? (costOf === undefined ? cost : costOf(cost))
      if (paid > 0) limiter.giveBack(own, paid, memberTerms(terms, i))
      limiter.waiting.wake(own)
    }
  }

  get unheld(): string | undefined {
    for (const { limiter } of this.members) if (limiter.unheld !== undefined) return limiter.unheld
    return undefined
  }

  /** @internal */
  keeperOf(key: string, cost: number, terms: Terms, decision: Decision): ReservationKeeper {
    const prices = this.#all.prices(cost, terms)
    const parts = this.members.map((member, i) => {
      const { limiter } = member
      const part = decision.parts?.[i] as Decision
      if (part.wouldDeny) return NOTHING_HELD
      const own = memberKey(member, i, key, terms)
      const its = memberTerms(terms, i) as Terms
      const keeper = limiter.keeperOf(own, prices[i] as number, its, part)
      return limiter.shadow === undefined ? keeper : neverOver(keeper)
    })
    return keptTogether(parts, (actual) => this.#all.charged(actual))
  }

  /** @internal */
  override measured<T>(fn: Work<T>): Work<T> {
    return this.#all.measured(fn)
  }

  /** @internal */
  override get lends(): boolean {
    return this.#all.lend
  }

  override leave(key: string, cost: number, decision?: Decision): void {
    this.#all.leave(key, cost, decision)
  }

  forecast(key: string, ahead: number, cost: number, terms?: Terms): Micros {
    let latest = -Infinity
    for (const [i, member] of this.members.entries()) {
      const { limiter, costOf } = member
      const before = ahead === 0 || costOf === undefined ? ahead : costOf(ahead)
      const price = this.#all.price(i, cost, terms)
      const own = limiter.forecast(ownKey(member, key), before, price, memberTerms(terms, i))
      latest = Math.max(latest, own)
    }
    return latest
  }

  decision(key: string, cost: number, wait: Micros, terms?: Terms): Decision {
    const denier = wait < 0 ? this.#denier : undefined
    const overlooked = this.#overlooked
    const decisions = this.members.map((member, i) => {
      const { limiter } = member
      const price = this.#all.price(i, cost, terms)
      const its = memberTerms(terms, i)
      const itsKey = memberKey(member, i, key, terms)
      const given = wait >= 0 && !overlooked.includes(member)
      // Whether the same would pass once more is not what was asked; a composite looks at its members itself.
      const once = given && limiter instanceof CompositeLimiter
      const looked = once ? 0 : limiter.look(itsKey, price, its)
      const own = limiter.decision(itsKey, price, given ? 0 : looked, its)
      if (limiter.shadow === undefined) return own
      return { ...limiter.shadow.foretell(own), wouldDeny: overlooked.includes(member) }
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
    const keys = this.#all.keys(key)
    for (const [i, { limiter }] of this.members.entries()) limiter.forget(keys[i] as string)
  }

  hold(key: string, duration: Micros, replace: boolean): void {
    const keys = this.#all.keys(key)
    for (const [i, { limiter }] of this.members.entries()) {
      limiter.hold(keys[i] as string, duration, replace)
    }
  }

  counts(): KeyCounts {
    const sum = { keys: 0, evicted: 0, crowded: 0 }
    for (const { limiter } of this.members) {
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

const NONE: readonly LocalMember[] = []
