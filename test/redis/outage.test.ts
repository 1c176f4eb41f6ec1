import {
  createLimiter,
  isAioFluxError,
  LimiterFactory,
  MemoryStorage,
  slidingWindow,
  tokenBucket,
} from 'aioflux'
import { HybridStorage, RedisStorage } from 'aioflux/redis'
import { Redis } from 'ioredis'
import { createClient } from 'redis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RedisServer, startRedis } from '../support/redis-server.ts'
import { proxy, type TcpProxy } from '../support/tcp-proxy.ts'

let redis: RedisServer
let between: TcpProxy
beforeAll(async () => {
  redis = await startRedis()
  between = await proxy(redis.port)
})
afterAll(async () => {
  await between.close()
  await redis.stop()
})

const clients = {
  'node-redis': async () => {
    const client = createClient({ url: between.url, disableOfflineQueue: true })
    client.on('error', () => {})
    await client.connect()
    return { client, end: () => client.destroy() }
  },
  ioredis: async () => {
    const client = new Redis(between.url, {
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: null,
      retryStrategy: () => 50,
      lazyConnect: true,
    })
    client.on('error', () => {})
    await client.connect()
    return { client, end: () => client.disconnect() }
  },
}

for (const [name, open] of Object.entries(clients)) {
  describe(`outage, ${name}`, () => {
    const rule = tokenBucket({ rate: 5, per: '1h' })

    it('a black hole costs one timeout, then each policy answers at once, and it heals by itself', async () => {
      const { client, end } = await open()
      const storage = new RedisStorage({ client, prefix: `hole-${name}`, timeout: '150ms' })
      const limiters = Object.fromEntries(
        (['deny', 'allow', 'local', 'throw'] as const).map((onStorageError) => [
          onStorageError,
          createLimiter(rule, { storage, scope: onStorageError, onStorageError }),
        ]),
      )
      const errors: string[] = []
      for (const [policy, limiter] of Object.entries(limiters)) {
        limiter.on('storageError', () => errors.push(policy))
        expect(await limiter.acquire('k')).toBe(true)
      }
      between.blackhole(true)
      try {
        const ask = (policy: string) => (limiters[policy] as (typeof limiters)[string]).consume('k')
        expect(await ask('deny')).toMatchObject({ allowed: false, degraded: true })
        expect(await ask('allow')).toMatchObject({ allowed: true, degraded: true, retryAfter: 0 })
        expect(await ask('local')).toMatchObject({ allowed: true, degraded: true, remaining: 4 })
        await expect(ask('throw')).rejects.toMatchObject({ code: 'STORAGE_DOWN' })
        expect(errors).toEqual(['deny', 'allow', 'local', 'throw'])
        // A thousand more, one after the other: a call now and then goes through to see, and nobody else waits.
        let allowed = 0
        for (let i = 0; i < 1000; i++) if ((await ask('local')).allowed) allowed++
        expect(allowed).toBe(4)
        expect(errors.filter((policy) => policy === 'local').length).toBeLessThanOrEqual(4)
      } finally {
        between.blackhole(false)
        between.cut()
      }
      const deny = limiters['deny'] as (typeof limiters)[string]
      let recovered = 0
      deny.on('recovered', () => recovered++)
      const healed = performance.now() + 10_000
      while ((await deny.consume('k')).degraded && performance.now() < healed) {
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
      expect(recovered).toBe(1)
      expect(await deny.consume('k')).not.toHaveProperty('degraded')
      end()
    })

    it('an error of the caller never reaches the policy', async () => {
      const { client, end } = await open()
      const storage = new RedisStorage({ client, prefix: `caller-${name}` })
      const limiter = createLimiter(rule, { storage, onStorageError: 'allow' })
      await expect(limiter.acquire('k', 6)).rejects.toMatchObject({ code: 'COST_TOO_LARGE' })
      await expect(limiter.acquire('k', Number.NaN)).rejects.toMatchObject({
        code: 'INVALID_OPTION',
      })
      await storage.close()
      await expect(limiter.acquire('k')).rejects.toMatchObject({ code: 'CLOSED' })
      end()
    })

    it('a script the server has forgotten is sent again, and no key is without an end', async () => {
      const { client, end } = await open()
      const storage = new RedisStorage({ client, prefix: `flush-${name}` })
      const limiter = createLimiter(slidingWindow({ rate: 3, per: '1m' }), { storage })
      for (let i = 0; i < 3; i++) {
        await redis.command('SCRIPT', 'FLUSH')
        expect(await limiter.acquire('k')).toBe(true)
      }
      await redis.command('SCRIPT', 'FLUSH')
      expect(await limiter.acquire('k')).toBe(false)
      const keys = (await redis.command('KEYS', `flush-${name}*`)) as string[]
      expect(keys).toHaveLength(1)
      expect(Number(await redis.command('PTTL', keys[0] as string))).toBeGreaterThan(50_000)
      await limiter.reset('k')
      expect(await redis.command('KEYS', `flush-${name}*`)).toEqual([])
      end()
    })

    it('a composite in one storage is one trip, all or none', async () => {
      const { client, end } = await open()
      const storage = new RedisStorage({ client, prefix: `trip-${name}` })
      const second = LimiterFactory.tokenBucket({ rate: 5, per: '1h', storage, name: 'a' })
      const minute = LimiterFactory.slidingWindow({ rate: 3, per: '1h', storage, name: 'b' })
      const limiter = LimiterFactory.composite(second, minute)
      await limiter.acquire('warm')
      const calls = async () =>
        Number(
          /cmdstat_evalsha:calls=(\d+)/.exec(
            String(await redis.command('INFO', 'commandstats')),
          )?.[1],
        )
      const before = await calls()
      expect(await limiter.acquire('k', 3)).toBe(true)
      expect(await limiter.consume('k')).toMatchObject({
        allowed: false,
        deniedBy: 'b',
        remaining: 0,
      })
      expect((await calls()) - before).toBe(2)
      expect((await second.peek('k')).remaining).toBe(2)
      await limiter.release('k', 1)
      expect(await limiter.acquire('k')).toBe(true)
      end()
    })

    it('a client that is gone is an outage, told with its cause', async () => {
      const { client, end } = await open()
      const storage = new RedisStorage({ client, timeout: '100ms' })
      end()
      const limiter = createLimiter(rule, { storage, onStorageError: 'throw' })
      const error = await limiter.acquire('k').catch((reason: unknown) => reason)
      expect(isAioFluxError(error, 'STORAGE_DOWN')).toBe(true)
    })
  })
}

describe('a storage made from a url', () => {
  it('connects when it is first asked, and closes what it has opened', async () => {
    const storage = new RedisStorage({ url: redis.url, prefix: 'url' })
    const limiter = LimiterFactory.tokenBucket({ rate: 1, per: '1h', storage })
    expect([await limiter.acquire('k'), await limiter.acquire('k')]).toEqual([true, false])
    await storage.set('a', { b: 1 })
    expect(await storage.get('a')).toEqual({ b: 1 })
    await storage.close()
    await storage.close()
    await expect(limiter.acquire('k')).rejects.toMatchObject({ code: 'CLOSED' })
  })

  it('that nobody listens to is an outage', async () => {
    const storage = new RedisStorage({ url: 'redis://127.0.0.1:1', timeout: '2s' })
    const limiter = LimiterFactory.tokenBucket({ rate: 1, storage, onStorageError: 'allow' })
    expect(await limiter.consume('k')).toMatchObject({ allowed: true, degraded: true })
    await storage.close()
  })

  it.each([
    [{}, /client or url must be given/],
    [{ client: {} }, /client must be/],
    [{ client: null }, /client must be/],
    [{ url: 'x', client: {} }, /client or url must be given/],
    [{ url: 'redis://x', prefix: '{x}' }, /prefix must be/],
    [{ url: 'redis://x', timeout: -1 }, /timeout must be/],
    [{ url: 'redis://x', timeout: 0 }, /timeout must be at least one microsecond, got 0/],
    [{ url: 'redis://x', timeout: Infinity }, /timeout must be a duration.* got Infinity/],
    [{ url: 'redis://x', timeout: null }, /timeout must be seconds or .* got null/],
    [{ url: '' }, /url must not be empty, got ''/],
    [{ url: 'redis://' }, /url must name a host, got 'redis:\/\/'/],
    [{ url: 'redis:///0' }, /url must name a host/],
    [{ url: 'rediss://:6380/0' }, /url must name a host/],
    [{ url: 'redis://me:secret@' }, /url must name a host, got 'redis:\/\/' \(string\)$/],
    [{ url: 'redis://me:secret@:6379?db=1' }, /url must name a host/],
    [{ url: 'localhost:1234' }, /url must begin with redis:.*, got 'localhost:1234' \(string\)$/],
    [{ url: 'redis:localhost' }, /url must begin with redis:.*, got 'redis:localhost' \(string\)$/],
    [{ url: '/tmp/redis.sock' }, /url must begin with redis:.*, got '\/tmp\/redis.sock'/],
    [{ url: 'me:secret@localhost:1234' }, /rediss:\/\/, got '...@localhost:1234' \(string\)$/],
    [
      { url: 'redis://me:secret@localhost:99999' },
      /url must be a url that can be read, got 'redis:\/\/\.\.\.@localhost:99999' \(string\)$/,
    ],
    [{ url: 5 }, /url must be a string, got 5/],
    [{ url: null }, /url must be a string, got null/],
    [{ url: ['redis://x'] }, /url must be a string/],
    [
      { url: 'http://me:secret@x' },
      /url must begin with redis:\/\/ or rediss:\/\/, got 'http:\/\/'/,
    ],
    [{ url: 'redis://x', name: '' }, /name must not be empty/],
    [{ url: 'redis://x', name: 7 }, /name must be a string, got 7/],
    [{ url: 'redis://x', clock: {} }, /clock must have now\(\)/],
    [{ url: 'redis://x', clock: 1 }, /clock must have now\(\)/],
    [{ url: 'redis://x', prefix: 5 }, /prefix must be a string/],
  ])('refuses %j', (options, message) => {
    expect(() => new RedisStorage(options as never)).toThrow(message)
  })
})

describe('the options of other storages', () => {
  const redis = 'redis://x'
  it.each([
    [{ redis: '' }, /redis must not be empty/],
    [{ redis: 5 }, /redis must be a RedisStorage/],
    [{ redis: 'https://x' }, /redis must begin with redis/],
    [{ redis, name: 5 }, /name must be a string, got 5/],
    [{ redis, maxKeys: 0 }, /maxKeys must be a whole number >= 1, got 0/],
    [{ redis, maxKeys: Infinity }, /maxKeys must be a whole number/],
    [{ redis, maxKeys: '5' }, /maxKeys must be a number/],
    [{ redis, lease: 0 }, /lease must be at least/],
    [{ redis, lease: 'x' }, /lease must be/],
    [{ redis, maxDenial: -1 }, /maxDenial must be/],
    [{ redis, valueTtl: null }, /valueTtl must be/],
    [{ redis, strict: 'yes' }, /strict must be true or false/],
    [{ redis, clock: {} }, /clock must have/],
    [{ redis, metrics: {} }, /metrics must have/],
  ])('HybridStorage refuses %j', (options, message) => {
    expect(() => new HybridStorage(options as never)).toThrow(message)
  })

  it.each([
    [{ maxKeys: 0 }, /maxKeys must be a whole number/],
    [{ maxKeys: 1.5 }, /maxKeys must be a whole number/],
    [{ maxKeys: '5' }, /maxKeys must be a number/],
    [{ maxKeys: null }, /maxKeys must be a number/],
    [{ name: '' }, /name must not be empty/],
    [{ name: 5 }, /name must be a string/],
    [{ clock: Date }, undefined],
    [{ clock: {} }, /clock must have now/],
    [{ metrics: {} }, /metrics must have/],
  ])('MemoryStorage refuses %j', (options, message) => {
    const make = () => new MemoryStorage(options as never)
    if (message === undefined) make()
    else expect(make).toThrow(message)
  })

  it('a timeout of a month is one, and not none', async () => {
    const client = createClient({ url: between.url, disableOfflineQueue: true })
    client.on('error', () => {})
    await client.connect()
    const storage = new RedisStorage({ client, prefix: 'month', timeout: '30d' })
    const limiter = LimiterFactory.tokenBucket({ rate: 1, storage, storageTimeout: '60d' })
    for (let i = 0; i < 100; i++) expect((await limiter.consume('k')).degraded).toBeUndefined()
    client.destroy()
    const zero = { rate: 1, storage, storageTimeout: 0 }
    expect(() => LimiterFactory.tokenBucket(zero)).toThrow(/storageTimeout must be at least/)
  })
})
