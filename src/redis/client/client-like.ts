/** What of node-redis (single, pool, Sentinel or Cluster) is needed; structural, so that none of its types is. */
export interface NodeRedisLike {
  evalSha(sha: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>
  eval(script: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>
}

/** What of ioredis (single, Sentinel or Cluster) is needed. */
export interface IoredisLike {
  evalsha(sha: string, keys: number, ...args: string[]): Promise<unknown>
  eval(script: string, keys: number, ...args: string[]): Promise<unknown>
}

/** A client of node-redis or of ioredis. */
export type RedisClientLike = NodeRedisLike | IoredisLike
