import type { RedisClientLike } from 'aioflux/redis'
import { Redis, type RedisOptions } from 'ioredis'
import { createClient, type RedisClientOptions } from 'redis'

export interface OpenClient {
  readonly client: RedisClientLike
  end(): void
}

/** Connected clients of both libraries, with their own defaults but for what is given. */
export const clients = {
  'node-redis': async (url: string, options: RedisClientOptions = {}): Promise<OpenClient> => {
    const client = createClient({ ...options, url })
    client.on('error', () => {})
    await client.connect()
    return { client: client as RedisClientLike, end: () => client.destroy() }
  },
  ioredis: async (
    url: string,
    options: Omit<RedisOptions, 'replyMapping'> = {},
  ): Promise<OpenClient> => {
    const client = new Redis(url, { ...options, lazyConnect: true })
    client.on('error', () => {})
    await client.connect()
    return { client, end: () => client.disconnect() }
  },
}

export type Library = keyof typeof clients
export const libraries: readonly Library[] = ['node-redis', 'ioredis']
