/// <reference lib="esnext.disposable" preserve="true" />
// The same limits on many machines.
export type { IoredisLike, NodeRedisLike, RedisClientLike } from './client-like.ts'
export { HybridStorage, type HybridStorageOptions } from './hybrid-storage.ts'
export { RedisStorage, type RedisStorageOptions } from './redis-storage.ts'
