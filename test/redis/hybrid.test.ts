import { createLimiter, LimiterFactory, slidingWindow, tokenBucket } from 'aioflux'
import { HybridStorage, RedisStorage } from 'aioflux/redis'
import { ManualClock } from 'aioflux/testing'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'

const url = inject('redisUrl')
const client = new Redis(url, { lazyConnect: true })
beforeAll(async () => {
  await client.connect()
  // A storage made from a url loads it when it is first asked, which on a busy machine takes longer than an answer may.
  await import('redis')
})
afterAll(() => client.disconnect())

let count = 0
/** A storage of its own, and the way to another process's view of the same. */
function setup(options: { strict?: boolean; valueTtl?: `${number}ms` | 0 } = {}) {
  const clock = new ManualClock('1h')
  const prefix = `hybrid-${process.pid}-${count++}`
  const redis = new RedisStorage({ client, prefix, clock })
  const storage = () => new HybridStorage({ redis, clock, ...options })
  return { clock, redis, storage: storage(), other: storage() }
}

describe('limiters over a hybrid storage', () => {
  it('of several processes together grant what there is, by lots', async () => {
    const { redis, storage, other } = setup()
    const rule = tokenBucket({ rate: 1000, per: '1h' })
    const limiters = [storage, other].map((one) =>
      createLimiter(rule, { storage: one, scope: 's' }),
    )
    let granted = 0
    for (let i = 0; i < 1500; i++) if (await limiters[i % 2]?.acquire('k')) granted++
    // The clock stands still; what one still holds, the other is denied.
    expect(granted).toBeLessThanOrEqual(1000)
    expect(granted).toBeGreaterThan(990)
    await Promise.all([storage.close(), other.close()])
    const left = (await createLimiter(rule, { storage: redis, scope: 's' }).peek('k')).remaining
    expect(granted + left).toBe(1000)
  })

  it('that are closed have given everything back, and say so', async () => {
    const { redis, clock } = setup()
    const own = new Redis(url)
    const redisOverOwn = new RedisStorage({ client: own, prefix: redis.prefix, clock })
    const storage = new HybridStorage({ redis: redisOverOwn, clock })
    const rule = tokenBucket({ rate: 1000, per: '1h' })
    const limiter = createLimiter(rule, { storage, scope: 's' })
    for (let i = 0; i < 100; i++) await limiter.acquire('k')
    const there = createLimiter(rule, { storage: redis, scope: 's' })
    expect((await there.peek('k')).remaining).toBeLessThan(900)
    await storage.close()
    await storage.close()
    // What was given stays open.
    expect(own.status).toBe('ready')
    own.disconnect()
    expect((await there.peek('k')).remaining).toBe(900)
    await expect(limiter.acquire('k')).rejects.toMatchObject({ code: 'CLOSED' })
    await expect(storage.get('k')).rejects.toMatchObject({ code: 'CLOSED' })
    expect(() => storage.open(rule, 's')).toThrow('HybridStorage is closed')
  })

  it('tell what is left of the lot, and never more than there is', async () => {
    const { redis, storage } = setup()
    const rule = tokenBucket({ rate: 1000, per: '1h' })
    const limiter = createLimiter(rule, { storage, scope: 's' })
    for (let i = 1; i <= 500; i++) {
      const { allowed, remaining, resetAfter } = await limiter.consume('k')
      expect(allowed).toBe(true)
      expect(remaining).toBeLessThanOrEqual(1000 - i)
      expect(remaining).toBeGreaterThanOrEqual(0)
      expect(resetAfter).toBeGreaterThan(0)
    }
    expect((await limiter.peek('k')).remaining).toBe(500)
    expect((await limiter.getStats('k')).allowed).toBe(500)
    expect(
      (await createLimiter(rule, { storage: redis, scope: 's' }).peek('k')).remaining,
    ).toBeLessThan(500)
  })

  it('count and tell what was decided here as if Redis had', async () => {
    const { storage } = setup()
    const limiter = LimiterFactory.tokenBucket({ rate: 50, per: '1h', storage })
    const heard = { allowed: 0, denied: 0 }
    limiter.on('allowed', () => heard.allowed++)
    limiter.on('denied', () => heard.denied++)
    for (let i = 0; i < 60; i++) await (i % 2 ? limiter.acquire('k') : limiter.consume('k'))
    expect(heard).toEqual({ allowed: 50, denied: 10 })
    expect(await limiter.getStats('k')).toMatchObject({ allowed: 50, denied: 10 })
  })

  it('can be composed with what is lent out of them', async () => {
    const { storage } = setup()
    const bucket = LimiterFactory.tokenBucket({ rate: 100, per: '1h', storage, name: 'bucket' })
    const window = createLimiter(slidingWindow({ rate: 95, per: '1h' }), {
      storage,
      name: 'window',
    })
    for (let i = 0; i < 20; i++) await bucket.acquire('k')
    const both = LimiterFactory.composite(bucket, window)
    // All that is left, what was lent included.
    expect(await both.acquire('k', 80)).toBe(true)
    expect(await both.consume('k', 15)).toMatchObject({ allowed: false, deniedBy: 'bucket' })
    expect((await window.peek('k')).remaining).toBe(15)
  })
})

describe('values in two levels', () => {
  it('are read from memory until they are stale, and then from Redis', async () => {
    const { clock, storage, other } = setup({ valueTtl: '500ms' })
    await storage.set('a', { n: 1 })
    await other.set('a', { n: 2 })
    expect(await storage.get('a')).toEqual({ n: 1 })
    expect(await storage.exists('a')).toBe(true)
    clock.advance('499ms')
    expect(await storage.get('a')).toEqual({ n: 1 })
    clock.advance('1ms')
    expect(await storage.get('a')).toEqual({ n: 2 })
  })

  it('written here show here at once', async () => {
    const { storage, other } = setup()
    await storage.set('n', 1)
    expect(await storage.get('n')).toBe(1)
    expect(await storage.incr('n', 4)).toBe(5)
    expect(await storage.get('n')).toBe(5)
    expect(await storage.decr('n')).toBe(4)
    expect(await storage.get('n')).toBe(4)
    expect(await other.get('n')).toBe(4)
    expect(await storage.delete('n')).toBe(true)
    expect(await storage.get('n')).toBe(undefined)
    expect(await storage.exists('n')).toBe(false)
  })

  it('that have no JSON are refused once, and nothing is written', async () => {
    const { storage, redis } = setup()
    const circle: unknown[] = []
    circle.push(circle)
    // A promise left behind would be an unhandled rejection, which fails the run.
    for (const value of [1n, circle, { deep: 1n }, undefined, () => 1, Symbol('s'), Number.NaN]) {
      for (const values of [storage, redis]) {
        const refused = values.set('n', value)
        await expect(refused).rejects.toMatchObject({ code: 'INVALID_OPTION', option: 'value' })
      }
    }
    expect(await redis.exists('n')).toBe(false)
  })

  it('read while they are written are not kept', async () => {
    const { storage, redis } = setup()
    await redis.set('n', 1)
    const [read] = await Promise.all([storage.get('n'), storage.incr('n')])
    expect([1, 2]).toContain(read)
    expect(await storage.get('n')).toBe(2)
    await Promise.all([storage.get('n'), storage.set('n', 7), storage.get('n')])
    expect(await storage.get('n')).toBe(7)
  })

  it('are copies: who changes one changes his own', async () => {
    const { storage } = setup()
    const mine = { list: [1] }
    await storage.set('a', mine)
    mine.list.push(2)
    const got = await storage.get<typeof mine>('a')
    got?.list.push(3)
    expect(await storage.get('a')).toEqual({ list: [1] })
  })

  it('do not outlive what they are copies of', async () => {
    const { clock, storage, other } = setup()
    await storage.set('a', 1, '200ms')
    expect(await other.get('a')).toBe(1)
    clock.advance('200ms')
    await new Promise((resolve) => setTimeout(resolve, 205))
    expect(await storage.get('a')).toBe(undefined)
    expect(await other.get('a')).toBe(undefined)
  })

  it('are asked for each time when they are not to be believed', async () => {
    const { storage, other } = setup({ valueTtl: 0 })
    await storage.set('a', 1)
    await other.set('a', 2)
    expect(await storage.get('a')).toBe(2)
  })
})

describe('a hybrid storage', () => {
  it('made from a url closes what it has opened', async () => {
    const storage = new HybridStorage({ redis: url, maxKeys: 10, lease: '20ms' })
    const limiter = LimiterFactory.tokenBucket({ rate: 1000, storage, scope: `url-${process.pid}` })
    for (let i = 0; i < 100; i++) expect(await limiter.acquire('k')).toBe(true)
    await storage.close()
    await expect(limiter.acquire('k')).rejects.toMatchObject({ code: 'CLOSED' })
  })

  it('spends what it holds while Redis is away, and then leaves it to the policy', async () => {
    const own = new Redis(url)
    const storage = new HybridStorage({ redis: own })
    const limiter = LimiterFactory.tokenBucket({
      rate: 1e6,
      storage,
      scope: `away-${process.pid}`,
      onStorageError: 'allow',
    })
    for (let i = 0; i < 1000; i++) await limiter.acquire('k')
    own.disconnect()
    let here = 0
    let last = await limiter.consume('k')
    for (; !last.degraded && here < 1e6; here++) last = await limiter.consume('k')
    expect(here).toBeGreaterThan(10)
    expect(last).toMatchObject({ allowed: true, degraded: true })
    await storage.close()
  })

  it.each([
    [undefined, /options must be an object/],
    [{}, /redis must be a RedisStorage/],
    [{ redis: 42 }, /redis must be .*42 \(number\)/],
    [{ redis: {} }, /redis must be/],
    [{ redis: 'redis://x', maxKeys: 0 }, /maxKeys must be .*got 0/],
    [{ redis: 'redis://x', maxKeys: '5' }, /maxKeys must be .*'5' \(string\)/],
    [{ redis: 'redis://x', lease: 0 }, /lease must be/],
    [{ redis: 'redis://x', lease: '50' }, /lease must be .*'50' \(string\)/],
    [{ redis: 'redis://x', lease: Number.NaN }, /lease must be/],
    [{ redis: 'redis://x', strict: 'yes' }, /strict must be .*'yes' \(string\)/],
    [{ redis: 'redis://x', maxDenial: -1 }, /maxDenial must be/],
    [{ redis: 'redis://x', valueTtl: 'x' }, /valueTtl must be/],
    [{ redis: 'redis://x', clock: {} }, /clock must have/],
    [{ redis: 'redis://x', leases: '1s' }, /leases is not an option/],
  ])('refuses %j', (options, message) => {
    expect(() => new HybridStorage(options as never)).toThrow(message)
    expect(() => new HybridStorage(options as never)).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTION' }),
    )
  })
})
