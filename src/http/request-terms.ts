import type { Decision } from '../core/decision.ts'
import type { CallQuota } from '../core/rule.ts'
import { checkKey } from '../limiters/calls/arguments.ts'
import type { CallOptions } from '../limiters/calls/call-options.ts'
import type { Terms } from '../limiters/calls/terms.ts'
import { checkedPrice } from '../limiters/composite/combined.ts'
import { type Sharing, sameKey, withMemberCalls } from '../limiters/composite/member-terms.ts'
import type { Limiter } from '../limiters/limiter.ts'
import { type Awaitable, ignoring, isPromise } from './awaitable.ts'

/** The key, the cost and the quota of one request for a limiter; for a composite, those of each of its members. */
export interface RequestTerms {
  readonly limiter: Limiter
  key: string
  cost: number
  /** Of a part with a quota of its own for this request. */
  quota: CallQuota | undefined
  readonly members: readonly RequestTerms[] | undefined
}

/** The arguments that a guard passes to the functions of its options. */
export type GuardArguments = readonly [source: unknown, connection: unknown]

/** A composite, as guards ask it. */
export interface Composed extends Limiter {
  readonly members: readonly ComposedMember[]
  readonly shadow: object | undefined
  termsOf(call: CallOptions): Terms | undefined
  /** @throws CostTooLargeError where a limit never holds what the call costs it */
  fits(cost: number, ahead: boolean, terms: Terms): boolean
  consumeUnder(key: string, cost: number, terms: Terms): Decision | Promise<Decision>
}

interface ComposedMember {
  readonly limiter: Limiter
  /** Its own functions get the request where a guard asks. */
  readonly keyOf: (key: never, connection?: unknown) => Awaitable<string>
  readonly costOf: ((cost: never, connection?: unknown) => Awaitable<number>) | undefined
  readonly quotaOf:
    | true
    | ((key: never, connection?: unknown) => Awaitable<CallQuota | undefined>)
    | undefined
}

export function isComposed(limiter: Limiter): limiter is Composed {
  const { members, consumeUnder } = limiter as Partial<Composed>
  return Array.isArray(members) && typeof consumeUnder === 'function'
}

/** True when the limiter, or a composite in it, has a part with a key, a cost or a quota of its own. */
export function readsRequests(limiter: Limiter): limiter is Composed {
  if (!isComposed(limiter)) return false
  return limiter.members.some(
    ({ limiter: member, keyOf, costOf, quotaOf }) =>
      keyOf !== sameKey ||
      costOf !== undefined ||
      typeof quotaOf === 'function' ||
      readsRequests(member),
  )
}

/** The terms of a request for `limiter`, where the guard has this key and this cost for it. */
export function requestTerms(
  limiter: Limiter,
  key: string,
  cost: number,
  by: GuardArguments,
): Awaitable<RequestTerms> {
  const pending: Promise<unknown>[] = []
  try {
    const whole = { limiter, key, cost, quota: undefined, members: undefined }
    const read = { ...whole, members: membersOf(limiter, key, cost, by, pending) }
    return pending.length === 0 ? read : Promise.all(pending).then(() => read)
  } catch (error) {
    ignoring(pending)
    throw error
  }
}

/** The terms for each member of a composite. A key or cost that is a promise is filled in later, and `pending` resolves then. */
function membersOf(
  limiter: Limiter,
  key: Awaitable<string>,
  cost: Awaitable<number>,
  by: GuardArguments,
  pending: Promise<unknown>[],
): readonly RequestTerms[] | undefined {
  if (!isComposed(limiter)) return undefined
  const [source, connection] = by as [never, unknown]
  return limiter.members.map(({ limiter: member, keyOf, costOf, quotaOf }) => {
    const one: RequestTerms = {
      limiter: member,
      key: '',
      cost: 0,
      quota: undefined,
      members: undefined,
    }
    /** Puts what was read, and returns it. */
    const put = <T>(name: 'key' | 'cost' | 'quota', value: Awaitable<T>): Awaitable<T> => {
      if (isPromise(value)) pending.push(value.then((own) => Object.assign(one, { [name]: own })))
      else Object.assign(one, { [name]: value })
      return value
    }
    const ownKey = put('key', keyOf === sameKey ? key : keyOf(source, connection))
    const ownCost = put('cost', costOf === undefined ? cost : costOf(source, connection))
    if (typeof quotaOf === 'function') void put('quota', quotaOf(source, connection))
    return Object.assign(one, { members: membersOf(member, ownKey, ownCost, by, pending) })
  })
}

/**
 * The terms of a request in the form that a composite takes.
 *
 * @param brought what the request brings to all of its members
 * @throws OptionTypeError | OptionRangeError for a key that is no string or a cost that is none
 */
export function termsOfRequest({ members = [] }: RequestTerms, brought: Terms | undefined): Terms {
  const calls = members.map((member, i) => {
    const { limiter, key, cost, quota } = member
    const given = brought?.members?.[i]
    const terms =
      quota === undefined ? given : (limiter as Sharing).termsOf?.({ ...given?.brought, quota })
    checkKey(key)
    checkedPrice(cost)
    const own = member.members ? termsOfRequest(member, terms) : terms
    return { limiter: limiter as Sharing, key, cost, terms: own }
  })
  return withMemberCalls(brought, calls)
}

/** A limiter that counts, and what it was asked. */
export interface Leaf {
  readonly limiter: Limiter
  readonly key: string
  readonly cost: number
  /** What the request brought to it beside its cost. */
  readonly brought: CallOptions | undefined
}

/**
 * The limiters that count, in the order of their decisions.
 *
 * @param terms of the members
 * @param brought to the whole
 */
export function leavesOf(
  whole: RequestTerms,
  terms: Terms['members'],
  brought?: CallOptions,
): readonly Leaf[] {
  const { limiter, key, cost, members } = whole
  if (members === undefined) return [{ limiter, key, cost, brought }]
  return members.flatMap((one, i) => leavesOf(one, terms?.[i]?.members, terms?.[i]?.brought))
}

/** True when a quota of this request judges a part. */
export function isQuoted({ quota, members = [] }: RequestTerms): boolean {
  return quota !== undefined || members.some(isQuoted)
}
