import { callback, known, must, type OptionTable } from '../../core/check.ts'
import { describe, OptionTypeError, quoted } from '../../core/errors.ts'
import type { CallQuota } from '../../core/rule.ts'
import type { Limiter, LocalLimiter } from '../limiter.ts'
import { SyncLimiter } from '../local/sync-limiter.ts'
import { checkedOptions } from '../options.ts'
import {
  COMPOSITE_OPTIONS,
  CompositeLimiter,
  type CompositeOptions,
  type LocalMember,
} from './composite-limiter.ts'
import type { Member } from './member.ts'
import { type QuotaOf, type Sharing, sameKey } from './member-terms.ts'
import { MixedComposite } from './mixed-composite.ts'

/**
 * A limiter of a composite. With `key`, `cost` or `quota` it gets another key, cost or quota than the call has.
 *
 * In a guard of `aioflux/http` these functions get the request: `key: (req) => req.user`, `cost: (req) => req.body.tokens`.
 */
export type CompositePart<L extends Limiter = Limiter, From = string, Of = number> =
  | L
  | {
      limiter: L
      /** Returns the key for this limiter, from the key of the call: `() => ''` makes one limit for all. @default the key of the call */
      key?: (key: From) => string
      /**
       * Returns the cost for this limiter, from the cost of the call: `() => 1` counts calls where other parts count tokens. 0 takes nothing.
       * @default the cost of the call
       */
      cost?: (cost: Of) => number
      /**
       * Returns the quota for this limiter, from its key: a plan for this part; `undefined` for the limiter's own numbers. `true` says that
       * the `quota` of a call is for this part. In a guard of `aioflux/http` the function gets the request.
       * @default the `quota` of the call where this is the only part that takes quotas; else the limiter's own numbers
       */
      quota?: true | ((key: From) => CallQuota | undefined)
    }

export function composite<From = string, Of = number>(
  ...parts: CompositePart<LocalLimiter, From, Of>[]
): LocalLimiter
export function composite<From = string, Of = number>(
  ...parts: CompositePart<Limiter, From, Of>[]
): Limiter
export function composite<From = string, Of = number>(
  parts: readonly CompositePart<LocalLimiter, From, Of>[],
  options?: CompositeOptions,
): LocalLimiter
export function composite<From = string, Of = number>(
  parts: readonly CompositePart<Limiter, From, Of>[],
  options?: CompositeOptions,
): Limiter
export function composite(
  ...given: readonly (CompositePart | readonly CompositePart[] | CompositeOptions | undefined)[]
): Limiter {
  const [first, second = {}] = given
  const [list, options] = Array.isArray(first)
    ? [first as CompositePart[], second as CompositeOptions]
    : [given as CompositePart[], {}]
  known('LimiterFactory.composite', options, COMPOSITE_OPTIONS)
  checkedOptions(options)
  if (list.length === 0) {
    throw new OptionTypeError('limiters', 'limiters must be at least one limiter, got none')
  }
  const members = list.map(member)
  return allLocal(members)
    ? new CompositeLimiter(members, options)
    : new MixedComposite(members, options)
}

function member(part: CompositePart): Member {
  const { limiter, key, cost, quota } = isPart(part) ? part : { limiter: part }
  if (typeof limiter?.consume !== 'function') {
    throw new OptionTypeError('limiters', `limiters must be limiters, got ${describe(limiter)}`)
  }
  return {
    limiter,
    keyOf: callback('key', key) ?? sameKey,
    costOf: callback('cost', cost),
    quotaOf: checkedQuota(limiter, quota),
  }
}

function checkedQuota(limiter: Limiter & Sharing, quota: QuotaOf | undefined): QuotaOf | undefined {
  if (quota === undefined) return undefined
  const right = quota === true || typeof quota === 'function'
  must(right, 'quota', 'be a function that reads the quota, or true', quota)
  if (limiter.quotable) return quota
  const what = `quota is for token and leaky buckets and windows, and cannot be given to the part ${quoted(limiter.name)}`
  throw new OptionTypeError('quota', what)
}

type Part = Exclude<CompositePart, Limiter>

const PART_OPTIONS: OptionTable<Part> = { limiter: true, key: true, cost: true, quota: true }

/** True for a part, and not for a limiter of a user's own that has a property `limiter`. */
function isPart(part: CompositePart): part is Part {
  if (!('limiter' in Object(part)) || 'consume' in part) return false
  known('a part of a composite', part as Part, PART_OPTIONS)
  return true
}

function allLocal(members: Member[]): members is [LocalMember, ...LocalMember[]] {
  return members.every(({ limiter }) => limiter instanceof SyncLimiter)
}
