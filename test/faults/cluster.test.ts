import { createLimiter, slidingWindow, tokenBucket } from 'aioflux'
import { type RedisClientLike, RedisStorage } from 'aioflux/redis'
import { ManualClock, storageExam } from 'aioflux/testing'
import { Cluster, type NatMap } from 'ioredis'
import { createCluster } from 'redis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { tagOf } from '../../src/redis/key-name.ts'
import type { OpenClient } from '../support/clients.ts'
import { figure, short } from '../support/figure.ts'
import { type RedisCluster, startCluster } from '../support/redis-cluster.ts'
import { canStartRedis } from '../support/redis-server.ts'
import { proxy } from '../support/tcp-proxy.ts'
import { sleep } from '../support/time.ts'
import { until } from '../support/until.ts'

const possible = await canStartRedis()

const libraries = {
  async 'node-redis'(cluster: RedisCluster): Promise<OpenClient> {
    const client = createCluster({ rootNodes: cluster.nodes.map(({ url }) => ({ url })) })
    client.on('error', () => {})
    await client.connect()
    return { client: client as unknown as RedisClientLike, end: () => void client.destroy() }
  },
  async ioredis(cluster: RedisCluster, natMap: NatMap = {}): Promise<OpenClient> {
    const nodes = cluster.nodes.map(({ host, port }) => ({ host, port }))
    const client = new Cluster(nodes, { natMap, lazyConnect: true })
    client.on('error', () => {})
    await client.connect()
    return { client, end: () => client.disconnect() }
  },
}

describe.skipIf(!possible)('three masters', () => {
  let cluster: RedisCluster
  beforeAll(async () => {
    cluster = await startCluster()
  })
  afterAll(() => cluster?.stop())

  for (const [name, open] of Object.entries(libraries)) {
    describe(`exam, ${name}`, () => {
      let opened: OpenClient
      let count = 0
      beforeAll(async () => {
        opened = await open(cluster)
      })
      afterAll(() => opened?.end())
      const exam = storageExam(() => {
        const clock = new ManualClock('1h')
        const prefix = `exam-${name}-${count++}`
        return {
          storage: new RedisStorage({ client: opened.client, clock, prefix }),
          clock,
          advance: async (duration) => {
            await clock.advanceAsync(duration)
            await sleep(20)
            await clock.advanceAsync(0)
          },
          advanceValues: (duration) => sleep(Number.parseInt(String(duration), 10) + 5),
        }
      })
      for (const law of exam) it(law.name, () => law.run())
    })

    it(`a slot that moves under load: ${name}`, async () => {
      const { client, end } = await open(cluster)
      const storage = new RedisStorage({ client, prefix: `moving-${name}` })
      // 60 keys that lie in one slot, and so travel together.
      const tag = tagOf('hot')
      const neighbours: string[] = []
      for (let i = 0; neighbours.length < 60; i++) {
        if (tagOf(`key ${i}`) === tag) neighbours.push(`key ${i}`)
      }
      const total = 100
      const slow = tokenBucket({ rate: 1000, per: '1h', burst: 1e6 })
      const hot = createLimiter(slidingWindow({ rate: total, per: '1h' }), {
        storage,
        scope: 'hot',
      })
      const many = createLimiter(slow, { storage, scope: 'many' })
      const wide = createLimiter(slow, { storage, scope: 'wide' })
      await Promise.all(neighbours.map((key) => wide.acquire(key)))

      let running = true
      const errors: unknown[] = []
      const asked = { hot: 0, many: 0, wide: 0 }
      const degraded = { hot: 0, many: 0, wide: 0 }
      let granted = 0
      const reasons = new Set<string>()
      for (const limiter of [hot, many, wide]) {
        limiter.on('storageError', ({ error }) => reasons.add(error.message.split(' ')[2] ?? ''))
      }
      const user = async (what: keyof typeof asked, ask: () => Promise<{ degraded?: true }[]>) => {
        while (running) {
          try {
            for (const decision of await ask()) {
              asked[what] += 1
              if (decision.degraded) degraded[what] += 1
            }
          } catch (error) {
            errors.push(error)
          }
          await sleep(2)
        }
      }
      const users = [
        ...Array.from({ length: 5 }, () =>
          user('hot', async () => {
            const decision = await hot.consume('hot')
            if (decision.allowed) granted += 1
            return [decision]
          }),
        ),
        user('many', async () => [
          await many.consume(neighbours[Math.floor(Math.random() * 60)] as string),
        ]),
        user('wide', () => Promise.all(neighbours.map((key) => wide.consume(key)))),
      ]
      const slot = await cluster.slotOf(tag)
      const to = ((await cluster.ownerOf(slot)) + 1) % 3
      await sleep(100)
      let steps = 0
      await cluster.migrateSlot(slot, to, {
        batch: 10,
        async between() {
          steps += 1
          await sleep(short ? 20 : 60)
        },
      })
      await sleep(300)
      running = false
      await Promise.all(users)
      expect(steps).toBeGreaterThan(5)
      expect(await cluster.ownerOf(slot)).toBe(to)
      figure(`cluster: ${name}, errors while a slot moved`, errors.length, '0', errors.length === 0)
      figure(
        `cluster: ${name}, one key at a time, by policy`,
        `${degraded.hot + degraded.many} of ${asked.hot + asked.many}`,
        '0',
        degraded.hot + degraded.many === 0,
      )
      figure(
        `cluster: ${name}, 60 keys at a time, by policy`,
        `${degraded.wide} of ${asked.wide} (${[...reasons]})`,
        '0',
        degraded.wide === 0,
      )
      const due = Math.min(asked.hot, total)
      figure(`cluster: ${name}, admitted of ${asked.hot}`, granted, `= ${due}`, granted === due)
      end()
    })
  }

  it('no call happens twice: ioredis Cluster', async () => {
    const tag = tagOf('k')
    const owner = cluster.nodes[await cluster.ownerOf(await cluster.slotOf(tag))]
    if (owner === undefined) throw new Error('a slot without an owner')
    await using between = await proxy(owner.port)
    const natMap = { [`${owner.host}:${owner.port}`]: { host: '127.0.0.1', port: between.port } }
    const { client, end } = await libraries.ioredis(cluster, natMap)
    const rule = tokenBucket({ rate: 1, per: '1h', burst: 1000 })
    const storage = new RedisStorage({ client, prefix: 'once', timeout: '2s' })
    const limiter = createLimiter(rule, { storage })
    await limiter.acquire('k', 100)
    between.dropReplies(true)
    owner.pause()
    const answers = []
    for (let i = 0; i < 50; i++) {
      answers.push(limiter.consume('k'))
      await new Promise((resolve) => setImmediate(resolve))
    }
    await sleep(50)
    owner.resume()
    await sleep(100)
    between.dropReplies(false)
    const unanswered = (await Promise.all(answers)).filter(({ degraded }) => degraded)
    await until('healing', async () => !(await limiter.peek('k')).degraded, { every: 50 })
    await sleep(200)
    const taken = 1000 - (await limiter.peek('k')).remaining - 100
    figure(
      'drop-replies: ioredis Cluster, taken by 50 calls',
      `${taken} (${unanswered.length} without an answer)`,
      '= 50',
      taken === 50 && unanswered.length === 50,
    )
    end()
  })
})
