// The same lock with redlock and with aioflux, over the same Redis.
// It uses the Redis at REDIS_URL, or starts a redis-server of its own and ends it; without either it says so.
// biome-ignore-all assist/source/organizeImports: each part has its own.
// #region before
import { Redis } from 'ioredis'
// @ts-expect-error: the types of redlock do not resolve by its exports
import Redlock from 'redlock'
// #endregion
// #region after
import { Coordinator } from 'aioflux'
import { RedisStorage } from 'aioflux/redis'
// #endregion
// The storage loads it when it is first used: on a busy machine that takes longer than its timeout.
import 'redis'
import { findRedis } from '../find-redis.mts'

const pay = async (_signal: AbortSignal) => 'paid'

await using redis = await findRedis()
if (redis === undefined) console.log('Skipped: neither REDIS_URL nor redis-server')
else {
  await before(redis.url)
  await after(redis.url)
}

async function before(url: string): Promise<void> {
  // #region before
  const client = new Redis(url)
  const redlock = new Redlock([client], { retryCount: 25, retryDelay: 200 })

  const answer = await redlock.using(['invoice-42'], 5000, async (signal: AbortSignal) => {
    const done = await pay(signal)
    if (signal.aborted) throw signal.reason
    return done
  })
  // #endregion
  console.log(answer) // => paid
  // #region by-hand-before
  let lock = await redlock.acquire(['invoice-42'], 5000)
  try {
    lock = await lock.extend(5000)
  } finally {
    await lock.release()
  }
  // #endregion
  // #region try-before
  const held = await redlock.acquire(['invoice-42'], 5000)
  const second = await redlock
    .acquire(['invoice-42'], 5000, { retryCount: 0 })
    .catch(() => undefined)
  console.log(second === undefined) // => true
  await held.release()
  // #endregion
  client.disconnect()
}

async function after(url: string): Promise<void> {
  // #region after
  const storage = new RedisStorage({ url })
  const locks = new Coordinator({ storage, ttl: '5s' })

  const pays = async () => {
    await using lease = await locks.lock('invoice-42', { timeout: '5s' })
    const done = await pay(lease.signal)
    lease.assertHeld()
    return done
  }
  const answer = await pays()
  // #endregion
  console.log(answer) // => paid
  // #region by-hand-after
  const lease = await locks.lock('invoice-42', { ttl: '5s' }) // renews itself until it is released
  try {
    await lease.extend('30s')
  } finally {
    await lease.release()
  }
  // #endregion
  // #region try-after
  const held = await locks.lock('invoice-42')
  const second = await locks.tryLock('invoice-42')
  console.log(second === undefined) // => true
  await held.release()
  // #endregion
  await storage.close()
}
