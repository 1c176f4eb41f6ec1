import { type RedisClientLike, RedisStorage, type RedisStorageOptions } from 'aioflux/redis'
import type { JobDraft, Room } from '../../../src/queues/store/job-store.ts'
import { jsonCodec } from '../../../src/queues/store/json-codec.ts'
import type { StoreOptions } from '../../../src/queues/store/queue-storage.ts'
import type { RedisJobStore } from '../../../src/redis/queues/redis-job-store.ts'

/** Room for whatever comes. */
export const ENDLESS: Room = { maxSize: Infinity, overflow: 'refuse' }

/** A draft with nothing said but what is given. */
export function draft<T>(item: T, more: Partial<JobDraft<T>> = {}): JobDraft<T> {
  return {
    item,
    id: undefined,
    priority: 0,
    delay: undefined,
    at: undefined,
    group: undefined,
    groupWeight: undefined,
    limiterKey: undefined,
    cost: 1,
    terms: undefined,
    awaited: false,
    unique: undefined,
    ...more,
  }
}

export interface OpenStore {
  readonly store: RedisJobStore
  readonly storage: RedisStorage
  close(): Promise<void>
}

/** One process's view of a queue, as far as Redis can tell. */
export function openStore(
  client: RedisClientLike,
  options: Partial<StoreOptions> & { storage?: Partial<RedisStorageOptions> } = {},
): OpenStore {
  const { storage: told, ...rest } = options
  const storage = new RedisStorage({ client, prefix: 'queues', ...told })
  const store = storage.queues.open({
    name: `q-${crypto.randomUUID()}`,
    declaration: {},
    codec: jsonCodec,
    resultTtl: 60_000,
    idTtl: 86_400_000,
    maxItemBytes: 262_144,
    ...rest,
  }) as RedisJobStore
  return {
    store,
    storage,
    async close() {
      await store.close()
      await storage.close()
    },
  }
}
