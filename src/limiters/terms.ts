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
   * For token and leaky buckets and windows, and composites in which it is plain which part the quota is for.
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

  /** Can a limiter of this rule be asked with a quota? */
  takesQuotas(rule: Rule): boolean {
    return rule.quoted !== undefined && this.#quotas
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
    if (rule.quoted === undefined || !this.takesQuotas(rule)) {
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

/** Of a part of a composite: true where the quota of a call is for it, or what reads its quota from the key. */
export type QuotaOf = true | ((key: string) => CallQuota | undefined)

/** A member of a composite, as far as it is asked with what a call brings. */
export interface Briefed extends Keyed {
  readonly limiter: Sharing & { readonly name: string }
  readonly quotaOf: QuotaOf | undefined
}

/**
 * What a call brings to the members of a composite: the class, to each that has one of that name; the quota, to those it is for; and
 * to each part with a quota of its own, that.
 *
 * @param key `undefined` where the parts' own quotas are read elsewhere
 */
export function composedTerms(
  name: string,
  call: CallOptions,
  members: readonly Briefed[],
  key: string | undefined,
): Terms | undefined {
  const { quota, class: wanted } = call
  const planned = key !== undefined && isPlanned(members)
  if (quota === undefined && wanted === undefined && !planned) return undefined
  const known = members.map(({ limiter }) => knows(limiter, wanted))
  if (wanted !== undefined) {
    string('class', wanted)
    const what = `be one of the classes of the limiters of ${name}`
    mustLie(known.includes(true), 'class', what, wanted)
  }
  const meant = quota === undefined ? [] : meantBy(name, members)
  const terms = members.map((member, i) => {
    const { limiter, quotaOf } = member
    const planned = key !== undefined && typeof quotaOf === 'function'
    const own = meant.includes(member) ? quota : planned ? quotaOf(ownKey(member, key)) : undefined
    const nested = key !== undefined && limiter.planned === true
    if (own === undefined && !known[i] && !nested) return undefined
    const brought = {
      ...(own !== undefined && { quota: own }),
      ...(known[i] && wanted !== undefined && { class: wanted }),
    }
    return limiter.termsOf?.(brought, key === undefined ? undefined : ownKey(member, key))
  })
  const share = Math.min(...terms.map((one) => one?.share ?? 1))
  const closed = members.some(({ limiter }, i) => closes(limiter, terms[i]))
  const brought = {
    ...(quota !== undefined && { quota }),
    ...(wanted !== undefined && { class: wanted }),
  }
  return { ...NONE, share, bound: closed ? 'closed' : 'counted', members: terms, brought }
}

/** Has a part of the composite, or of one in it, a quota of its own? */
export function isPlanned(members: readonly Pick<Briefed, 'limiter' | 'quotaOf'>[]): boolean {
  return members.some(({ limiter, quotaOf }) => typeof quotaOf === 'function' || limiter.planned)
}

/** The members that the quota of a call is for: those that say so; else the only one that takes quotas. */
export function quotedMembers<M extends Pick<Briefed, 'limiter' | 'quotaOf'>>(
  members: readonly M[],
): readonly M[] {
  const told = members.filter(({ quotaOf }) => quotaOf === true)
  if (told.length > 0) return told
  return members.filter(({ limiter, quotaOf }) => quotaOf === undefined && limiter.quotable)
}

function meantBy(name: string, members: readonly Briefed[]): readonly Briefed[] {
  const meant = quotedMembers(members)
  const composite = `the composite ${describe(name)}`
  if (meant.length === 0) {
    const what = `quota is for token and leaky buckets and windows, and no part of ${composite} takes the quota of a call`
    throw new OptionTypeError('quota', what)
  }
  if (meant.length > 1 && meant.some(({ quotaOf }) => quotaOf === undefined)) {
    const names = meant.map(({ limiter }) => limiter.name).join(', ')
    const what = `quota could be for several parts of ${composite}: ${names}. Say which, by { limiter, quota: true }, or give each its own, by { limiter, quota: (key) => ... }`
    throw new OptionTypeError('quota', what)
  }
  return meant
}

function knows(limiter: Sharing, name: string | undefined): boolean {
  return name !== undefined && (limiter.knows?.(name) ?? false)
}

/** Does a part that is asked under `terms` deny whatever comes? A shadow denies nothing. */
function closes({ shadow }: Sharing, terms: Terms | undefined): boolean {
  return terms?.bound === 'closed' && shadow === undefined
}

/** A limiter that may have classes, and may take quotas. */
export interface Sharing {
  /** Set where it denies nothing. */
  readonly shadow?: object | undefined
  /** Does it take the quota of a call? */
  readonly quotable?: boolean
  /** Is it a composite with parts that have quotas of their own? */
  readonly planned?: boolean
  knows?(name: string): boolean
  /** The largest cost that can ever pass under `terms`. */
  capacityUnder?(terms: Terms): number
  /** @param key of the call: parts of composites read their quotas from it */
  termsOf?(call: CallOptions, key?: string): Terms | undefined
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
  readonly limiter: Sharing
  readonly key: string
  readonly cost: number
  /** Of a member that is a composite itself. */
  readonly terms?: Terms | undefined
}

/** The terms of a call of a composite whose members are asked with keys and costs of their own. */
export function withMemberCalls(terms: Terms | undefined, calls: readonly MemberCall[]): Terms {
  const members = calls.map((call, i) => call.terms ?? terms?.members?.[i])
  const base = terms ?? NONE
  return {
    ...base,
    bound: calls.some(({ limiter }, i) => closes(limiter, members[i])) ? 'closed' : 'counted',
    members,
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
