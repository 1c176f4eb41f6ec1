import { callback } from '../core/check.ts'
import { describe, OptionTypeError } from '../core/errors.ts'
import type { Quota, Rule } from '../core/rule.ts'
import type { ConcurrencyOptions } from '../rules/concurrency.ts'
import { fixedWindow } from '../rules/fixed-window.ts'
import { type LeakyBucketOptions, leakyBucket } from '../rules/leaky-bucket.ts'
import type { PermitsOptions } from '../rules/permits.ts'
import { slidingWindow } from '../rules/sliding-window.ts'
import { type TokenBucketOptions, tokenBucket } from '../rules/token-bucket.ts'
import { memoryLedger } from '../storage/memory-ledger.ts'
import { AdaptiveLimiter, type AdaptiveOptions } from './adaptive-limiter.ts'
import { CompositeLimiter, type CompositeOptions, type LocalMember } from './composite-limiter.ts'
import { ConcurrencyLimiter } from './concurrency-limiter.ts'
import { type LocalOptions, limiterOf } from './create-limiter.ts'
import type { Limiter, LimiterOptions, LocalLimiter, PermitLimiter } from './limiter.ts'
import type { Member } from './member.ts'
import { MixedComposite } from './mixed-composite.ts'
import { checkedOptions } from './options.ts'
import { checkOutage } from './outage.ts'
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
  tokenBucket: maker(tokenBucket),
  slidingWindow: maker(slidingWindow),
  leakyBucket: maker(leakyBucket),
  fixedWindow: maker(fixedWindow),
  adaptive: (options = {}) => new AdaptiveLimiter(checked(options)),
  concurrency: concurrency as LimiterFactory['concurrency'],
  composite,
}

function concurrency(options: PermitsOptions & LimiterOptions): PermitLimiter {
  const { storage } = checkedOptions(checked(options))
  return storage?.limiters?.concurrency(storage, options) ?? new ConcurrencyLimiter(options)
}

function maker<Options extends object>(rule: (options: Options) => Rule): Maker<Options> {
  const make = (options: Options & LimiterOptions) => {
    // In memory too, so that a limit is told before it moves to Redis.
    checkOutage(checked(options))
    return limiterOf(rule(options), options, memoryLedger)
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
    ? [first as CompositePart[], checked(second as CompositeOptions)]
    : [given as CompositePart[], {}]
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
  const { limiter, key, cost } = ('limiter' in Object(part) ? part : { limiter: part }) as Exclude<
    CompositePart,
    Limiter
  >
  if (typeof limiter?.consume !== 'function') {
    throw new OptionTypeError('limiters', `limiters must be limiters, got ${describe(limiter)}`)
  }
  return { limiter, keyOf: callback('key', key) ?? same, costOf: callback('cost', cost) }
}

function allLocal(members: Member[]): members is [LocalMember, ...LocalMember[]] {
  return members.every(({ limiter }) => limiter instanceof SyncLimiter)
}

function same(key: string): string {
  return key
}

function checked<T extends object>(options: T): T {
  if (typeof options !== 'object' || options === null) {
    throw new OptionTypeError('options', `options must be an object, got ${describe(options)}`)
  }
  return options
}
