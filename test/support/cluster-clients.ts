import type { RedisClientLike } from 'aioflux/redis'
import { Cluster } from 'ioredis'
import { createCluster } from 'redis'
import type { OpenClient } from './clients.ts'
import type { RedisCluster } from './redis-cluster.ts'

/** Opens a client of a Cluster, by each of the libraries. */
export const clusterClients = {
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
