import { LimiterFactory } from 'aioflux'
import { RedisStorage } from 'aioflux/redis'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { clients } from '../support/clients.ts'
import { figure, short } from '../support/figure.ts'
import { canStartRedis, type RedisServer, startRedis } from '../support/redis-server.ts'
import { sleep } from '../support/time.ts'
import { until } from '../support/until.ts'

const possible = await canStartRedis()
const KEYS = short ? 10_000 : 100_000
const REFILL = short ? 1 : 5

describe.skipIf(!possible)('very many keys, each used once', () => {
  let redis: RedisServer
  beforeAll(async () => {
    redis = await startRedis()
  })
  afterAll(() => redis?.stop())

  /** How many keys there are, and how many of them end by themselves. */
  const keyspace = async () => {
    const info = String(await redis.command('INFO', 'keyspace'))
    const [, keys = 0, expires = 0] = /keys=(\d+),expires=(\d+)/.exec(info) ?? []
    return { keys: Number(keys), expires: Number(expires) }
  }
  const memory = async () =>
    Number(/used_memory:(\d+)/.exec(String(await redis.command('INFO', 'memory')))?.[1])

  it('leave nothing behind', async () => {
    const { client, end } = await clients['node-redis'](redis.url)
    const storage = new RedisStorage({ client, prefix: 'keys' })
    const quota = { rate: 1, per: REFILL, storage }
    const { tokenBucket, leakyBucket, slidingWindow, fixedWindow } = LimiterFactory
    const limiters = [tokenBucket, leakyBucket, slidingWindow, fixedWindow].map((maker) =>
      (maker as typeof slidingWindow)(quota),
    )
    await Promise.all(limiters.map((limiter) => limiter.acquire('warm')))
    await until('nothing but warm', async () => (await keyspace()).keys === 0)
    const before = await memory()

    let granted = 0
    let failed = 0
    let most = { keys: 0, expires: 0 }
    let endless = 0
    for (let i = 0; i < KEYS; i += 1000) {
      await Promise.all(
        Array.from({ length: 1000 }, async (_, j) => {
          const limiter = limiters[(i + j) % 4] as (typeof limiters)[number]
          const { allowed, degraded } = await limiter.consume(`once ${i + j}`)
          if (allowed) granted += 1
          if (degraded) failed += 1
        }),
      )
      if (i % 10_000 !== 0) continue
      const now = await keyspace()
      endless = Math.max(endless, now.keys - now.expires)
      if (now.keys > most.keys) most = now
    }
    const end_ = await keyspace()
    endless = Math.max(endless, end_.keys - end_.expires)
    if (end_.keys > most.keys) most = end_
    const full = await memory()
    figure('keys: granted', `${granted} (${failed} failed)`, `= ${KEYS}`, granted === KEYS)
    figure(
      'keys: without an end',
      `${endless} (of up to ${most.keys} at once)`,
      '0',
      endless === 0 && most.keys > KEYS / 10,
    )
    figure(
      'keys: bytes each, the server in all',
      Math.round((full - before) / end_.keys),
      '<= 400',
      full - before <= 400 * end_.keys,
    )
    await sleep(REFILL * 1000)
    const began = performance.now()
    await until('nothing left', async () => (await keyspace()).keys === 0, { within: 20_000 })
    const late = performance.now() - began
    // The server itself looks for what is over, ten times a second and never for long.
    figure(
      'keys: left, after the refill',
      `0 after ${Math.round(late)} ms`,
      '<= 5000 ms',
      late <= 5000,
    )
    const grown = (await memory()) - before
    figure(
      'keys: memory not given back',
      `${Math.round(grown / 1024)} KiB`,
      '<= 1024 KiB',
      grown <= 2 ** 20,
    )
    end()
  })
})
