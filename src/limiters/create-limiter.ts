import type { Rule } from '../core/rule.ts'
import type { Storage } from '../core/storage.ts'
import { MemoryStorage } from '../storage/memory-storage.ts'
import type { Limiter, LimiterOptions, LocalLimiter } from './limiter.ts'
import { checkedOptions, DEFAULT_SCOPE, isLocal } from './options.ts'
import { RemoteLimiter } from './remote-limiter.ts'
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
  const { storage, scope = DEFAULT_SCOPE } = checkedOptions(options)
  if (storage === undefined || storage instanceof MemoryStorage) {
    return new RuleLimiter(rule, options)
  }
  const ledger = storage.open(rule, scope, options.clock)
  return isLocal(ledger) ? new RuleLimiter(rule, options) : remote(rule, ledger, options)
}

function remote(
  rule: Rule,
  ledger: Exclude<ReturnType<Storage['open']>, { reserve: unknown }>,
  options: LimiterOptions,
): Limiter {
  const { name, scope, clock, onStorageError: policy = 'deny', storageTimeout } = options
  return new RemoteLimiter(ledger, {
    name: name ?? scope ?? rule.kind,
    clock,
    policy,
    timeout: storageTimeout,
    standIn:
      policy === 'local' ? new RuleLimiter(rule, clock === undefined ? {} : { clock }) : undefined,
  })
}
