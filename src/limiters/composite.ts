import { callback, known, type OptionTable } from '../core/check.ts'
import { describe, OptionTypeError } from '../core/errors.ts'
import {
  COMPOSITE_OPTIONS,
  CompositeLimiter,
  type CompositeOptions,
  type LocalMember,
} from './composite-limiter.ts'
import type { Limiter, LocalLimiter } from './limiter.ts'
import type { Member } from './member.ts'
import { MixedComposite } from './mixed-composite.ts'
import { checkedOptions } from './options.ts'
import { SyncLimiter } from './sync-limiter.ts'
import { sameKey } from './terms.ts'

/**
 * A limiter of a composite; with `key` or `cost`, asked with another key or cost than the caller's.
 *
 * In a guard of `aioflux/http` both functions get the request: `key: (req) => req.user`, `cost: (req) => req.body.tokens`.
 */
export type CompositePart<L extends Limiter = Limiter, From = string, Of = number> =
  | L
  | {
      limiter: L
      /** The key for this limiter, from the caller's: `() => ''` makes one limit for everybody. @default the caller's */
      key?: (key: From) => string
      /**
       * The cost for this limiter, from the caller's: `() => 1` counts calls where others count tokens. 0 takes nothing.
       * @default the caller's
       */
      cost?: (cost: Of) => number
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
  const { limiter, key, cost } = isPart(part) ? part : { limiter: part }
  if (typeof limiter?.consume !== 'function') {
    throw new OptionTypeError('limiters', `limiters must be limiters, got ${describe(limiter)}`)
  }
  return { limiter, keyOf: callback('key', key) ?? sameKey, costOf: callback('cost', cost) }
}

type Part = Exclude<CompositePart, Limiter>

const PART_OPTIONS: OptionTable<Part> = { limiter: true, key: true, cost: true }

/** A limiter of somebody else's may well have something called `limiter` inside. */
function isPart(part: CompositePart): part is Part {
  if (!('limiter' in Object(part)) || 'consume' in part) return false
  known('a part of a composite', part as Part, PART_OPTIONS)
  return true
}

function allLocal(members: Member[]): members is [LocalMember, ...LocalMember[]] {
  return members.every(({ limiter }) => limiter instanceof SyncLimiter)
}
