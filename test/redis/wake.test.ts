import { LimiterFactory } from 'aioflux'
import { type RedisClientLike, RedisStorage } from 'aioflux/redis'
import { ManualClock } from 'aioflux/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { permits } from '../../src/rules/permits.ts'
import { clients, libraries } from '../support/clients.ts'
import { canStartRedis, type RedisServer, startRedis } from '../support/redis-server.ts'
import { until } from '../support/until.ts'

describe.skipIf(!(await canStartRedis()))('those who wait are woken', () => {
  let redis: RedisServer
  beforeAll(async () => {
    redis = await startRedis()
  })
  afterAll(() => redis.stop())

  const listeners = async () =>
    String(await redis.command('CLIENT', 'LIST', 'TYPE', 'pubsub')).split('\n').length - 1

  describe.each(libraries)('%s', (library) => {
    const open: { end(): void }[] = []
    afterAll(() => {
      for (const one of open) one.end()
    })

    /** A process, as far as Redis can tell, whose clock stands still: it never asks because time has passed. */
    async function processOf(prefix: string, options: object = {}) {
      const { client, end } = await clients[library](redis.url, options)
      const storage = new RedisStorage({ client, prefix })
      const clock = new ManualClock()
      open.push({ end: () => void storage.close().then(end) })
      const limiter = LimiterFactory.concurrency({ limit: 1, storage, clock })
      return { limiter, storage, clock, ledger: storage.open(permits({ limit: 1 }), 'aioflux') }
    }
    type Process = Awaited<ReturnType<typeof processOf>>

    /** Whoever waits for `k` there has begun to listen, asked once more, and been denied. */
    async function asleep({ ledger }: Process): Promise<void> {
      const watch = ledger.watch('k', () => {})
      await until('a live watch', () => watch.live)
      await ledger.run('peek', 'k', 1, 0)
      watch.end()
    }
    const prefix = () => `wake:${crypto.randomUUID()}`

    it('by what another process gives back, one after the other', async () => {
      const name = prefix()
      const [a, b] = [await processOf(name), await processOf(name)]
      await a.limiter.acquire('k')
      const order: number[] = []
      const all = [1, 2, 3].map((i) => b.limiter.schedule('k', () => void order.push(i)))
      await asleep(b)
      expect(order).toEqual([])
      await a.limiter.release('k')
      await Promise.all(all)
      expect(order).toEqual([1, 2, 3])
      expect(await listeners()).toBe(1)
      await b.storage.close()
      await until('end of the listener', async () => (await listeners()) === 0)
    })

    it('by a reset', async () => {
      const name = prefix()
      const [a, b] = [await processOf(name), await processOf(name)]
      await a.limiter.acquire('k')
      const waits = b.limiter.permit('k')
      await asleep(b)
      await a.limiter.reset('k')
      ;(await waits).release()
      await b.storage.close()
    })

    it('whatever the client puts before its keys', async () => {
      const name = prefix()
      const options = library === 'ioredis' ? { keyPrefix: 'mine:' } : {}
      const [a, b] = [await processOf(name, options), await processOf(name, options)]
      await a.limiter.acquire('k')
      const waits = b.limiter.wait('k')
      await asleep(b)
      await a.limiter.release('k')
      await waits
      await b.storage.close()
    })

    it('when the connection they listen on is back: they may have missed it', async () => {
      const { storage, ledger } = await processOf(prefix())
      let called = 0
      const watch = ledger.watch('k', () => {
        called += 1
      })
      await until('a live watch', () => watch.live)
      const before = called
      await redis.command('CLIENT', 'KILL', 'TYPE', 'pubsub')
      await until('a live watch again', () => called > before && watch.live)
      const again = called
      await ledger.run('refund', 'k', 1, 1)
      await until('a call', () => called > again)
      await storage.close()
      expect(watch.live).toBe(false)
    })

    it('a watch that has ended hears nothing, others of its key still do; the channel goes a while later', async () => {
      const { storage, ledger } = await processOf(prefix())
      const heard = { first: 0, other: 0 }
      const first = ledger.watch('k', () => void heard.first++)
      const other = ledger.watch('k', () => void heard.other++)
      await until('live watches', () => first.live && other.live)
      first.end()
      const before = { ...heard }
      await ledger.run('refund', 'k', 1, 1)
      await until('a call', () => heard.other > before.other)
      expect(heard.first).toBe(before.first)
      other.end()
      const channels = () => redis.command('PUBSUB', 'CHANNELS', `${storage.prefix}*`)
      expect(await channels()).toHaveLength(1)
      await until('no channel', async () => ((await channels()) as string[]).length === 0)
      await storage.close()
    })

    it('no right to publish: what is given back is given back', async () => {
      await redis.command('ACL', 'SETUSER', library, 'on', '>pw', '~*', '+@all', 'resetchannels')
      const url = redis.url.replace('://', `://${library}:pw@`)
      const { client, end } = await clients[library](url)
      const storage = new RedisStorage({ client, prefix: prefix() })
      open.push({ end: () => void storage.close().then(end) })
      const clock = new ManualClock()
      const limiter = LimiterFactory.concurrency({ limit: 1, storage, clock })
      await limiter.acquire('k')
      const waits = limiter.wait('k')
      await limiter.release('k')
      let served = false
      void waits.then(() => {
        served = true
      })
      // Nobody can wake it, so it asks by itself.
      await until('the wait', async () => {
        await clock.advanceAsync('50ms')
        return served
      })
    })
  })

  it('a client that cannot listen: those who wait ask by themselves', async () => {
    const { client, end } = await clients.ioredis(redis.url)
    const { evalsha, eval: whole } = client as unknown as Record<string, CallableFunction>
    const bare = {
      evalsha: evalsha?.bind(client),
      eval: whole?.bind(client),
    } as unknown as RedisClientLike
    const clock = new ManualClock()
    const limiter = LimiterFactory.concurrency({
      limit: 1,
      clock,
      storage: new RedisStorage({ client: bare, prefix: 'bare' }),
    })
    await limiter.acquire('k')
    let served = false
    const waits = limiter.wait('k').then(() => {
      served = true
    })
    await limiter.release('k')
    await until('the wait', async () => {
      await clock.advanceAsync('50ms')
      return served
    })
    await waits
    end()
  })
})
