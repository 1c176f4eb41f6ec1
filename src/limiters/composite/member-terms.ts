import { mustLie, string } from '../../core/check.ts'
import type { Decision } from '../../core/decision.ts'
import { OptionTypeError, quoted } from '../../core/errors.ts'
import type { CallQuota } from '../../core/rule.ts'
import type { CallOptions } from '../calls/call-options.ts'
import { NO_TERMS, type Terms, withHold } from '../calls/terms.ts'
import type { Work } from '../scheduled.ts'

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
  return { ...NO_TERMS, share, bound: closed ? 'closed' : 'counted', members: terms, brought }
}

/** True where a part of the composite, or of one in it, has a quota of its own. */
export function isPlanned(members: readonly Pick<Briefed, 'limiter' | 'quotaOf'>[]): boolean {
  return members.some(({ limiter, quotaOf }) => typeof quotaOf === 'function' || limiter.planned)
}

/** The members that the quota of a call is for: those that say so; else the only one that takes quotas. */
function quotedMembers<M extends Pick<Briefed, 'limiter' | 'quotaOf'>>(
  members: readonly M[],
): readonly M[] {
  const told = members.filter(({ quotaOf }) => quotaOf === true)
  if (told.length > 0) return told
  return members.filter(({ limiter, quotaOf }) => quotaOf === undefined && limiter.quotable)
}

function meantBy(name: string, members: readonly Briefed[]): readonly Briefed[] {
  const meant = quotedMembers(members)
  const composite = `the composite ${quoted(name)}`
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

/** True where a part that is asked under `terms` denies every call. A shadow denies nothing. */
function closes({ shadow }: Sharing, terms: Terms | undefined): boolean {
  return terms?.bound === 'closed' && shadow === undefined
}

/** A limiter that may have classes, and may take quotas. */
export interface Sharing {
  /** Set where it denies nothing. */
  readonly shadow?: object | undefined
  /** The largest cost that can ever pass. */
  readonly capacity?: number
  /** True where it takes the quota of a call. */
  readonly quotable?: boolean
  /** True for a composite with parts that have quotas of their own. */
  readonly planned?: boolean
  /** True for a composite with parts that have costs of their own. */
  readonly priced?: boolean
  knows?(name: string): boolean
  /** The largest cost that can ever pass under `terms`. */
  capacityUnder?(terms: Terms): number
  /** The function, which tells how it went where the limit goes by that. */
  measured?<T>(fn: Work<T>): Work<T>
  /** True where the limit is large enough for the call as it is now. */
  fits?(cost: number, ahead: boolean, terms: Terms | undefined): boolean
  /** Of a composite: gives back what its decision has taken. */
  returnTaken?(
    key: string,
    cost: number,
    terms: Terms | undefined,
    decision: Decision,
  ): void | Promise<void>
  /** @param key of the call: parts of composites read their quotas from it */
  termsOf?(call: CallOptions, key?: string): Terms | undefined
}

/** True for a composite whose parts leave no doubt which of them the quota of a call is for. */
export function takesQuota(members: readonly Pick<Briefed, 'limiter' | 'quotaOf'>[]): boolean {
  const meant = quotedMembers(members)
  return meant.length === 1 || meant.some(({ quotaOf }) => quotaOf === true)
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
  const base = terms ?? NO_TERMS
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
