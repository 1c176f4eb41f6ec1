import { LimiterFactory } from 'aioflux'
import { type RedisClientLike, RedisStorage } from 'aioflux/redis'
import { Cluster } from 'ioredis'
import { createCluster } from 'redis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Claim } from '../../../src/queues/store/job-store.ts'
import type { OpenClient } from '../../support/clients.ts'
import { type RedisCluster, startCluster } from '../../support/redis-cluster.ts'
import { canStartRedis } from '../../support/redis-server.ts'
import { until } from '../../support/until.ts'
import { draft, ENDLESS, openStore } from './queue-support.ts'

const libraries = {
  async 'node-redis'(cluster: RedisCluster): Promise<OpenClient> {
    const client = createCluster({ rootNodes: cluster.nodes.map(({ url }) => ({ url })) })
    client.on('error', () => {})
    await client.connect()
    return { client: client as unknown as RedisClientLike, end: () => void client.destroy() }
  },
  async ioredis(cluster: RedisCluster): Promise<OpenClient> {
    const nodes = cluster.nodes.map(({ host, port }) => ({ host, port }))
    const client = new Cluster(nodes, { lazyConnect: true })
    client.on('error', () => {})
    await client.connect()
    return { client, end: () => client.disconnect() }
  },
}

describe.skipIf(!(await canStartRedis()))('queues in a Cluster', () => {
  let cluster: RedisCluster
  beforeAll(async () => {
    cluster = await startCluster()
  })
  afterAll(() => cluster?.stop())

  it.each(Object.keys(libraries) as (keyof typeof libraries)[])('%s', async (library) => {
    const { client, end } = await libraries[library](cluster)
    const storage = new RedisStorage({ client })
    const limiter = LimiterFactory.concurrency({ limit: 2, scope: library, storage })
    const limit = storage.queues.limitOf(limiter, true)!
    // Several queues lie on several masters.
    for (const name of ['a', 'b', 'c', 'd']) {
      const all = {
        name: `${library}-${name}`,
        declaration: { limiter: limit, groupConcurrency: 3 },
      }
      const [a, b] = [openStore(client, all), openStore(client, all)]
      let told = 0
      let ended: unknown
      b.store.watch({
        available: () => {
          told += 1
        },
      })
      a.store.watch({
        settled: (_, outcome) => {
          ended = outcome
        },
      })
      expect(await b.store.claim(9, 30_000)).toEqual([])
      const before = told
      await a.store.insert(
        Array.from({ length: 8 }, (_, i) =>
          draft(i, { limiterKey: `k${i % 2}`, group: `g${i % 4}`, awaited: i === 0 }),
        ),
        ENDLESS,
      )
      await until('a hint', () => told > before)
      const claims = await b.store.claim(9, 30_000)
      expect(claims).toHaveLength(4)
      const endings = (some: Claim[]) =>
        some.map((claim) => ({ claim, ending: { outcome: 'completed', value: 1 } as const }))
      expect(await b.store.settle(endings(claims))).not.toContain(false)
      expect(await a.store.settle(endings(await a.store.claim(9, 30_000)))).toHaveLength(4)
      await until('a result', () => ended)
      expect(await a.store.counts()).toMatchObject({ waiting: 0, running: 0, completed: 8 })
      expect(await a.store.audit()).toEqual([])
      await Promise.all([a.close(), b.close()])
    }
    await limiter.close()
    await storage.close()
    end()
  })
})
