import { LimiterFactory, QueueFactory } from 'aioflux'
import { RedisStorage } from 'aioflux/redis'
import { ManualClock } from 'aioflux/testing'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import type { Declaration } from '../../../src/queues/store/queue-storage.ts'
import { clients, type OpenClient } from '../../support/clients.ts'
import { canStartRedis, startRedis } from '../../support/redis-server.ts'
import { redisCommand } from '../../support/resp.ts'
import { until } from '../../support/until.ts'
import { draft, ENDLESS, openStore } from './queue-support.ts'

describe('the processes of a queue agree', () => {
  let open: OpenClient
  const opened: { close(): Promise<void> }[] = []
  beforeAll(async () => {
    open = await clients.ioredis(inject('redisUrl'))
  })
  afterAll(async () => {
    await Promise.all(opened.map((one) => one.close()))
    open.end()
  })

  function processOf(name: string, declaration: Declaration, clock?: ManualClock) {
    const one = openStore(open.client, { name, declaration, ...(clock && { storage: { clock } }) })
    opened.push(one)
    return one.store
  }
  const fresh = () => `q-${crypto.randomUUID()}`

  it('what one leaves out it takes from the others', async () => {
    const name = fresh()
    const a = processOf(name, { groupConcurrency: 2, maxDeliveries: 7 })
    await a.ready()
    const b = processOf(name, { keepDead: { age: Infinity, count: 3 } })
    await b.ready()
    expect(b.agreed).toEqual({
      codec: 'json',
      groupConcurrency: 2,
      maxDeliveries: 7,
      keepDead: { age: Infinity, count: 3 },
    })
  })

  it.each<[string, Declaration, Declaration, RegExp]>([
    [
      'groupConcurrency',
      { groupConcurrency: 2 },
      { groupConcurrency: 3 },
      /groupConcurrency.* 2, got 3/,
    ],
    ['the kind', { kind: 'fifo' }, { kind: 'priority' }, /kind.* fifo, got priority/],
    ['maxDeliveries', { maxDeliveries: 2 }, { maxDeliveries: 1 }, /maxDeliveries.* 2, got 1/],
    ['the codec', {}, { codec: 'zip' }, /codec.* json, got zip/],
    ['mode', { dedupeMode: 'latest' }, { dedupeMode: 'ttl' }, /mode.* latest, got ttl/],
  ])(
    '%s that differs is refused with both values, and nothing is written',
    async (_, a, b, message) => {
      const name = fresh()
      await processOf(name, a).ready()
      const other = processOf(name, b)
      await expect(other.ready()).rejects.toThrow(message)
      await expect(other.insert([draft(1)], ENDLESS)).rejects.toThrow(message)
      await expect(other.claim(1, 1000)).rejects.toThrow(message)
      await expect(other.counts()).rejects.toThrow(message)
      const third = processOf(name, {})
      expect(await third.counts()).toMatchObject({ waiting: 0 })
    },
  )

  it('a declaration lasts while a process lives that made it', async () => {
    const name = fresh()
    const clock = new ManualClock(1_800_000_000)
    await processOf(name, { groupConcurrency: 2 }, clock).ready()
    const b = processOf(name, { groupConcurrency: 3 }, clock)
    await expect(b.ready()).rejects.toThrow(/got 3/)
    clock.advance('31s')
    await b.ready()
    expect(b.agreed.groupConcurrency).toBe(3)
    const c = openStore(open.client, { name, storage: { clock } })
    await c.store.ready()
    await b.close()
    await c.store.redeclare({ groupConcurrency: 4 })
    expect(c.store.agreed.groupConcurrency).toBe(4)
    await c.close()
  })

  it('redeclare changes it for all while they run', async () => {
    const name = fresh()
    const a = processOf(name, { groupConcurrency: 1 })
    await a.insert(
      [1, 2, 3, 4].map((i) => draft(i, { group: 'g' })),
      ENDLESS,
    )
    expect(await a.claim(9, 30_000)).toHaveLength(1)
    const b = processOf(name, {})
    await b.redeclare({ groupConcurrency: 3 })
    expect(await a.claim(9, 30_000)).toHaveLength(2)
    await until('news of the change', () => a.agreed.groupConcurrency === 3)
    expect(await b.audit()).toEqual([])
  })

  it('another layout is refused', async () => {
    const name = fresh()
    const a = processOf(name, {})
    await a.insert([draft(1)], ENDLESS)
    await redisCommand(inject('redisUrl'), ['HSET', `queues:{queue:${name}}:meta`, 'version', '2'])
    await expect(a.insert([draft(1)], ENDLESS)).rejects.toMatchObject({ code: 'LAYOUT' })
    await expect(a.claim(1, 1000)).rejects.toThrow(/layout 2/)
    await expect(processOf(name, {}).ready()).rejects.toThrow(/layout 2/)
  })

  it('what was refused to a renewal is taken as soon as the server agrees again', async () => {
    const name = fresh()
    const a = processOf(name, {})
    const meta = `queues:{queue:${name}}:meta`
    const say = (...command: string[]) => redisCommand(inject('redisUrl'), command)
    let heard = 0
    const off = a.watch({ paused: () => heard++ })
    await a.insert([draft(1)], ENDLESS)
    await until('it listens', async () => Number(await say('PUBLISH', `${meta}:*`, 'w')) > 0)
    await say('HSET', meta, 'version', '2')
    // The second message comes after the first: by then the renewal is on its way, and counts() behind it.
    await say('PUBLISH', `${meta}:*`, 'd')
    await say('PUBLISH', `${meta}:*`, 'p1')
    await until('both were heard', () => heard > 0)
    await expect(a.counts()).rejects.toMatchObject({ code: 'LAYOUT' })
    await say('HSET', meta, 'version', '1')
    expect(await a.counts()).toMatchObject({ waiting: 1 })
    off()
  })

  it('an item that does not encode, or is too large, is named and nothing is kept', async () => {
    const one = openStore(open.client, { maxItemBytes: 10 })
    opened.push(one)
    const put = (item: unknown) => one.store.insert([draft('ok'), draft(item)], ENDLESS)
    await expect(put('x'.repeat(20))).rejects.toThrow(/maxItemBytes.* got 22/)
    await expect(put(1n)).rejects.toThrow(/item cannot be encoded.*json/)
    await expect(put(undefined)).rejects.toThrow(/JSON value/)
    await expect(put(new Uint8Array(11))).rejects.toThrow(/got 11/)
    expect(await one.store.counts()).toMatchObject({ waiting: 0 })
  })

  it('a limit is that of the limiter itself, shared with its other callers', async () => {
    const storage = new RedisStorage({ client: open.client, prefix: 'queues' })
    const limiter = LimiterFactory.tokenBucket({ rate: 0.001, burst: 3, scope: fresh(), storage })
    const slots = LimiterFactory.concurrency({ limit: 2, scope: fresh(), storage })
    const foreign = LimiterFactory.tokenBucket({ rate: 1 })
    expect(storage.queues.limitOf(foreign, true)).toBeUndefined()
    await limiter.acquire('user-1', 2)
    const a = processOf(fresh(), { limiter: storage.queues.limitOf(limiter, true)! })
    await a.insert(
      ['user-1', 'user-1', 'user-2'].map((key) => draft(key, { limiterKey: key })),
      ENDLESS,
    )
    expect((await a.claim(9, 30_000)).map(({ record }) => record.item)).toEqual([
      'user-1',
      'user-2',
    ])
    expect(await limiter.acquire('user-1')).toBe(false)
    expect((await limiter.peek('user-2')).remaining).toBe(2)
    await expect(a.insert([draft('dear', { cost: 4 })], ENDLESS)).rejects.toMatchObject({
      code: 'COST_TOO_LARGE',
    })

    const b = processOf(fresh(), { limiter: storage.queues.limitOf(slots, false)! })
    await slots.acquire()
    await b.insert([draft(1), draft(2)], ENDLESS)
    const claims = await b.claim(9, 30_000)
    expect(claims).toHaveLength(1)
    expect(await slots.acquire()).toBe(false)
    await b.settle([{ claim: claims[0]!, ending: { outcome: 'completed', value: 1 } }])
    expect(await slots.acquire()).toBe(true)
    expect(await b.claim(9, 30_000)).toHaveLength(0)
    await slots.close()
    await storage.close()
  })

  it.each([true, false])(
    'a key that is unblocked is heard of within 10 s, keyed: %s',
    async (keyed) => {
      const clock = new ManualClock('1h')
      const storage = new RedisStorage({ client: open.client, prefix: 'queues', clock })
      const limiter = LimiterFactory.tokenBucket({ rate: 100, scope: fresh(), storage })
      const store = processOf(fresh(), { limiter: storage.queues.limitOf(limiter, keyed)! }, clock)
      await limiter.block(keyed ? 'user-1' : '', '1h')
      await store.insert([draft('x', keyed ? { limiterKey: 'user-1' } : {})], ENDLESS)
      expect(await store.claim(9, 30_000)).toEqual([])
      await limiter.unblock(keyed ? 'user-1' : '')
      clock.advance('10.001s')
      expect(await store.claim(9, 30_000)).toHaveLength(1)
      await storage.close()
    },
  )

  it('a limiter that learns is asked itself: the queue would keep the numbers of now', async () => {
    const storage = new RedisStorage({ client: open.client, prefix: 'queues' })
    const common = { scope: fresh(), storage }
    const rate = LimiterFactory.adaptive({ initialRate: 20, ...common })
    const permits = LimiterFactory.adaptiveConcurrency({ initialLimit: 4, ...common })
    for (const limiter of [rate, permits]) {
      const name = fresh()
      const limiterKey = () => ''
      const keyed = { storage, name, limiter, limiterKey, handler: () => {} }
      expect(() => QueueFactory.fifo(keyed)).toThrow(/limiter .* cannot be asked by key/)
      await using queue = QueueFactory.fifo<number, void>({
        storage,
        name,
        limiter,
        // What its handlers tell counts, as the limiter has let them through.
        handler: () => limiter.reportError(),
      })
      await queue.start()
      await Promise.all(Array.from({ length: 12 }, (_, i) => queue.submit(i)))
      expect((await limiter.getStats()).allowed).toBeGreaterThanOrEqual(12)
    }
    await until('it has learnt', async () => (await rate.peek()) && rate.currentRate === 10)
    for (const one of [rate, permits, storage]) await one.close()
  })
})

describe.skipIf(!(await canStartRedis()))('a server without memory', () => {
  it('refuses puts, and lets all else go on', async () => {
    await using redis = await startRedis()
    const { client, end } = await clients.ioredis(redis.url)
    const one = openStore(client)
    const { store } = one
    await store.insert(
      Array.from({ length: 20 }, (_, i) => draft(i)),
      ENDLESS,
    )
    const claims = await store.claim(10, 30_000)
    await redis.command('CONFIG', 'SET', 'maxmemory', '1mb')
    const full = { code: 'STORAGE_FULL' }
    await expect(store.insert([draft(1)], ENDLESS)).rejects.toMatchObject(full)
    await expect(store.insert([draft(1, { delay: 5 }), draft(2)], ENDLESS)).rejects.toMatchObject(
      full,
    )
    expect(await store.counts()).toMatchObject({ waiting: 10, running: 10, delayed: 0 })
    expect(await store.extend(claims, 30_000)).not.toContain(false)
    const error = { name: 'E', message: 'no' }
    const ends = claims.map((claim, i) => ({
      claim,
      ending:
        i % 2 === 0
          ? ({ outcome: 'completed', value: i } as const)
          : ({ outcome: 'retry', delay: 0, error } as const),
    }))
    expect(await store.settle(ends)).not.toContain(false)
    expect(await store.claim(20, 30_000)).toHaveLength(15)
    await redis.command('CONFIG', 'SET', 'maxmemory', '0')
    expect(await store.audit()).toEqual([])
    await one.close()
    end()
  })

  it('that evicts is refused at the start', async () => {
    await using redis = await startRedis({
      args: ['--maxmemory', '100mb', '--maxmemory-policy', 'allkeys-lru'],
    })
    const { client, end } = await clients.ioredis(redis.url)
    const one = openStore(client)
    await expect(one.store.ready()).rejects.toThrow(/allkeys-lru.*noeviction/)
    await expect(one.store.insert([draft(1)], ENDLESS)).rejects.toThrow(/allkeys-lru/)
    await one.close()
    end()
  })
})
