import { callback, having, known, type OptionTable, oneOf, pick } from '../core/check.ts'
import { type Duration, toMillis } from '../core/duration.ts'
import { LimitExceededError, OptionTypeError } from '../core/errors.ts'
import { LimiterFactory } from '../limiters/factory.ts'
import { LIMITER_OPTIONS, type Limiter, type LimiterOptions } from '../limiters/limiter.ts'
import { TOKEN_BUCKET_OPTIONS, type TokenBucketOptions } from '../rules/token-bucket.ts'
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
  /** A limiter of your own, instead of `strategy`, `rate` and the other options of a limiter. */
  limiter?: Limiter
  /** The key of a call, from its arguments. @default one key for all calls */
  keyFn?: (this: This, ...args: Args) => string
  /** Beyond the limit: `'wait'` for a turn, or `'throw'` a LimitExceededError at once. @default 'wait' */
  onLimit?: 'wait' | 'throw'
  /** The longest wait; a call that cannot go ahead within it throws a WaitTimeoutError. @default no end */
  timeout?: Duration
}

export const RATE_LIMIT_OPTIONS: OptionTable<RateLimitOptions> = {
  ...LIMITER_OPTIONS,
  ...TOKEN_BUCKET_OPTIONS,
  strategy: true,
  limiter: true,
  keyFn: true,
  onLimit: true,
  timeout: true,
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
  known('rateLimit', options, RATE_LIMIT_OPTIONS)
  const { keyFn, onLimit = 'wait', timeout } = options
  callback('keyFn', keyFn)
  if (timeout !== undefined) toMillis('timeout', timeout)
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

/** What only a limit of its own takes. */
const OWN_LIMIT: OptionTable<LimiterOptions & Partial<TokenBucketOptions>> = {
  ...LIMITER_OPTIONS,
  ...TOKEN_BUCKET_OPTIONS,
}

function limiterOf(options: RateLimitOptions): Limiter {
  const { limiter, strategy = 'token-bucket', burst } = options
  oneOf('strategy', strategy, Object.keys(STRATEGIES) as Strategy[])
  const own = pick<LimiterOptions & Partial<TokenBucketOptions>>(options, OWN_LIMIT)
  if (limiter !== undefined) {
    having('limiter', limiter, 'consume')
    for (const [name, value] of Object.entries({ ...own, strategy: options.strategy })) {
      if (value === undefined) continue
      throw new OptionTypeError(name, `${name} and limiter exclude each other: give one of them`)
    }
    return limiter
  }
  if (burst !== undefined && strategy !== 'token-bucket') {
    throw new OptionTypeError('burst', `burst is for the token bucket, not for '${strategy}'`)
  }
  if (burst === undefined) delete own.burst
  return STRATEGIES[strategy](own as TokenBucketOptions & LimiterOptions)
}
