import { createLimiter, tokenBucket } from 'aioflux'
import { HybridStorage, type RedisClientLike, RedisStorage } from 'aioflux/redis'

declare const client: RedisClientLike

export const storage = new RedisStorage({ client, prefix: 'shop', timeout: '200ms' })
export const limiter = createLimiter(tokenBucket({ rate: 10 }), { storage })
export const allowed: Promise<boolean> = limiter.acquire('user-1')
export const lender = new HybridStorage({ redis: storage })
