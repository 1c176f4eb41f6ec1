import type { Rule } from '../core/rule.ts'
import { isLocal } from '../core/storage.ts'
import { MemoryStorage } from '../storage/memory-storage.ts'
import type { Limiter, LimiterOptions, LocalLimiter } from './limiter.ts'
import { checkedOptions, scopeOf } from './options.ts'
import type { RemoteOptions } from './remote-desk.ts'
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
  const { storage } = checkedOptions(options)
  if (storage === undefined || storage instanceof MemoryStorage) {
    return new RuleLimiter(rule, options)
  }
  const ledger = storage.open(rule, scopeOf(options, rule), options.clock)
  if (isLocal(ledger)) return new RuleLimiter(rule, options)
  const { clock } = options
  const standIn = () => new RuleLimiter(rule, clock === undefined ? {} : { clock })
  return new RemoteLimiter(ledger, remoteOptions(options, rule.kind, standIn))
}

/** The same, asked from afar; with the policy 'local', a limiter of this process stands in for it in an outage. */
export function remoteOptions(
  options: LimiterOptions,
  kind: string,
  standIn: () => LocalLimiter,
): RemoteOptions {
  const { name, scope, clock, metrics } = options
  const { onStorageError: policy = 'deny', storageTimeout: timeout } = options
  return {
    name: name ?? scope ?? kind,
    clock,
    policy,
    timeout,
    metrics,
    standIn: policy === 'local' ? standIn() : undefined,
  }
}
