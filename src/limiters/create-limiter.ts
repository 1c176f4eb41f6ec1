import { known } from '../core/check.ts'
import type { Rule } from '../core/rule.ts'
import type { MemoryStorage } from '../storage/memory-storage.ts'
import { recordLedger } from '../storage/record-ledger.ts'
import { LIMITER_OPTIONS, type Limiter, type LimiterOptions, type LocalLimiter } from './limiter.ts'
import { type OwnLedger, RuleLimiter } from './local/rule-limiter.ts'

/** Options under which a limiter answers at once. */
export type LocalOptions = LimiterOptions & { storage?: MemoryStorage }

/**
 * A limiter from its parts: a rule decides, a storage remembers. It loads only these parts, so it is the smallest limiter for a
 * browser.
 *
 * Over memory it is a {@link LocalLimiter} and can also answer without a promise. Without a storage it has memory of its own: one
 * record for each of up to 100,000 keys, about 120 bytes for a bucket. A {@link MemoryStorage} takes 9, and so does
 * {@link LimiterFactory}.
 *
 * @example
 * const limiter = createLimiter(tokenBucket({ rate: 100, per: '1m', burst: 20 }), { scope: 'api' })
 * if (!(await limiter.acquire('user-1'))) throw new Error('slow down')
 */
export function createLimiter(rule: Rule, options?: LocalOptions): LocalLimiter
export function createLimiter(rule: Rule, options: LimiterOptions): Limiter
export function createLimiter(rule: Rule, options: LimiterOptions = {}): Limiter {
  known('createLimiter', options, LIMITER_OPTIONS)
  return limiterOf(rule, options, recordLedger)
}

/** The limiter of `rule` for the storage it is given; without one, over the ledger that `own` makes. */
export function limiterOf(rule: Rule, options: LimiterOptions, own: OwnLedger): Limiter {
  const { storage } = options
  // The code that asks a storage comes with the storage: programs that stay in memory do not carry it.
  return storage?.limiters?.rule(storage, rule, options) ?? new RuleLimiter(rule, options, own)
}
