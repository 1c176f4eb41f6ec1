import { QueueFactory } from 'aioflux'
import { RedisStorage } from 'aioflux/redis'
import { ManualClock } from 'aioflux/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Claim, Outcome, StoreListener } from '../../../src/queues/store/job-store.ts'
import { clients, libraries } from '../../support/clients.ts'
import { canStartRedis, type RedisServer, startRedis } from '../../support/redis-server.ts'
import { proxy } from '../../support/tcp-proxy.ts'
import { until } from '../../support/until.ts'
import { draft, ENDLESS, openStore } from './queue-support.ts'

describe.skipIf(!(await canStartRedis()))('news between processes', () => {
  let redis: RedisServer
  beforeAll(async () => {
    redis = await startRedis({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] })
  })
  afterAll(() => redis.stop())

  describe.each(libraries)('%s', (library) => {
    const ends: (() => Promise<void>)[] = []
    afterAll(async () => {
      for (const end of ends) await end()
    })

    async function processOf(name: string, url = redis.url) {
      const { client, end } = await clients[library](url)
      // An own id is free again when its job has ended.
      const { store, close } = openStore(client, { name, idTtl: 0 })
      ends.push(async () => {
        await close()
        end()
      })
      const told = {
        available: 0,
        troubles: [] as unknown[],
        cancelled: [] as [string, number, unknown][],
      }
      const settled = new Map<string, Outcome>()
      store.watch({
        available: () => {
          told.available += 1
        },
        settled: (id, outcome) => settled.set(id, outcome),
        cancelled: (id, delivery, reason) => told.cancelled.push([id, delivery, reason]),
        trouble: (error) => told.troubles.push(error),
      })
      return { store, told, settled, client }
    }
    const fresh = () => `q-${crypto.randomUUID()}`

    it('a put wakes an idle process', async () => {
      const name = fresh()
      const [a, b] = [await processOf(name), await processOf(name)]
      expect(await b.store.claim(1, 1000)).toEqual([])
      const before = b.told.available
      await a.store.insert([draft(1)], ENDLESS)
      await until('a hint', () => b.told.available > before)
      expect(await b.store.claim(1, 1000)).toHaveLength(1)
    })

    it('a delayed job wakes when it is due, and not before', async () => {
      const { store, told } = await processOf(fresh())
      // Before the put: the server counts from there, and its answer may take a while.
      const began = performance.now()
      await store.insert([draft(1, { delay: 60 })], ENDLESS)
      let claims: Claim[] = []
      claims = await store.claim(1, 1000)
      while (claims.length === 0) {
        const before = told.available
        await until('a hint', () => told.available > before, { every: 1 })
        claims = await store.claim(1, 1000)
      }
      expect(performance.now() - began).toBeGreaterThanOrEqual(58)
    })

    const error = { name: 'Error', message: 'not yet' }

    it.each([
      ['of this process', { outcome: 'retry', delay: 60_000, error }],
      ['of this process', { outcome: 'released', delay: 60_000, punctual: true }],
      ['of another', { outcome: 'retry', delay: 60_000, error }],
      ['of another', { outcome: 'released', delay: 60_000, punctual: true }],
    ] as const)(
      'a job that is due again wakes the process that looks, %s: %o',
      async (which, ending) => {
        const name = fresh()
        const worker = await processOf(name)
        const { store, told } = which === 'of another' ? await processOf(name) : worker
        await worker.store.insert([draft(1)], ENDLESS)
        const [claim] = (await worker.store.claim(1, 60_000)) as [Claim]
        // Nothing is there: it looks again in a second.
        expect(await store.claim(1, 1000)).toEqual([])
        const before = told.available
        expect(await worker.store.settle([{ claim, ending }])).toEqual([true])
        await until('a hint', () => told.available > before, { within: 600 })
      },
    )

    it('results reach those that asked, before and after the end, small and large', async () => {
      const name = fresh()
      const [a, b] = [await processOf(name), await processOf(name)]
      const large = 'x'.repeat(10_000)
      const put = await a.store.insert(
        [draft('small', { awaited: true }), draft('large', { awaited: true }), draft('later')],
        ENDLESS,
      )
      const [small, big, later] = put.map(({ id }) => id) as [string, string, string]
      const claims = await b.store.claim(3, 30_000)
      expect(await a.store.outcome(later)).toBeUndefined()
      const values = ['s', large, new Uint8Array([1, 255])]
      await b.store.settle(
        claims.map((claim, i) => ({ claim, ending: { outcome: 'completed', value: values[i] } })),
      )
      await until('results', () => a.settled.size === 3)
      expect([small, big, later].map((id) => a.settled.get(id))).toEqual(
        values.map((value) => ({ state: 'completed', value })),
      )
      expect(await b.store.outcome(small)).toEqual({ state: 'completed', value: 's' })
      expect(await b.store.outcome('unknown')).toEqual({ state: 'gone' })
    })

    it('a result that cannot be written is told as a failure of the job that has completed', async () => {
      const { store, settled } = await processOf(fresh())
      const [put] = await store.insert([draft(1, { awaited: true })], ENDLESS)
      const [claim] = (await store.claim(1, 1000)) as [Claim]
      expect(await store.settle([{ claim, ending: { outcome: 'completed', value: 1n } }])).toEqual([
        true,
      ])
      const outcome = await until('a result', () => settled.get(put!.id))
      expect(outcome).toMatchObject({
        state: 'failed',
        error: { message: /result cannot be encoded/ },
      })
      expect(await store.counts()).toMatchObject({ completed: 1, failed: 0 })
    })

    it('results and work arrive though the connection that listens is killed all the time', async () => {
      const name = fresh()
      const [a, b] = [await processOf(name), await processOf(name)]
      const kill = setInterval(
        () => void redis.command('CLIENT', 'KILL', 'TYPE', 'pubsub').catch(() => {}),
        30,
      )
      const work = async () => {
        for (const claim of await b.store.claim(9, 30_000)) {
          await b.store.settle([
            { claim, ending: { outcome: 'completed', value: claim.record.item } },
          ])
        }
      }
      const stop = b.store.watch({ available: () => void work() })
      await work()
      const puts = await a.store.insert(
        [1, 2, 3].map((i) => draft(i, { awaited: true })),
        ENDLESS,
      )
      await until('results', () => a.settled.size === 3)
      expect(puts.map(({ id }) => a.settled.get(id))).toMatchObject([
        { value: 1 },
        { value: 2 },
        { value: 3 },
      ])
      clearInterval(kill)
      stop()
    })

    it('a cancel reaches the process that runs the job, and one that waits never starts', async () => {
      const name = fresh()
      const [a, b] = [await processOf(name), await processOf(name)]
      await a.store.insert([draft('runs'), draft('waits')], ENDLESS)
      const [claim] = (await b.store.claim(1, 30_000)) as [Claim]
      const waiting = (await a.store.list('waiting', 1)).jobs[0]!
      expect(await a.store.cancel(waiting.id, 'no')).toBe(true)
      expect(await a.store.cancel(claim.record.id, { why: 'enough' })).toBe(true)
      await until('cancelled', () => b.told.cancelled.length > 0)
      expect(b.told.cancelled[0]).toEqual([claim.record.id, 1, { why: 'enough' }])
      await b.store.settle([{ claim, ending: { outcome: 'released', delay: 0 } }])
      expect(await b.store.claim(9, 1000)).toEqual([])
      expect(await a.store.counts()).toMatchObject({ waiting: 0, running: 0, dead: 0 })
    })

    /** What is told late is told by hand here. */
    async function channels(name: string) {
      const all = (await redis.command('PUBSUB', 'CHANNELS', `*${name}*`)) as string[]
      const shared = all.find((channel) => channel.endsWith(':*')) as string
      return { shared, own: all.filter((channel) => channel !== shared) }
    }

    it('a result that is told late is not that of a later job of that id', async () => {
      const name = fresh()
      const { store, settled } = await processOf(name)
      const put = () => store.insert([draft(1, { id: 'x', awaited: true })], ENDLESS)
      const [first] = await put()
      expect(await store.cancel('x', 'no')).toBe(true)
      await until('the end', () => settled.has('x'))
      settled.clear()
      const [second] = await put()
      expect(second?.state).toBe('waiting')
      const { own } = await channels(name)
      for (const channel of own) {
        await redis.command('PUBLISH', channel, `rx\n${first?.at}\nxj"late"`)
      }
      const ask = await store.outcome('x')
      expect(ask).toBeUndefined()
      // It is told when it was, so that who waits for the later job can tell.
      const [claim] = (await store.claim(1, 1000)) as [Claim]
      await store.settle([{ claim, ending: { outcome: 'completed', value: 'second' } }])
      await until('the end', () => settled.get('x')?.state === 'completed')
      expect(settled.get('x')).toMatchObject({ state: 'completed', value: 'second' })
    })

    it('who submits a job again is not told how the one before ended', async () => {
      const name = fresh()
      const { client } = await processOf(name)
      const storage = new RedisStorage({ client, prefix: 'queues' })
      const queue = QueueFactory.fifo<string, string>({ name, storage })
      const result = queue.submit('x', { id: 'x' })
      await until('the put', async () => (await queue.counts()).waiting === 1)
      for (const channel of (await channels(name)).own) {
        await redis.command('PUBLISH', channel, 'rx\n1\nxj"late"')
      }
      const worker = QueueFactory.fifo<string, string>({ name, storage, handler: (item) => item })
      await worker.start()
      expect(await result).toBe('x')
      await Promise.all([queue.stop(), worker.stop()])
      await storage.close()
    })

    it('a hint that comes before the older answer that there is nothing is not lost', async () => {
      const name = fresh()
      const { client, store } = await processOf(name)
      const storage = new RedisStorage({ client, prefix: 'queues' })
      const open = storage.queues.open.bind(storage.queues)
      storage.queues.open = (options) => {
        const own = open(options)
        let told: StoreListener = {}
        const watch = own.watch.bind(own)
        const claim = own.claim.bind(own)
        // It hears nothing but that one hint, and by its clock no time passes.
        own.watch = (listener) => {
          told = listener
          return watch({})
        }
        own.claim = async (...asked) => {
          const claims = await claim(...asked)
          if (claims.length > 0) return claims
          await store.insert([draft(1)], ENDLESS)
          told.available?.()
          return claims
        }
        return own
      }
      const queue = QueueFactory.fifo<number>({ name, storage, clock: new ManualClock() })
      const [claim] = await queue.claim()
      expect(claim?.item).toBe(1)
      await queue.stop()
      await storage.close()
    })

    it('a result that is told before the answer to its put reaches who awaits it', async () => {
      const name = fresh()
      const { client } = await processOf(name)
      const storage = new RedisStorage({ client, prefix: 'queues' })
      const open = storage.queues.open.bind(storage.queues)
      storage.queues.open = (options) => {
        const own = open(options)
        let told: StoreListener = {}
        const insert = own.insert.bind(own)
        own.watch = (listener) => {
          told = listener
          return () => {}
        }
        own.insert = async (...drafts) => {
          const inserted = await insert(...drafts)
          for (const { id } of inserted)
            told.settled?.(id, { state: 'completed', value: 7 }, Infinity)
          return inserted
        }
        return own
      }
      const queue = QueueFactory.fifo<number, number>({ name, storage })
      expect(await queue.submit(1)).toBe(7)
      await queue.stop()
      await storage.close()
    })

    it('claims whose answer comes when their lease is over go back, and are claimed again', async () => {
      await using slow = await proxy(redis.port)
      const { client, end } = await clients[library](slow.url)
      const storage = new RedisStorage({ client, prefix: 'queues', timeout: '10s' })
      const done: number[] = []
      const queue = QueueFactory.fifo<number>({
        ...{ name: fresh(), storage, workers: 2, lease: '100ms', maxDeliveries: 1000 },
        handler: (item) => {
          done.push(item)
        },
      })
      const [first] = await queue.putMany([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
      slow.latency(250)
      await queue.start()
      await until('a claim', async () => {
        const info = await queue.job(first?.id ?? '')
        return info !== undefined && info.deliveries > 0
      })
      expect(done).toEqual([])
      slow.latency(0)
      await until('all of them', () => done.length >= 10)
      await queue.stop()
      await storage.close()
      end()
    })

    it('a cancel that is told late does not reach a later job of that id', async () => {
      const name = fresh()
      const { store, told } = await processOf(name)
      const put = () => store.insert([draft(1, { id: 'x' })], ENDLESS)
      await put()
      const [first] = (await store.claim(1, 30_000)) as [Claim]
      const reasons = () => [...new Set(told.cancelled.map(([, , reason]) => reason))]
      // Until it is heard: the subscription may not stand yet.
      await until('the cancel', async () => {
        await store.cancel('x', 'no')
        return reasons().length === 1
      })
      await store.settle([{ claim: first, ending: { outcome: 'released', delay: 0 } }])
      await put()
      const [second] = (await store.claim(1, 30_000)) as [Claim]
      const { shared } = await channels(name)
      const place = first.token.split('\u0004')[0]
      await redis.command('PUBLISH', shared, `c${place}\nj"late"`)
      await store.cancel('x', 'again')
      await until('the cancel', () => reasons().length > 1)
      expect(reasons()).toEqual(['no', 'again'])
      expect(second.token).not.toBe(first.token)
    })

    it('after an outage it goes on by itself: what had ended is told then, puts fail at once', async () => {
      const { store, told } = await processOf(fresh())
      await store.insert([draft(1, { awaited: true }), draft(2)], ENDLESS)
      const [claim, other] = (await store.claim(2, 30_000)) as [Claim, Claim]
      await redis.kill()
      const settled = store.settle([{ claim, ending: { outcome: 'completed', value: 'late' } }])
      const held = store.extend([other], 30_000)
      expect(await store.claim(1, 1000)).toEqual([])
      await expect(store.insert([draft(3)], ENDLESS)).rejects.toMatchObject({
        code: 'STORAGE_DOWN',
      })
      await expect(store.counts()).rejects.toMatchObject({ code: 'STORAGE_DOWN' })
      expect(told.troubles).toHaveLength(1)
      const reached = store.lastReached
      await redis.restart()
      expect(await settled).toEqual([true])
      expect(await held).toEqual([true])
      await until('the end of the trouble', () => told.troubles.at(-1) === undefined)
      expect(store.lastReached).toBeGreaterThan(reached ?? Infinity)
      // The client may have sent the put later, when nobody waited for it any more.
      expect(await store.counts()).toMatchObject({ completed: 1, dead: 0 })
      expect(await store.audit()).toEqual([])
    })

    it('a reply that was lost ends nothing twice, and an end counts once', async () => {
      await using bad = await proxy(redis.port)
      const { store } = await processOf(fresh(), bad.url)
      await store.insert([draft(1), draft(2)], ENDLESS)
      const claims = await store.claim(2, 30_000)
      bad.dropReplies(true)
      const settled = store.settle(
        claims.map((claim) => ({ claim, ending: { outcome: 'completed', value: 1 } })),
      )
      await until('a lost reply', () => bad.lost > 0)
      bad.dropReplies(false)
      expect(await settled).toEqual([true, true])
      expect(await store.counts()).toMatchObject({ completed: 2, running: 0 })
    })

    it('scripts that the server has forgotten are sent again', async () => {
      const { store } = await processOf(fresh())
      for (let i = 0; i < 5; i++) {
        await redis.command('SCRIPT', 'FLUSH')
        await store.insert([draft(i)], ENDLESS)
        await redis.command('SCRIPT', 'FLUSH')
        const [claim] = (await store.claim(1, 1000)) as [Claim]
        expect(await store.settle([{ claim, ending: { outcome: 'completed', value: i } }])).toEqual(
          [true],
        )
      }
    })

    it('an item that cannot be read is a dead job with a reason, and the next one goes on', async () => {
      const name = fresh()
      const { store, client } = await processOf(name)
      const mean = openStore(client, {
        name,
        codec: {
          name: 'json',
          encode: JSON.stringify,
          decode(data) {
            const item: unknown = JSON.parse(data as string)
            if (item === 'bad') throw new Error('unreadable')
            return item
          },
        },
      })
      await store.insert([draft('bad'), draft('good')], ENDLESS)
      const claims = await mean.store.claim(2, 30_000)
      expect(claims.map(({ record }) => record.item)).toEqual(['good'])
      await until('a dead job', async () => (await store.counts()).dead === 1)
      const [dead] = (await store.list('dead', 1)).jobs
      expect(dead).toMatchObject({
        item: 'bad',
        error: { message: /cannot be decoded: unreadable/ },
      })
      await mean.close()
    })
  })
})
