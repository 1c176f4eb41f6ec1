// What README and docs/redis.md show. Nothing here needs a server: 04-redis-distributed.ts is the program that does.
// biome-ignore-all assist/source/organizeImports: each part has its own.
// #region storage
import { LimiterFactory } from 'aioflux'
import { RedisStorage } from 'aioflux/redis'
// #endregion
// #region queue
import { QueueFactory } from 'aioflux'
// #endregion
import { queued } from 'aioflux'
// #region hybrid
import { HybridStorage } from 'aioflux/redis'
// #endregion

{
  // #region storage
  const storage = new RedisStorage({ url: 'redis://localhost:6379' }) // or { client } of node-redis or ioredis
  const limiter = LimiterFactory.tokenBucket({ rate: 100, per: '1m', storage, scope: 'api' })
  // #endregion
  console.log(limiter.name) // => api
  await storage.close()
}

{
  const send = async (to: string) => `sent to ${to}`
  const storage = new RedisStorage({ url: 'redis://localhost:6379' })
  // #region queue
  const mails = QueueFactory.priority({
    name: 'mails', // all processes that make a queue of this name share its jobs
    storage, // a RedisStorage
    workers: 50,
    handler: (to: string) => send(to),
    retry: 5, // at most 5 attempts, the first included
  })
  // mails.start()                                  a worker; a process that only puts need not start it
  // await mails.put('ann', { priority: 10 })       resolves when Redis has it
  // await mails.submit('bob', { timeout: '10s' })  the result, also when another process did the work
  // #endregion
  console.log(mails.name) // => mails
  await mails.stop()
  await storage.close()
}

{
  const shrink = async (path: string, width: number) => `${path} at ${width}`
  const storage = new RedisStorage({ url: 'redis://localhost:6379' })
  // #region queued
  const queue = QueueFactory.priority({ name: 'images', storage, workers: 4 })
  const resize = queued({ queue, name: 'resize' })(async (path: string, width: number) => {
    return shrink(path, width)
  })
  // queue.start()                      in each process that does such calls
  // await resize('cat.jpg', 200)       the result, also when another process did the work
  // #endregion
  console.log(resize.length) // => 2
  await queue.stop()
  await storage.close()
}

{
  // #region hybrid
  const storage = new HybridStorage({ redis: 'redis://localhost:6379' }) // or a RedisStorage, or a client
  const limiter = LimiterFactory.tokenBucket({ rate: 10_000, storage, scope: 'api' })
  // #endregion
  console.log(limiter.name) // => api
  await storage.close()
}

{
  // That a server was never reached is said on standard error, once. Here it is meant.
  console.error = () => {}
  const storage = new RedisStorage({ url: 'redis://127.0.0.1:1' }) // no server listens there
  // #region outage
  const limiter = LimiterFactory.tokenBucket({
    rate: 100,
    per: '1m',
    storage,
    onStorageError: 'local', // a limiter of this process, with the same numbers
    storageTimeout: '200ms',
  })
  // While Redis cannot be reached:
  const { allowed, degraded } = await limiter.consume('user-123')
  console.log(allowed, degraded) // => true true
  // #endregion
  await storage.close()
}
