// One hot key, awaited call by call: lots spent here, beside a limiter in memory and beside asking Redis each time.
import { createClient } from 'redis'
import { LimiterFactory } from '../dist/index.js'
import { HybridStorage, RedisStorage } from '../dist/redis/index.js'
import { compare } from './harness.mjs'
import { startRedis } from './redis-server.mjs'

// High enough that every call is allowed, on any machine.
const quota = { rate: 1e8 }
// Exported so that the counting is not optimised away.
export let denied = 0

export async function hybrid() {
  const server = await startRedis()
  const client = createClient({ url: server.url })
  client.on('error', () => {})
  await client.connect()
  const redis = new RedisStorage({ client, prefix: 'bench', timeout: '10s' })
  const storage = new HybridStorage({ redis })
  const strict = new HybridStorage({ redis, strict: true })
  const calls = (limiter) => ({
    run: async (n) => {
      for (let i = 0; i < n; i++) if (!(await limiter.acquire('key'))) denied++
    },
  })
  try {
    await compare('One hot key, awaited', [
      { name: 'memory acquire', ...calls(LimiterFactory.tokenBucket(quota)), n: 400_000 },
      {
        name: 'hybrid acquire',
        ...calls(LimiterFactory.tokenBucket({ ...quota, storage, scope: 'lots' })),
        n: 400_000,
      },
      {
        name: 'hybrid acquire, denied',
        ...calls(await exhausted(storage)),
        n: 400_000,
      },
      {
        name: 'hybrid acquire, strict',
        ...calls(LimiterFactory.tokenBucket({ ...quota, storage: strict, scope: 'strict' })),
        n: 2_000,
      },
      {
        name: 'redis acquire',
        ...calls(LimiterFactory.tokenBucket({ ...quota, storage: redis, scope: 'redis' })),
        n: 2_000,
      },
    ])
  } finally {
    await storage.close()
    client.destroy()
    server.stop()
  }
}

/** A limiter whose key has nothing left for an hour. */
async function exhausted(storage) {
  const limiter = LimiterFactory.tokenBucket({ rate: 1, per: '1h', storage, scope: 'denied' })
  await limiter.acquire('key')
  return limiter
}
