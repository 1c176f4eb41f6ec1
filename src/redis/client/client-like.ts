/** The methods of a node-redis client (single, pool, Sentinel or Cluster) that are needed; structural, so that its types are not imported. */
export interface NodeRedisLike {
  evalSha(sha: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>
  eval(script: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>
}

/** The methods of an ioredis client (single, Sentinel or Cluster) that are needed. */
export interface IoredisLike {
  evalsha(sha: string, keys: number, ...args: string[]): Promise<unknown>
  eval(script: string, keys: number, ...args: string[]): Promise<unknown>
}

/** A client of node-redis or of ioredis. */
export type RedisClientLike = NodeRedisLike | IoredisLike
