import { LimiterFactory } from 'aioflux'
import { RedisStorage } from 'aioflux/redis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Claim } from '../../../src/queues/store/job-store.ts'
import { clusterClients } from '../../support/cluster-clients.ts'
import { type RedisCluster, startCluster } from '../../support/redis-cluster.ts'
import { canStartRedis } from '../../support/redis-server.ts'
import { until } from '../../support/until.ts'
import { draft, ENDLESS, openStore } from './queue-support.ts'

describe.skipIf(!(await canStartRedis()))('queues in a Cluster', () => {
  let cluster: RedisCluster
  beforeAll(async () => {
    cluster = await startCluster()
  })
  afterAll(() => cluster?.stop())

  it.each(Object.keys(clusterClients) as (keyof typeof clusterClients)[])('%s', async (library) => {
    const { client, end } = await clusterClients[library](cluster)
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
