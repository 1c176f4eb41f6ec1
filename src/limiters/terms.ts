import {
  isPlain,
  known,
  must,
  mustLie,
  number,
  type OptionTable,
  options,
  positive,
  string,
} from '../core/check.ts'
import { type Duration, toPositiveMicros } from '../core/duration.ts'
import { describe, OptionTypeError } from '../core/errors.ts'
import { CALL_QUOTA_OPTIONS, type CallQuota, type Rule } from '../core/rule.ts'
import type { Hold } from '../core/storage.ts'

/** What a call may bring beside its key. */
export interface CallOptions {
  /** How much the call takes. @default 1 */
  cost?: number
  /**
   * The numbers that hold for this key in this call, instead of the limiter's own: a plan, without a limiter for each. What the
   * key has used stays used when its quota changes. `rate: 0` denies, `rate: Infinity` lets everything through.
   * For token and leaky buckets and windows.
   */
  quota?: CallQuota
  /** One of the limiter's `classes`. @default the whole limit */
  class?: string
}

export const CALL_OPTIONS: OptionTable<CallOptions> = { cost: true, quota: true, class: true }

/** The cost of a call; not checked. */
export function costOf(call: number | CallOptions): number {
  if (typeof call === 'number') return call
  // Only what is left out has a default: null is a mistake.
  const { cost = 1 } = call
  return cost
}

/** The share of the limit, above 0 and up to 1, that each class of calls may fill. */
export type Classes = Readonly<Record<string, number>>

/** What a call has brought, read: the rule that judges it instead of the limiter's own. */
export interface Terms {
  /** The share of the limit that the call may fill. */
  readonly share: number
  /** Of a limiter with one rule: what judges the call. */
  readonly rule: Rule | undefined
  /** No quota at all, or one of 0: neither is counted. */
  readonly bound: 'counted' | 'unlimited' | 'closed'
  /** Of a composite: the terms of its members, in their order. */
  readonly members: readonly (Terms | undefined)[] | undefined
  /** Of a composite: the keys of its members, in their order, where they do not follow from the key of the call. */
  readonly keys: readonly string[] | undefined
  /** Of a composite: what the call costs its members, in their order, where that does not follow from its cost. */
  readonly prices: readonly number[] | undefined
  /** What the call brought beside its cost, to hand it on. */
  readonly brought: CallOptions
  /** Of what is to be settled: its reservation. */
  readonly hold: Hold | undefined
}

/** What an unlimited call is judged by: a quota that nothing fills, to see whether the key is blocked. */
const VAST = 1e15
/** So many quotas are remembered; when there are more, all are read anew. */
const MOST_QUOTAS = 1000

/** @throws OptionTypeError when `call` is no cost and no options, or has an option that does not exist */
export function checkedCall(call: CallOptions): CallOptions {
  // A cost of the wrong type is told as such.
  if (typeof call !== 'object' || call === null) positive('cost', call as unknown as number)
  let empty = true
  for (const name in call) {
    empty = false
    if (CALL_OPTIONS[name as keyof CallOptions] !== true) known('a call', call, CALL_OPTIONS)
  }
  if (empty && !isPlain(call)) known('a call', call, CALL_OPTIONS)
  return call
}

/** @throws OptionTypeError | OptionRangeError naming the class and its value */
export function checkedClasses(classes: Classes | undefined): Classes | undefined {
  if (classes === undefined) return undefined
  options('classes', classes)
  for (const [name, share] of Object.entries(classes)) {
    number(`classes.${name}`, share)
    mustLie(share > 0 && share <= 1, `classes.${name}`, 'be a share above 0 and up to 1', share)
  }
  return { ...classes }
}

interface KnownQuota {
  readonly per: Duration | undefined
  readonly burst: number | undefined
  readonly terms: Terms
}

/** Reads what calls bring to a limiter of one rule, and remembers it: plans are few. */
export class TermsReader {
  readonly #name: string
  readonly #classes: Classes | undefined
  /** Are quotas taken? */
  readonly #quotas: boolean
  /** The rule that the terms below are made from. */
  #rule: Rule | undefined
  #byRate = new Map<number, KnownQuota[]>()
  #known = 0
  /** The one that was brought last. */
  #last: (KnownQuota & { quota: CallQuota; readonly rate: number }) | undefined
  #byClass = new Map<Rule, Map<string, Terms>>()

  /**
   * @param name of the limiter, for messages
   * @param quotas false where the limiter finds its numbers itself
   * @throws OptionTypeError when there are classes and the rule cannot be shared
   */
  constructor(name: string, rule: Rule, classes: Classes | undefined, quotas = true) {
    this.#name = name
    this.#classes = checkedClasses(classes)
    this.#quotas = quotas
    if (classes !== undefined && rule.shared === undefined) {
      throw new OptionTypeError('classes', `classes cannot share a limit of kind '${rule.kind}'`)
    }
  }

  get classes(): Classes | undefined {
    return this.#classes
  }

  /** What `call` brings, or `undefined` where it brings nothing but a cost. */
  read(rule: Rule, { quota, class: name }: CallOptions): Terms | undefined {
    if (quota === undefined && name === undefined) return undefined
    if (rule !== this.#rule) this.#begin(rule)
    const terms = quota === undefined ? undefined : this.#quoted(rule, quota)
    if (name === undefined) return terms
    return this.#shared(terms?.rule ?? rule, name, terms)
  }

  /** Another rule has other shares. */
  #begin(rule: Rule): void {
    this.#rule = rule
    this.#last = undefined
    this.#byRate = new Map()
    this.#byClass = new Map()
    this.#known = 0
  }

  #quoted(rule: Rule, quota: CallQuota): Terms {
    if (typeof quota !== 'object' || quota === null) options('quota', quota)
    const { rate, per, burst } = quota
    const last = this.#last
    const same =
      last !== undefined && last.rate === rate && last.per === per && last.burst === burst
    // Plans are mostly constants.
    if (same && quota === last.quota) return last.terms
    options('quota', quota)
    for (const name in quota) {
      const isKnown = CALL_QUOTA_OPTIONS[name as keyof CallQuota] === true
      if (!isKnown) known('a quota', quota, CALL_QUOTA_OPTIONS)
    }
    if (same) {
      last.quota = quota
      return last.terms
    }
    const terms = this.#remembered(rule, quota)
    this.#last = { quota, rate, per, burst, terms }
    return terms
  }

  #remembered(rule: Rule, quota: CallQuota): Terms {
    const { rate, per, burst } = quota
    for (const one of this.#byRate.get(rate) ?? []) {
      if (one.per === per && one.burst === burst) return one.terms
    }
    const terms = this.#readQuota(rule, quota)
    if (this.#known >= MOST_QUOTAS) this.#begin(rule)
    const alike = this.#byRate.get(rate) ?? []
    alike.push({ per, burst, terms })
    this.#byRate.set(rate, alike)
    this.#known += 1
    return terms
  }

  #readQuota(rule: Rule, quota: CallQuota): Terms {
    if (rule.quoted === undefined || !this.#quotas) {
      const what = `quota is for token and leaky buckets and windows, and cannot be given to ${describe(this.#name)}`
      throw new OptionTypeError('quota', what)
    }
    const { rate, per, burst } = quota
    number('quota.rate', rate)
    mustLie(rate >= 0, 'quota.rate', 'be a number of at least 0', rate)
    if (per !== undefined) toPositiveMicros('quota.per', per)
    // What is closed may say so twice, and so may what is unlimited.
    const bare = burst === rate && (rate === 0 || rate === Infinity)
    if (burst !== undefined && !bare) positive('quota.burst', burst)
    if (rate > 0 && rate < Infinity) return termsOf(rule.quoted(quota), { quota })
    const bound = rate === 0 ? 'closed' : 'unlimited'
    // The other numbers are checked too.
    rule.quoted({ ...quota, rate: 1, ...(bare && { burst: 1 }) })
    return termsOf(rule.quoted({ rate: VAST }), { quota }, 1, bound)
  }

  #shared(rule: Rule, name: string, quoted: Terms | undefined): Terms {
    string('class', name)
    let classes = this.#byClass.get(rule)
    const known = classes?.get(name)
    if (known !== undefined) return known
    const share = this.#shareOf(name)
    const bound = quoted?.bound ?? 'counted'
    const alone = bound !== 'counted' || share === 1
    const brought = { ...quoted?.brought, class: name }
    const terms = termsOf(alone ? rule : (rule.shared?.(share) as Rule), brought, share, bound)
    if (classes === undefined) {
      classes = new Map()
      this.#byClass.set(rule, classes)
    }
    classes.set(name, terms)
    return terms
  }

  #shareOf(name: string): number {
    must(this.#classes !== undefined, 'class', `not be given: ${this.#name} has no classes`, name)
    const choices = Object.keys(this.#classes)
    const what = `be one of ${choices.map((one) => `'${one}'`).join(', ')}`
    mustLie(Object.hasOwn(this.#classes, name), 'class', what, name)
    return this.#classes[name] as number
  }
}

function termsOf(
  rule: Rule,
  brought: CallOptions,
  share = 1,
  bound: Terms['bound'] = 'counted',
): Terms {
  return { ...NONE, share, rule, bound, brought }
}

/** What a call brings to the members of a composite: the class, to each that has one of that name. */
export function composedTerms(
  name: string,
  call: CallOptions,
  members: readonly { readonly limiter: Sharing }[],
): Terms | undefined {
  const { quota, class: wanted } = call
  if (quota !== undefined) {
    const what = `quota is for single limiters, and cannot be given to the composite ${describe(name)}`
    throw new OptionTypeError('quota', what)
  }
  if (wanted === undefined) return undefined
  string('class', wanted)
  const known = members.map(({ limiter }) => limiter.knows?.(wanted) ?? false)
  const what = `be one of the classes of the limiters of ${name}`
  mustLie(known.includes(true), 'class', what, wanted)
  const brought = { class: wanted }
  const terms = members.map(({ limiter }, i) => (known[i] ? limiter.termsOf?.(brought) : undefined))
  const share = Math.min(...terms.map((one) => one?.share ?? 1))
  return { ...NONE, share, members: terms, brought }
}

/** A limiter that may have classes. */
export interface Sharing {
  knows?(name: string): boolean
  termsOf?(call: CallOptions): Terms | undefined
}

/** The same terms, of a call that is to be settled. */
export function withHold(terms: Terms | undefined, hold: Hold): Terms {
  const { share, rule, bound, members, keys, prices, brought } = terms ?? NONE
  return { share, rule, bound, members, keys, prices, brought, hold }
}

/** The key of a member that has none of its own. */
export function sameKey(key: string): string {
  return key
}

/** What one member of a composite is asked with. */
export interface MemberCall {
  readonly key: string
  readonly cost: number
  /** Of a member that is a composite itself. */
  readonly terms?: Terms | undefined
}

/** The terms of a call of a composite whose members are asked with keys and costs of their own. */
export function withMemberCalls(terms: Terms | undefined, calls: readonly MemberCall[]): Terms {
  return {
    ...(terms ?? NONE),
    members: calls.map((call, i) => call.terms ?? terms?.members?.[i]),
    keys: calls.map(({ key }) => key),
    prices: calls.map(({ cost }) => cost),
  }
}

/** What reads the key of a member from the key of the composite. */
export interface Keyed {
  readonly keyOf: (key: string) => string
}

/** The key of a member. @throws OptionTypeError when its part has read no string */
export function ownKey(member: Keyed, key: string): string {
  return string('key', member.keyOf(key))
}

/** The key of the member at `i` of a composite. */
export function memberKey(member: Keyed, i: number, key: string, terms: Terms | undefined): string {
  return terms?.keys?.[i] ?? ownKey(member, key)
}

/** The terms of the member at `i` of a composite. */
export function memberTerms(terms: Terms | undefined, i: number): Terms | undefined {
  const own = terms?.members?.[i]
  return terms?.hold === undefined ? own : withHold(own, terms.hold)
}

const NONE: Terms = {
  share: 1,
  rule: undefined,
  bound: 'counted',
  members: undefined,
  keys: undefined,
  prices: undefined,
  brought: {},
  hold: undefined,
}
