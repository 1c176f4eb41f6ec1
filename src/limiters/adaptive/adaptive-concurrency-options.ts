import { between, callable, integer, type OptionTable, positive } from '../../core/check.ts'
import { type Duration, toMillis, toPositiveMicros } from '../../core/duration.ts'
import { GradientLaw } from '../../rules/gradient.ts'
import { LIMITER_OPTIONS, type LimiterOptions, type PermitLimiter } from '../limiter.ts'

/** How an {@link AdaptiveConcurrency} finds the number of calls at once that the other side can handle. */
export interface AdaptiveConcurrencyOptions extends LimiterOptions {
  /** Calls at once to begin with. @default 20, within the bounds */
  initialLimit?: number
  /** The limit never falls below this. @default 1 */
  minLimit?: number
  /** The limit never rises above this. @default 1000 */
  maxLimit?: number
  /** How many times as long as without a queue calls may take before the limit falls. @default 1.5 */
  tolerance?: number
  /** For how long calls are gathered before the limit changes, and at least 10 calls. @default '1s' */
  window?: Duration
  /** Over a remote storage: how long a permit lasts when its process does not renew it. @default 30 seconds */
  ttl?: Duration
  /**
   * Returns true for an error of a scheduled function that means overload of the other side. Other errors, such as "not found", change
   * nothing.
   * @default true for every error, except when the caller has aborted
   */
  isOverload?(error: unknown): boolean
}

export const ADAPTIVE_CONCURRENCY_OPTIONS: OptionTable<AdaptiveConcurrencyOptions> = {
  ...LIMITER_OPTIONS,
  initialLimit: true,
  minLimit: true,
  maxLimit: true,
  tolerance: true,
  window: true,
  ttl: true,
  isOverload: true,
}

/** A limiter of calls at once whose limit follows how long calls take. */
export interface AdaptivePermits extends PermitLimiter {
  /** How many calls of each key may run at once now; over a storage, the latest that this process has heard of. */
  readonly currentLimit: number
  /**
   * A call that `acquire`, `consume` or `wait` let through has succeeded. Scheduled functions and permits report by themselves.
   * @param latency how long the call took, without the time that it waited for the limit
   */
  reportSuccess(latency: Duration): void
  /** A call that was let through has failed by overload: it timed out, or the other side refused it. */
  reportError(): void
}

/** The options, read. */
export interface ReadAdaptiveConcurrency {
  readonly law: GradientLaw
  readonly limit: number
  /** The largest that the limit may become. */
  readonly most: number
  /** In milliseconds. */
  readonly window: number
  readonly ttl: Duration
  readonly isOverload: (error: unknown) => boolean
  readonly common: LimiterOptions
}

/** @throws OptionTypeError | OptionRangeError naming the option and its value */
export function readAdaptiveConcurrency(
  options: AdaptiveConcurrencyOptions,
): ReadAdaptiveConcurrency {
  const {
    minLimit = 1,
    maxLimit: most,
    initialLimit: first,
    tolerance = 1.5,
    window = '1s',
    ttl = '30s',
    isOverload = () => true,
    ...common
  } = options
  integer('minLimit', minLimit, 1)
  const maxLimit = most === undefined ? Math.max(1000, minLimit) : most
  integer('maxLimit', maxLimit, minLimit)
  const initialLimit = first === undefined ? Math.min(maxLimit, Math.max(minLimit, 20)) : first
  integer('initialLimit', between('initialLimit', initialLimit, minLimit, maxLimit), 1)
  between('tolerance', positive('tolerance', tolerance), 1, Number.MAX_VALUE)
  const law = new GradientLaw({
    initial: initialLimit,
    min: minLimit,
    max: maxLimit,
    tolerance,
    window: toPositiveMicros('window', window),
  })
  toPositiveMicros('ttl', ttl)
  callable('isOverload', isOverload)
  const limit = initialLimit
  return {
    law,
    limit,
    most: maxLimit,
    window: toMillis('window', window),
    ttl,
    isOverload,
    common,
  }
}
