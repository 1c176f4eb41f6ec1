import { known, pick } from '../core/check.ts'
import type { Rule } from '../core/rule.ts'
import { isLocal } from '../core/storage.ts'
import { permits } from '../rules/permits.ts'
import { tokenBucket } from '../rules/token-bucket.ts'
import { memoryLedger } from '../storage/memory-ledger.ts'
import { AdaptiveConcurrency } from './adaptive/adaptive-concurrency.ts'
import {
  type AdaptiveConcurrencyOptions,
  readAdaptiveConcurrency,
} from './adaptive/adaptive-concurrency-options.ts'
import { AdaptiveLimiter } from './adaptive/adaptive-limiter.ts'
import { type AdaptiveOptions, readAdaptive } from './adaptive/adaptive-options.ts'
import { RemoteAdaptive } from './adaptive/remote-adaptive.ts'
import { RemoteAdaptiveConcurrency } from './adaptive/remote-adaptive-concurrency.ts'
import { LIMITER_OPTIONS, type LimiterOptions, type RemoteLimiters } from './limiter.ts'
import {
  CONCURRENCY_LIMITER_OPTIONS,
  ConcurrencyLimiter,
  PERMIT_LIMITER_OPTIONS,
} from './local/concurrency-limiter.ts'
import { RuleLimiter } from './local/rule-limiter.ts'
import type { SyncLimiter } from './local/sync-limiter.ts'
import { checkedOptions } from './options.ts'
import type { RemoteOptions } from './remote/ledger-client.ts'
import { RemoteConcurrency } from './remote/remote-concurrency.ts'
import { RemoteLimiter } from './remote/remote-limiter.ts'

/**
 * How a storage that lies elsewhere is asked: what `RedisStorage` and `HybridStorage` have as `limiters`, and what a
 * storage of your own needs whose ledgers answer with promises.
 *
 * @example
 * class MyStorage implements Storage {
 *   readonly limiters = remoteLimiters
 *   open(rule: Rule, scope: string): RemoteLedger { ... }
 * }
 */
export const remoteLimiters: RemoteLimiters = {
  rule(storage, rule, options) {
    known('remoteLimiters.rule', options, LIMITER_OPTIONS)
    checkedOptions(options)
    const ledger = storage.open(rule, scopeOf(options, rule), options.clock)
    if (isLocal(ledger)) return new RuleLimiter(rule, options, memoryLedger)
    const { clock, classes } = options
    const own = { ...(clock && { clock }), ...(classes && { classes }) }
    const standIn = () => new RuleLimiter(rule, own, memoryLedger)
    return new RemoteLimiter(ledger, remoteOptions(options, rule.kind, standIn))
  },

  adaptive(storage, options) {
    const read = readAdaptive(options as AdaptiveOptions)
    const { law, initialRate } = read
    const common = { name: 'adaptive', ...read.common }
    const { clock, classes } = checkedOptions(common)
    // One scope for both: what is learnt belongs to the buckets.
    const scope = scopeOf(options, law)
    const rule = tokenBucket({ rate: initialRate })
    const ledger = storage.open(rule, scope, clock)
    const lessons = storage.open(law, scope, clock)
    if (isLocal(ledger) || isLocal(lessons)) return new AdaptiveLimiter(options)
    const own = { ...(clock && { clock }), ...(classes && { classes }) }
    const standIn = () => new RuleLimiter(rule, own, memoryLedger)
    return new RemoteAdaptive(ledger, lessons, read, remoteOptions(common, 'adaptive', standIn))
  },

  adaptiveConcurrency(storage, options) {
    const read = readAdaptiveConcurrency(options as AdaptiveConcurrencyOptions)
    const common = { name: 'adaptive-concurrency', ...read.common }
    const { clock, classes } = checkedOptions(common)
    const scope = scopeOf(options, read.law)
    const { limit, ttl } = read
    const ledger = storage.open(permits({ limit, ttl }), scope, clock)
    const lessons = storage.open(read.law, scope, clock)
    if (isLocal(ledger) || isLocal(lessons)) return new AdaptiveConcurrency(options)
    const standIn = () => new ConcurrencyLimiter({ limit, ...(classes && { classes }) })
    const remote = remoteOptions(common, 'adaptive-concurrency', standIn)
    return new RemoteAdaptiveConcurrency(ledger, lessons, read, remote)
  },

  concurrency(storage, options) {
    known('remoteLimiters.concurrency', options, PERMIT_LIMITER_OPTIONS)
    checkedOptions(options)
    const rule = permits(options)
    const ledger = storage.open(rule, scopeOf(options, rule), options.clock)
    if (isLocal(ledger)) return new ConcurrencyLimiter(pick(options, CONCURRENCY_LIMITER_OPTIONS))
    const { limit, classes } = options
    const standIn = () => new ConcurrencyLimiter({ limit, ...(classes && { classes }) })
    return new RemoteConcurrency(ledger, remoteOptions(options, 'concurrency', standIn))
  },
}

/**
 * The scope a limiter keeps its counts under. A storage elsewhere tells rules apart by their kind alone, so without a scope of
 * their own limiters of different quotas keep theirs apart by this one.
 */
function scopeOf({ scope }: LimiterOptions, rule: Rule): string {
  if (scope !== undefined) return scope
  let hash = 0x811c9dc5
  for (const character of Object.values(rule.params).join(' ')) {
    hash = Math.imul(hash ^ character.charCodeAt(0), 0x01000193)
  }
  return `default-${(hash >>> 0).toString(36)}`
}

/** The same, asked from afar; with the policy 'local', a limiter of this process stands in for it in an outage. */
function remoteOptions(
  options: LimiterOptions,
  kind: string,
  standIn: () => SyncLimiter,
): RemoteOptions {
  const { name, scope, clock, metrics, classes, shadow } = options
  const { onStorageError: policy = 'deny', storageTimeout: timeout } = options
  return {
    name: name ?? scope ?? kind,
    clock,
    policy,
    timeout,
    metrics,
    classes,
    shadow,
    standIn: policy === 'local' ? standIn() : undefined,
  }
}
