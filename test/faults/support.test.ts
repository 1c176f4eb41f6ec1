import { createCluster, createSentinel } from 'redis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RedisCluster, startCluster } from '../support/redis-cluster.ts'
import { type RedisSentinel, startSentinel } from '../support/redis-sentinel.ts'
import { canStartRedis } from '../support/redis-server.ts'
import { redisCommand } from '../support/resp.ts'

const possible = await canStartRedis()

describe.skipIf(!possible)('a cluster', () => {
  let cluster: RedisCluster
  beforeAll(async () => {
    cluster = await startCluster()
  })
  afterAll(() => cluster?.stop())

  it('has three masters that share the slots', async () => {
    const owners = await Promise.all([0, 5460, 5461, 10_922, 10_923, 16_383].map(cluster.ownerOf))
    expect(owners).toEqual([0, 0, 1, 1, 2, 2])
    expect(await cluster.slotOf('{user}:1')).toBe(await cluster.slotOf('user'))
    const elsewhere = cluster.nodes[1]!.command('GET', 'foo') // slot 12182
    await expect(elsewhere).rejects.toThrow(`MOVED 12182 127.0.0.1:${cluster.nodes[2]!.port}`)
  })

  it('moves a slot with its keys while a client counts in it', async () => {
    const client = createCluster({ rootNodes: cluster.nodes.map(({ url }) => ({ url })) })
    client.on('error', () => {})
    await client.connect()
    try {
      const slot = await cluster.slotOf('{m}')
      const from = await cluster.ownerOf(slot)
      const to = (from + 1) % 3
      for (let i = 0; i < 500; i++) await client.set(`{m}:${i}`, String(i))
      let counted = 0
      let moving = true
      const traffic = (async () => {
        while (moving) {
          await client.incr('{m}:count')
          counted += 1
        }
      })()
      let steps = 0
      let asked = 0
      await cluster.migrateSlot(slot, to, {
        batch: 50,
        async between() {
          steps += 1
          const missing = cluster.nodes[from]!.command('GET', '{m}:none')
          const answer = await missing.catch((error: Error) => error.message)
          if (String(answer).startsWith('ASK')) asked += 1
          const before = counted
          while (counted < before + 5) await new Promise((resolve) => setImmediate(resolve))
        },
      })
      moving = false
      await traffic
      expect(steps).toBeGreaterThanOrEqual(11)
      expect(asked).toBe(steps)
      expect(await cluster.ownerOf(slot)).toBe(to)
      expect(await cluster.nodes[to]!.command('CLUSTER', 'COUNTKEYSINSLOT', slot)).toBe(501)
      expect(await client.get('{m}:499')).toBe('499')
      expect(Number(await client.get('{m}:count'))).toBe(counted)
      expect(counted).toBeGreaterThan(50)
    } finally {
      client.destroy()
    }
  })

  it('a node comes back as what it was', async () => {
    const [first] = cluster.nodes
    await first!.restart()
    expect(await cluster.ownerOf(0)).toBe(0)
  })
})

describe.skipIf(!possible)('sentinels', () => {
  let set: RedisSentinel
  beforeAll(async () => {
    set = await startSentinel()
  })
  afterAll(() => set?.stop())

  it('know the master', async () => {
    expect(await set.master()).toMatchObject({ host: '127.0.0.1', port: set.servers[0]!.port })
    const { url } = set.servers[1]!
    await expect(redisCommand(url, ['SET', 'k', 'v'])).rejects.toMatchObject({ code: 'READONLY' })
  })

  it('fail over on command', async () => {
    const [old, next] = set.servers
    await old!.command('SET', 'k', 'v')
    expect((await set.failover()).port).toBe(next!.port)
    await expect(old!.command('SET', 'k', 'w')).rejects.toMatchObject({ code: 'READONLY' })
    expect(await next!.command('GET', 'k')).toBe('v')
  })

  it('fail over when the master is killed, with a client that follows', async () => {
    const client = createSentinel({
      name: set.name,
      sentinelRootNodes: set.sentinels.map(({ host, port }) => ({ host, port })),
    })
    client.on('error', () => {})
    await client.connect()
    try {
      await client.set('followed', 'yes')
      const [first, second] = set.servers
      expect((await set.failover('kill')).port).toBe(first!.port)
      expect(second!.running).toBe(false)
      expect(await client.get('followed')).toBe('yes')
    } finally {
      await client.close()
    }
  })

  it('a server that comes back becomes a replica, and the next fail-over can come', async () => {
    const [, second] = set.servers
    await second!.restart()
    expect((await set.failover()).port).toBe(second!.port)
  })
})
