import type { RemoteLedger } from '../../core/storage.ts'
import type { Limiter } from '../../limiters/limiter.ts'
import { sharedQueue } from '../../queues/shared-factory.ts'
import type {
  LimitDeclaration,
  QueueStorage,
  StoreOptions,
} from '../../queues/store/queue-storage.ts'
import { RedisBroadcast } from './broadcast/redis-broadcast.ts'
import type { QueueHost } from './queue-link.ts'
import { RedisJobStore } from './redis-job-store.ts'

const KINDS: readonly string[] = ['token-bucket', 'leaky-bucket', 'permits']

/** The queues of a storage. */
export function redisQueues(host: QueueHost): QueueStorage {
  const queues: QueueStorage = {
    open: <T>(options: StoreOptions<T>) => new RedisJobStore<T>(host, options),
    limitOf: (limiter, keyed) => limitOf(queues, limiter, keyed),
    broadcast: (options) => new RedisBroadcast(host, options),
    queue: (kind, options) => sharedQueue(kind, options, queues),
    // The kind only decides how jobs are put.
    observe: (name, codec) => sharedQueue('fifo', { name, codec }, queues, true),
  }
  return queues
}

function limitOf(
  queues: QueueStorage,
  limiter: Limiter,
  keyed: boolean,
): LimitDeclaration | undefined {
  const { ledger, permits, most } = limiter as {
    ledger?: RemoteLedger
    permits?: RemoteLedger
    most?: number
  }
  const asked = ledger ?? permits
  // An adaptive limiter is asked by the process: a script would keep its present numbers, and outcomes of jobs that the script let through
  // would not count.
  if (most !== undefined || asked === undefined || !KINDS.includes(asked.rule.kind))
    return undefined
  // The ledger of a limiter in memory has no storage. A HybridStorage has the queues of its Redis.
  const home = asked.storage as { queues?: QueueStorage } | undefined
  if (home?.queues !== queues) return undefined
  const { rule, scope } = asked
  const kind = rule.kind as LimitDeclaration['kind']
  return { kind, scope, params: rule.params, capacity: rule.capacity, keyed }
}
