import { known, type OptionTable, pick } from '../core/check.ts'
import { QUOTA_OPTIONS, type Quota, type Rule } from '../core/rule.ts'
import type { ConcurrencyOptions } from '../rules/concurrency.ts'
import {
  FIXED_WINDOW_OPTIONS,
  type FixedWindowOptions,
  fixedWindow,
} from '../rules/fixed-window.ts'
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
import { AdaptiveConcurrency } from './adaptive/adaptive-concurrency.ts'
import {
  ADAPTIVE_CONCURRENCY_OPTIONS,
  type AdaptiveConcurrencyOptions,
  type AdaptivePermits,
} from './adaptive/adaptive-concurrency-options.ts'
import { AdaptiveLimiter } from './adaptive/adaptive-limiter.ts'
import {
  ADAPTIVE_OPTIONS,
  type Adaptive,
  type AdaptiveOptions,
} from './adaptive/adaptive-options.ts'
import { composite } from './composite/composite.ts'
import { type LocalOptions, limiterOf } from './create-limiter.ts'
import {
  LIMITER_OPTIONS,
  type Limiter,
  type LimiterOptions,
  type LocalLimiter,
  type PermitLimiter,
} from './limiter.ts'
import {
  CONCURRENCY_LIMITER_OPTIONS,
  ConcurrencyLimiter,
  PERMIT_LIMITER_OPTIONS,
} from './local/concurrency-limiter.ts'
import { checkedOptions } from './options.ts'
import type { RemoteConcurrency } from './remote/remote-concurrency.ts'

/** Makes a limiter; over memory, one that can answer at once. */
export interface CreateLimiter<Options> {
  (options: Options & LocalOptions): LocalLimiter
  (options: Options & LimiterOptions): Limiter
}

/**
 * Limiters, ready made. Each is `createLimiter(rule(options), options)` under one name; without a storage, with as compact a
 * memory as a {@link MemoryStorage} has.
 */
export interface LimiterFactory {
  /** A steady rate with bursts. See {@link tokenBucket}. */
  readonly tokenBucket: CreateLimiter<TokenBucketOptions>
  /** Never more than `rate` in any window of `per`. See {@link slidingWindow}. */
  readonly slidingWindow: CreateLimiter<Quota>
  /** An even stream. See {@link leakyBucket}. */
  readonly leakyBucket: CreateLimiter<LeakyBucketOptions>
  /** At most `rate` in each window of `per`, or of the calendar. See {@link fixedWindow}. */
  readonly fixedWindow: CreateLimiter<Quota> & CreateLimiter<FixedWindowOptions>
  /**
   * A rate that follows how the other side is doing. See {@link AdaptiveLimiter}. Over a remote storage it is one rate for all
   * processes, learnt from the outcomes of all of them.
   */
  readonly adaptive: {
    (options?: AdaptiveOptions & LocalOptions): AdaptiveLimiter
    (options: AdaptiveOptions): Adaptive
  }
  /** At most `limit` calls at once. See {@link ConcurrencyLimiter}; over a remote storage {@link RemoteConcurrency}. */
  readonly concurrency: {
    (options: ConcurrencyOptions & LocalOptions): ConcurrencyLimiter
    (options: PermitsOptions & LimiterOptions): RemoteConcurrency
  }
  /**
   * A limit of calls at once that follows how long calls take. See {@link AdaptiveConcurrency}; over a remote storage all processes have one
   * limit, and learn from the calls of all of them.
   */
  readonly adaptiveConcurrency: {
    (options?: AdaptiveConcurrencyOptions & LocalOptions): AdaptiveConcurrency
    (options: AdaptiveConcurrencyOptions): AdaptivePermits
  }
  /**
   * Several limits at once, all or none: a call passes when all of them let it through, and a call that one denies takes nothing from the
   * others. The decision is the tightest one; `deniedBy` is the name of the first limiter that denied.
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
  fixedWindow: maker('fixedWindow', fixedWindow, FIXED_WINDOW_OPTIONS),
  adaptive: adaptive as LimiterFactory['adaptive'],
  concurrency: concurrency as LimiterFactory['concurrency'],
  adaptiveConcurrency: adaptiveConcurrency as LimiterFactory['adaptiveConcurrency'],
  composite,
}

function adaptive(options: AdaptiveOptions = {}): Adaptive {
  known('LimiterFactory.adaptive', options, ADAPTIVE_OPTIONS)
  const { storage } = checkedOptions(options)
  const remote = storage?.limiters?.adaptive?.(storage, options) as Adaptive | undefined
  return remote ?? new AdaptiveLimiter(options)
}

function adaptiveConcurrency(options: AdaptiveConcurrencyOptions = {}): AdaptivePermits {
  known('LimiterFactory.adaptiveConcurrency', options, ADAPTIVE_CONCURRENCY_OPTIONS)
  const { storage } = checkedOptions(options)
  const remote = storage?.limiters?.adaptiveConcurrency?.(storage, options)
  return (remote as AdaptivePermits | undefined) ?? new AdaptiveConcurrency(options)
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
): CreateLimiter<Options> {
  const all = { ...LIMITER_OPTIONS, ...table } as OptionTable<Options & LimiterOptions>
  const make = (options: Options & LimiterOptions) => {
    known(`LimiterFactory.${name}`, options, all)
    const own = rule(pick<Options>(options, table))
    return limiterOf(own, pick<LimiterOptions>(options, LIMITER_OPTIONS), memoryLedger)
  }
  return make as CreateLimiter<Options>
}
