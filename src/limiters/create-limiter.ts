import type { Rule } from '../core/rule.ts'
import type { MemoryStorage } from '../storage/memory-storage.ts'
import type { Limiter, LimiterOptions, LocalLimiter } from './limiter.ts'
import { checkedOptions } from './options.ts'
import { RuleLimiter } from './rule-limiter.ts'

/** Options under which a limiter answers at once. */
export type LocalOptions = LimiterOptions & { storage?: MemoryStorage }

/**
 * A limiter from its parts: a rule decides, a storage remembers.
 *
 * Over memory it is a {@link LocalLimiter} and can also answer without a promise.
 *
 * @example
 * const limiter = createLimiter(tokenBucket({ rate: 100, per: '1m', burst: 20 }), { scope: 'api' })
 * if (!(await limiter.acquire('user-1'))) throw new Error('slow down')
 */
export function createLimiter(rule: Rule, options?: LocalOptions): LocalLimiter
export function createLimiter(rule: Rule, options: LimiterOptions): Limiter
export function createLimiter(rule: Rule, options: LimiterOptions = {}): Limiter {
  const { storage } = checkedOptions(options)
  // What asks from afar comes with what lies there: whoever stays in memory does not carry it.
  return storage?.limiters?.rule(storage, rule, options) ?? new RuleLimiter(rule, options)
}
