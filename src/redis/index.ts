/// <reference lib="esnext.disposable" preserve="true" />
// The same limits on many machines.

export { HybridStorage, type HybridStorageOptions } from './borrowing/hybrid-storage.ts'
export type { IoredisLike, NodeRedisLike, RedisClientLike } from './client/client-like.ts'
export { RedisStorage, type RedisStorageOptions } from './redis-storage.ts'
