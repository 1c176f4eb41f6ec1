import type { Rule } from '../core/rule.ts'
import type { LimiterOptions, LocalLimiter } from './limiter.ts'
import { RuleLimiter } from './rule-limiter.ts'

/**
 * A limiter from its parts: a rule decides, a storage remembers.
 *
 * @example
 * const limiter = createLimiter(tokenBucket({ rate: 100, per: '1m', burst: 20 }), { scope: 'api' })
 * if (!(await limiter.acquire('user-1'))) throw new Error('slow down')
 */
export function createLimiter(rule: Rule, options: LimiterOptions = {}): LocalLimiter {
  return new RuleLimiter(rule, options)
}
