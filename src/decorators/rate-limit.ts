import { oneOf } from '../core/check.ts'
import type { Duration } from '../core/duration.ts'
import { LimitExceededError, OptionTypeError } from '../core/errors.ts'
import { LimiterFactory } from '../limiters/factory.ts'
import type { Limiter, LimiterOptions } from '../limiters/limiter.ts'
import type { TokenBucketOptions } from '../rules/token-bucket.ts'
import { makeWrapper, type Wrapper } from './wrapper.ts'

const STRATEGIES: Readonly<
  Record<Strategy, (options: TokenBucketOptions & LimiterOptions) => Limiter>
> = {
  'token-bucket': LimiterFactory.tokenBucket,
  'sliding-window': LimiterFactory.slidingWindow,
  'leaky-bucket': LimiterFactory.leakyBucket,
  'fixed-window': LimiterFactory.fixedWindow,
}

type Strategy = 'token-bucket' | 'sliding-window' | 'leaky-bucket' | 'fixed-window'

/** How {@link rateLimit} limits: a rate of its own, or a `limiter` that is shared. */
// biome-ignore lint/suspicious/noExplicitAny: the arguments are those of the function that is wrapped.
export interface RateLimitOptions<This = any, Args extends readonly any[] = any[]>
  extends LimiterOptions,
    Partial<TokenBucketOptions> {
  /** @default 'token-bucket' */
  strategy?: Strategy
  /** A limiter of your own, instead of `rate` and what goes with it. */
  limiter?: Limiter
  /** The key of a call, from its arguments. @default one key for all calls */
  keyFn?: (this: This, ...args: Args) => string
  /** Beyond the limit: `'wait'` for a turn, or `'throw'` a LimitExceededError at once. @default 'wait' */
  onLimit?: 'wait' | 'throw'
  /** The longest wait; a call that cannot go ahead within it throws a WaitTimeoutError. @default no end */
  timeout?: Duration
}

/**
 * Limits how often a function runs: as decorator of a method, or round any function.
 *
 * One limit for all instances of a class, since a decorator is applied once; `keyFn` tells them apart. A function that
 * returned a value returns a promise of it.
 *
 * @example
 * const search = rateLimit({ rate: 10, per: '1s' })(async (text: string) => fetchResults(text))
 *
 * class Api {
 *   @rateLimit({ rate: 100, per: '1m', keyFn: (user: string) => user, onLimit: 'throw' })
 *   async load(user: string) { ... }
 * }
 *
 * @throws OptionTypeError | OptionRangeError at once, naming the option and its value
 */
// biome-ignore lint/suspicious/noExplicitAny: as above.
export function rateLimit<This = any, Args extends readonly any[] = any[]>(
  options: RateLimitOptions<This, Args>,
): Wrapper<This, Args> {
  const { keyFn, onLimit = 'wait', timeout } = options
  const limiter = limiterOf(options as RateLimitOptions)
  oneOf('onLimit', onLimit, ['wait', 'throw'])
  return makeWrapper<This, Args>(async (self, args, call) => {
    const key =
      keyFn === undefined
        ? ''
        : (keyFn as (this: unknown, ...args: readonly unknown[]) => string).apply(self, [...args])
    if (onLimit === 'wait') {
      return limiter.schedule(key, call, timeout === undefined ? {} : { timeout })
    }
    const decision = await limiter.consume(key)
    if (!decision.allowed) throw new LimitExceededError(key, decision.retryAfter)
    return call()
  })
}

function limiterOf(options: RateLimitOptions): Limiter {
  const {
    limiter,
    strategy = 'token-bucket',
    rate,
    per,
    burst,
    storage,
    scope,
    clock,
    name,
    metrics,
  } = options
  if (limiter !== undefined) {
    if (rate !== undefined) {
      throw new OptionTypeError('rate', 'rate and limiter exclude each other: give one of them')
    }
    return limiter
  }
  oneOf('strategy', strategy, Object.keys(STRATEGIES) as Strategy[])
  if (burst !== undefined && strategy !== 'token-bucket') {
    throw new OptionTypeError('burst', `burst is for the token bucket, not for '${strategy}'`)
  }
  const given = Object.fromEntries(
    Object.entries({ rate, per, burst, storage, scope, clock, name, metrics }).filter(
      ([, value]) => value !== undefined,
    ),
  )
  return STRATEGIES[strategy](given as unknown as TokenBucketOptions & LimiterOptions)
}
