import { between } from '../../core/check.ts'
import type { Decision } from '../../core/decision.ts'
import type { Policy } from '../../core/policy.ts'
import type { CallOptions } from '../calls/call-options.ts'
import type { Terms } from '../calls/terms.ts'
import { lends } from '../limiter.ts'
import { untold } from '../policy-of.ts'
import type { Work } from '../scheduled.ts'
import { took } from '../took.ts'
import type { Member } from './member.ts'
import {
  composedTerms,
  isPlanned,
  memberKey,
  memberTerms,
  ownKey,
  type Sharing,
  takesQuota,
} from './member-terms.ts'

/**
 * The limiters of a composite, in their order: what a call of the composite is to each of them, and what they are together.
 *
 * The key and the cost for a member follow from those of the call, unless the terms of the call name them.
 */
export class Members {
  readonly #all: readonly Member[]
  /** True where a part, or a part of a part, has a quota of its own. */
  readonly planned: boolean
  /** True where a part, or a part of a part, has a cost of its own. */
  readonly priced: boolean

  constructor(all: readonly Member[]) {
    this.#all = all
    this.planned = isPlanned(all)
    this.priced = all.some(({ limiter, costOf }) => costOf !== undefined || limiter.priced)
  }

  /** How a composite of them is called that has no name. */
  get name(): string {
    return `composite(${this.#all.map(({ limiter }) => limiter.name).join(', ')})`
  }

  /** What they promise. */
  get policies(): Policy[] {
    return this.#all.flatMap(({ limiter }) => limiter.policies ?? [untold(limiter.name)])
  }

  /** True where it is clear which of them the quota of a call is for. */
  get quotable(): boolean {
    return takesQuota(this.#all)
  }

  /** True where one has a class of this name. */
  knows(name: string): boolean {
    return this.#all.some(({ limiter }) => limiter.knows?.(name))
  }

  /** What a call brings to each. @param name of the composite, for messages */
  termsOf(name: string, call: CallOptions, key: string | undefined): Terms | undefined {
    return composedTerms(name, call, this.#all, key)
  }

  /** The largest cost that all can ever grant, as far as they tell. Of those with costs of their own {@link fit} tells. */
  capacity(terms?: Terms): number {
    let least = Number.MAX_VALUE
    for (const [i, { limiter, costOf }] of this.#all.entries()) {
      if (costOf === undefined) least = Math.min(least, capacityOf(limiter, memberTerms(terms, i)))
    }
    return least
  }

  /**
   * True where the limit of each is large enough for the call as it is now. A shadow denies nothing.
   *
   * @throws CostTooLargeError where one never will be
   */
  fit(cost: number, terms: Terms | undefined): boolean {
    return this.#all.every(({ limiter }, i) => {
      if (limiter.shadow !== undefined || limiter.fits === undefined) return true
      return limiter.fits(this.price(i, cost, terms), false, memberTerms(terms, i))
    })
  }

  /** The keys of all, read before anything is done with one. */
  keys(key: string, terms?: Terms): string[] {
    return this.#all.map((member, i) => memberKey(member, i, key, terms))
  }

  /** What a call of `cost` costs each, read before anything is taken. */
  prices(cost: number, terms: Terms | undefined): readonly number[] {
    return terms?.prices ?? this.charged(cost)
  }

  /** What a call of `cost` costs the member at `i`, checked. 0 takes nothing there, and asks only whether the limit is used up. */
  price(i: number, cost: number, terms: Terms | undefined): number {
    return terms?.prices?.[i] ?? priceOf(this.#all[i] as Member, cost)
  }

  /** What each is charged where `actual` was used. */
  charged(actual: number): number[] {
    return this.#all.map((member) => priceOf(member, actual))
  }

  /** The function, which tells each how it went that goes by that. */
  measured<T>(fn: Work<T>): Work<T> {
    return this.#all.reduce((work, { limiter }) => limiter.measured?.(work) ?? work, fn)
  }

  /** True where one of them gives what is held until the call has ended. */
  get lend(): boolean {
    return this.#all.some(({ limiter }) => lends(limiter))
  }

  /** A call has ended: each that gave something gets back what is held only while the call ran. */
  leave(key: string, cost: number, decision: Decision | undefined): void {
    if (decision !== undefined && !took(decision, cost)) return
    for (const [i, member] of this.#all.entries()) {
      const { limiter, costOf } = member
      const paid = costOf === undefined ? cost : costOf(cost)
      if (paid !== 0) limiter.leave?.(ownKey(member, key), paid, decision?.parts?.[i])
    }
  }
}

function priceOf({ costOf }: Member, cost: number): number {
  return costOf === undefined ? cost : checkedPrice(costOf(cost))
}

/** What a part's `cost` has answered: a number of at least 0. Whether its limit ever holds that is asked once, of the whole. */
export function checkedPrice(price: number): number {
  return between('cost', price, 0, Number.MAX_VALUE)
}

/** The most that a limiter can ever grant, as far as it tells. A shadow lets through anything. */
function capacityOf(limiter: Sharing, terms: Terms | undefined): number {
  if (limiter.shadow !== undefined) return Number.MAX_VALUE
  const { capacity = Number.MAX_VALUE } = limiter
  if (terms === undefined) return capacity
  return limiter.capacityUnder?.(terms) ?? terms.rule?.capacity ?? capacity
}
