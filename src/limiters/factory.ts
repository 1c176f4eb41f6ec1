import { callback, known, type OptionTable, pick } from '../core/check.ts'
import { describe, OptionTypeError } from '../core/errors.ts'
import { QUOTA_OPTIONS, type Quota, type Rule } from '../core/rule.ts'
import type { ConcurrencyOptions } from '../rules/concurrency.ts'
import { fixedWindow } from '../rules/fixed-window.ts'
import {
  LEAKY_BUCKET_OPTIONS,
  type LeakyBucketOptions,
  leakyBucket,
} from '../rules/leaky-bucket.ts'
import { PERMITS_OPTIONS, type PermitsOptions, permits } from '../rules/permits.ts'
import { slidingWindow } from '../rules/sliding-window.ts'
import {
  TOKEN_BUCKET_OPTIONS,
  type TokenBucketOptions,
  tokenBucket,
} from '../rules/token-bucket.ts'
import { memoryLedger } from '../storage/memory-ledger.ts'
import { AdaptiveLimiter, type AdaptiveOptions } from './adaptive-limiter.ts'
import {
  COMPOSITE_OPTIONS,
  CompositeLimiter,
  type CompositeOptions,
  type LocalMember,
} from './composite-limiter.ts'
import {
  CONCURRENCY_LIMITER_OPTIONS,
  ConcurrencyLimiter,
  PERMIT_LIMITER_OPTIONS,
} from './concurrency-limiter.ts'
import { type LocalOptions, limiterOf } from './create-limiter.ts'
import {
  LIMITER_OPTIONS,
  type Limiter,
  type LimiterOptions,
  type LocalLimiter,
  type PermitLimiter,
} from './limiter.ts'
import type { Member } from './member.ts'
import { MixedComposite } from './mixed-composite.ts'
import { checkedOptions } from './options.ts'
import type { RemoteConcurrency } from './remote-concurrency.ts'
import { SyncLimiter } from './sync-limiter.ts'

/** A limiter of a composite; with `key` or `cost`, asked with another key or cost than the caller's. */
export type CompositePart<L extends Limiter = Limiter> =
  | L
  | {
      limiter: L
      /** The key for this limiter, from the caller's: `() => ''` makes one limit for everybody. @default the caller's */
      key?: (key: string) => string
      /**
       * The cost for this limiter, from the caller's: `() => 1` counts calls where others count tokens. 0 takes nothing.
       * @default the caller's
       */
      cost?: (cost: number) => number
    }

/** Makes a limiter; over memory, one that can answer at once. */
export interface Maker<Options> {
  (options: Options & LocalOptions): LocalLimiter
  (options: Options & LimiterOptions): Limiter
}

/**
 * Limiters, ready made. Each is `createLimiter(rule(options), options)` under one name; without a storage, with as compact a
 * memory as a {@link MemoryStorage} has.
 */
export interface LimiterFactory {
  /** A steady rate with bursts. See {@link tokenBucket}. */
  readonly tokenBucket: Maker<TokenBucketOptions>
  /** Never more than `rate` in any window of `per`. See {@link slidingWindow}. */
  readonly slidingWindow: Maker<Quota>
  /** An even stream. See {@link leakyBucket}. */
  readonly leakyBucket: Maker<LeakyBucketOptions>
  /** At most `rate` in each window of `per`. See {@link fixedWindow}. */
  readonly fixedWindow: Maker<Quota>
  /** A rate that follows how the other side is doing. See {@link AdaptiveLimiter}. */
  readonly adaptive: (options?: AdaptiveOptions) => AdaptiveLimiter
  /** How many at once. See {@link ConcurrencyLimiter}; over a remote storage {@link RemoteConcurrency}. */
  readonly concurrency: {
    (options: ConcurrencyOptions & LocalOptions): ConcurrencyLimiter
    (options: PermitsOptions & LimiterOptions): RemoteConcurrency
  }
  /**
   * Several limits at once, all or none: a call passes when all of them let it, and a denial by one costs nothing at
   * the others. The decision is the tightest one; `deniedBy` names the first that said no.
   *
   * @example
   * const limiter = LimiterFactory.composite(
   *   LimiterFactory.tokenBucket({ rate: 100, per: '1m', name: 'per minute' }),
   *   LimiterFactory.tokenBucket({ rate: 1000, per: '1h', name: 'per hour' }),
   * )
   */
  readonly composite: typeof composite
}

export const LimiterFactory: LimiterFactory = {
  tokenBucket: maker('tokenBucket', tokenBucket, TOKEN_BUCKET_OPTIONS),
  slidingWindow: maker('slidingWindow', slidingWindow, QUOTA_OPTIONS),
  leakyBucket: maker('leakyBucket', leakyBucket, LEAKY_BUCKET_OPTIONS),
  fixedWindow: maker('fixedWindow', fixedWindow, QUOTA_OPTIONS),
  adaptive: (options) => new AdaptiveLimiter(options),
  concurrency: concurrency as LimiterFactory['concurrency'],
  composite,
}

function concurrency(options: PermitsOptions & LimiterOptions): PermitLimiter {
  known('LimiterFactory.concurrency', options, PERMIT_LIMITER_OPTIONS)
  const { storage } = checkedOptions(options)
  const remote = storage?.limiters?.concurrency(storage, options)
  if (remote !== undefined) return remote
  // A term means nothing in memory, but one that is wrong is told before the limit moves to Redis.
  permits(pick<PermitsOptions>(options, PERMITS_OPTIONS))
  return new ConcurrencyLimiter(pick(options, CONCURRENCY_LIMITER_OPTIONS))
}

/** @param table the options of the rule; the rest are those of every limiter */
function maker<Options extends object>(
  name: string,
  rule: (options: Options) => Rule,
  table: OptionTable<Options>,
): Maker<Options> {
  const all = { ...LIMITER_OPTIONS, ...table } as OptionTable<Options & LimiterOptions>
  const make = (options: Options & LimiterOptions) => {
    known(`LimiterFactory.${name}`, options, all)
    const own = rule(pick<Options>(options, table))
    return limiterOf(own, pick<LimiterOptions>(options, LIMITER_OPTIONS), memoryLedger)
  }
  return make as Maker<Options>
}

function composite(...parts: CompositePart<LocalLimiter>[]): LocalLimiter
function composite(...parts: CompositePart[]): Limiter
function composite(
  parts: readonly CompositePart<LocalLimiter>[],
  options?: CompositeOptions,
): LocalLimiter
function composite(parts: readonly CompositePart[], options?: CompositeOptions): Limiter
function composite(
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
  return { limiter, keyOf: callback('key', key) ?? same, costOf: callback('cost', cost) }
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

function same(key: string): string {
  return key
}
