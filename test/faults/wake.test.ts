import { Coordinator, type Lease, LimiterFactory } from 'aioflux'
import { type RedisClientLike, RedisStorage } from 'aioflux/redis'
import { ManualClock } from 'aioflux/testing'
import { Cluster, Redis } from 'ioredis'
import { createCluster, createSentinel } from 'redis'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { permits } from '../../src/rules/permits.ts'
import type { OpenClient } from '../support/clients.ts'
import { figure } from '../support/figure.ts'
import { type RedisCluster, startCluster } from '../support/redis-cluster.ts'
import { type RedisSentinel, startSentinel } from '../support/redis-sentinel.ts'
import { canStartRedis } from '../support/redis-server.ts'
import { machineTime } from '../support/time.ts'
import { until } from '../support/until.ts'

const possible = await canStartRedis()
const WITHIN = 500

/** A process, as far as Redis can tell, whose clock stands still: it never asks because time has passed. */
function processOf(client: RedisClientLike, prefix: string) {
  const storage = new RedisStorage({ client, prefix })
  const limiter = LimiterFactory.concurrency({ limit: 1, storage, clock: new ManualClock() })
  return { storage, limiter, ledger: storage.open(permits({ limit: 1 }), 'aioflux') }
}

/** How long it takes one process to be woken by what another gives back. */
async function wakeTime(clients: [RedisClientLike, RedisClientLike], key: string) {
  const prefix = `wake:${crypto.randomUUID()}`
  const [a, b] = clients.map((client) => processOf(client, prefix)) as [
    ReturnType<typeof processOf>,
    ReturnType<typeof processOf>,
  ]
  await a.limiter.acquire(key)
  const waits = b.limiter.wait(key)
  const watch = b.ledger.watch(key, () => {})
  await until('a live watch', () => watch.live)
  // It has asked once more by now, and was denied.
  await b.ledger.run('peek', key, 1, 0)
  watch.end()
  const began = machineTime()
  await a.limiter.release(key)
  await waits
  const took = machineTime() - began
  await Promise.all([a.storage.close(), b.storage.close()])
  return took
}

describe.skipIf(!possible)('in a Cluster', () => {
  let cluster: RedisCluster
  beforeAll(async () => {
    cluster = await startCluster()
  })
  afterAll(() => cluster?.stop())

  const libraries = {
    async 'node-redis'(): Promise<OpenClient> {
      const client = createCluster({ rootNodes: cluster.nodes.map(({ url }) => ({ url })) })
      client.on('error', () => {})
      await client.connect()
      return { client: client as unknown as RedisClientLike, end: () => void client.destroy() }
    },
    async ioredis(): Promise<OpenClient> {
      const client = new Cluster(
        cluster.nodes.map(({ host, port }) => ({ host, port })),
        { lazyConnect: true },
      )
      client.on('error', () => {})
      await client.connect()
      return { client, end: () => client.disconnect() }
    },
  }

  it.each(Object.entries(libraries))('whoever waits is woken: %s', async (library, open) => {
    const [one, other] = [await open(), await open()]
    const times = []
    // Their slots lie on all of the masters.
    for (let i = 0; i < 12; i++) times.push(await wakeTime([one.client, other.client], `key ${i}`))
    const worst = Math.round(Math.max(...times))
    figure(`wake: Cluster, ${library}`, `${worst} ms`, `<= ${WITHIN} ms`, worst <= WITHIN)
    one.end()
    other.end()
  })
})

describe.skipIf(!possible)('with Sentinels', () => {
  let sentinel: RedisSentinel
  beforeAll(async () => {
    sentinel = await startSentinel()
  })
  afterAll(() => sentinel?.stop())

  const libraries = {
    async 'node-redis'(): Promise<OpenClient> {
      const { name } = sentinel
      const sentinelRootNodes = sentinel.sentinels.map(({ host, port }) => ({ host, port }))
      const client = createSentinel({ name, sentinelRootNodes })
      client.on('error', () => {})
      await client.connect()
      return { client: client as unknown as RedisClientLike, end: () => void client.destroy() }
    },
    async ioredis(): Promise<OpenClient> {
      const sentinels = sentinel.sentinels.map(({ host, port }) => ({ host, port }))
      const client = new Redis({ name: sentinel.name, sentinels, lazyConnect: true })
      client.on('error', () => {})
      await client.connect()
      return { client, end: () => client.disconnect() }
    },
  }

  it('whoever waits is woken, before and after a fail-over; and fences rise', async () => {
    const runs = await Promise.all(
      Object.entries(libraries).map(async ([library, open]) => {
        const [one, other] = [await open(), await open()]
        const storage = new RedisStorage({ client: one.client, prefix: `fence-${library}` })
        const coordinator = new Coordinator({ storage, ttl: '1s' })
        const before = await wakeTime([one.client, other.client], 'k')
        const kept = await coordinator.lock('kept', { ttl: '1d', renew: false })
        await (await coordinator.lock('lock')).release()
        const held = await coordinator.lock('lock', { ttl: '300ms', renew: false })
        return { library, one, other, coordinator, before, kept, held }
      }),
    )
    await sentinel.failover('kill')
    for (const { library, one, other, coordinator, before, kept, held } of runs) {
      const take = (name: string): Promise<Lease> => coordinator.lock(name, { timeout: '30s' })
      const next = await take('lock')
      figure(
        `wake: fail-over, ${library}, fences of a lock`,
        `+${next.token - held.token}`,
        '> 0',
        next.token > held.token,
      )
      const known = await coordinator.tryLock('kept')
      figure(
        `wake: fail-over, ${library}, a lease that is held`,
        known === undefined ? 'held' : 'taken',
        'held: the replica knew of it',
        known === undefined && kept.held,
      )
      await next.release()
      await coordinator.close()
      const after = await wakeTime([one.client, other.client], 'k')
      const worst = Math.round(Math.max(before, after))
      figure(`wake: Sentinel, ${library}`, `${worst} ms`, `<= ${WITHIN} ms`, worst <= WITHIN)
      one.end()
      other.end()
    }
  })
})
