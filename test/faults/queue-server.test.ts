import { QueueFactory, type SharedQueue } from 'aioflux'
import { type RedisClientLike, RedisStorage } from 'aioflux/redis'
import { Cluster, Redis } from 'ioredis'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { figure, short } from '../support/figure.ts'
import { startCluster } from '../support/redis-cluster.ts'
import { startSentinel } from '../support/redis-sentinel.ts'
import { canStartRedis, type RedisServer, startRedis } from '../support/redis-server.ts'
import { sleep } from '../support/time.ts'
import { until } from '../support/until.ts'
import { numbers, scene } from './queue-scene.ts'

const possible = await canStartRedis()

describe.skipIf(!possible)('queues whose Redis is short of memory, moves or is replaced', () => {
  let redis: RedisServer
  beforeAll(async () => {
    redis = await startRedis({ args: ['--maxmemory-policy', 'noeviction'] })
  })
  afterAll(() => redis?.stop())

  it('Q11: maxmemory is reached with jobs in flight', async () => {
    await using stage = scene({ url: redis.url, name: 'q11', task: { lease: '500ms', takes: 400 } })
    const count = 200
    await stage.queue.putMany(numbers(count))
    await using workers = await stage.hire(1)
    const used = /used_memory:(\d+)/.exec(String(await redis.command('INFO', 'memory')))?.[1]
    await redis.command('CONFIG', 'SET', 'maxmemory', Number(used) + 4e6)
    await redis.command('SETRANGE', 'filler', 8e6, 'x')
    const codes = await Promise.all(
      numbers(20).map((n) =>
        stage.queue.put(count + n).then(
          () => 'kept',
          (error) => error.code,
        ),
      ),
    )
    const refused = codes.filter((code) => code === 'STORAGE_FULL').length
    figure('Q11: puts refused as STORAGE_FULL', refused, '= 20', refused === 20)
    await sleep(short ? 1_200 : 3_000)
    const { completed } = await stage.queue.counts()
    figure('Q11: jobs done without memory', completed, '> 10', completed > 10)
    await redis.command('DEL', 'filler')
    await redis.command('CONFIG', 'SET', 'maxmemory', 0)
    await stage.done()
    void workers
    const repeats = stage.lines('S').length - count
    figure('Q11: starts repeated', repeats, '0', repeats === 0)
    const lost = stage.lost(count)
    figure('Q11: jobs lost', lost, '0', lost === 0)
    const faults = await stage.audit()
    figure('Q11: audit', faults.join('; ') || '0', '0', faults.length === 0)
  })

  it('Q12: a policy that evicts any key', async () => {
    await redis.command('CONFIG', 'SET', 'maxmemory', '1gb')
    await redis.command('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru')
    await using stage = scene({ url: redis.url, name: 'q12' })
    const told = await stage.queue.start().then(
      () => 'started',
      (error) => error.message,
    )
    await redis.command('CONFIG', 'SET', 'maxmemory-policy', 'noeviction')
    await redis.command('CONFIG', 'SET', 'maxmemory', 0)
    const clear = /allkeys-lru.*noeviction/.test(told)
    figure('Q12: start', clear ? 'refused' : told, 'refused, with what to set', clear)
  })

  it('Q18: what another layout has written is left alone', async () => {
    await using stage = scene({ url: redis.url, name: 'q18' })
    await stage.queue.put(1)
    const base = `faults:{queue:${stage.queue.name}}`
    const meta = `${base}:meta`
    await redis.command('HSET', meta, 'version', '2')
    const state = async () => {
      const keys = (await redis.command('KEYS', `${base}:*`)) as string[]
      const dumps = await Promise.all(keys.sort().map((key) => redis.command('DUMP', key)))
      return keys.map((key, i) => `${key} ${dumps[i]}`).join()
    }
    const before = await state()
    const codes = await Promise.all(
      [
        () => stage.queue.put(2),
        () => stage.queue.counts(),
        () => stage.queue.get({ timeout: 1 }),
      ].map((call) =>
        call().then(
          () => 'done',
          (error) => error.code,
        ),
      ),
    )
    figure(
      'Q18: calls',
      codes.join(),
      'LAYOUT',
      codes.every((code) => code === 'LAYOUT'),
    )
    const after = await state()
    figure('Q18: written', before === after ? 0 : 'something', '0', before === after)
    await redis.command('HSET', meta, 'version', '1')
    const { waiting } = await stage.queue.counts()
    figure('Q18: waiting, then', waiting, '= 1', waiting === 1)
  })

  it('Q6: fail-overs by Sentinel, with and without replicas that confirm', async () => {
    await using sentinel = await startSentinel()
    const addresses = sentinel.sentinels.map(({ host, port }) => ({ host, port }))
    const client = new Redis({ name: sentinel.name, sentinels: addresses, lazyConnect: true })
    client.on('error', () => {})
    await client.connect()
    const storage = new RedisStorage({ client, prefix: 'faults', timeout: '1s' })
    for (const minReplicas of [0, 1]) {
      const queue = QueueFactory.fifo<number>({
        ...{ name: `q6-${minReplicas}`, storage, minReplicas },
        maxSize: 1e6,
      }) as SharedQueue<number>
      const confirmed: string[] = []
      let putting = true
      const putters = numbers(10).map(async (n) => {
        for (let i = 0; putting; i++) {
          const id = `${n}-${i}`
          await queue.put(i, { id }).then(
            () => confirmed.push(id),
            () => sleep(20),
          )
        }
      })
      await until('the replica', async () => {
        const { port } = await sentinel.master()
        const master = sentinel.servers.find((server) => server.port === port)
        return String(await master?.command('INFO', 'replication')).includes('state=online')
      })
      await until('confirmed puts', () => confirmed.length > 50, { within: 20_000 })
      const old = (await sentinel.master()).port
      const began = performance.now()
      const next = await sentinel.failover('kill')
      // Without a replica nobody confirms.
      await sentinel.servers.find(({ port }) => port === old)?.restart()
      const size = confirmed.length
      await until('puts after it', () => confirmed.length > size + 20, { within: 30_000 })
      const took = performance.now() - began
      putting = false
      await Promise.all(putters)
      // On a busy machine the sentinels may take the new master for dead too, and put the server in its place that has just begun, empty.
      const last = (await sentinel.master()).port
      if (last !== next.port) throw new Error('the sentinels made another fail-over of their own')
      const there = new Set(
        (await queue.jobs({ state: 'waiting', limit: 1e6 })).jobs.map(({ id }) => id),
      )
      const lost = confirmed.filter((id) => !there.has(id)).length
      const name = minReplicas === 0 ? 'without' : 'with'
      const bound = minReplicas === 0 ? 'told, not bound' : '0'
      const what = `Q6: ${name} minReplicas, accepted puts lost`
      figure(what, `${lost} of ${confirmed.length}`, bound, minReplicas === 0 || lost === 0)
      figure(
        `Q6: ${name}, puts again after`,
        `${took.toFixed(0)} ms`,
        '<= 15000 ms',
        took <= 15_000,
      )
      await queue.stop()
    }
    await storage.close()
    client.disconnect()
  })

  it('Q17: the slot of a queue moves while it works', async () => {
    await using cluster = await startCluster()
    const client = new Cluster(cluster.nodes.map(({ port }) => ({ host: '127.0.0.1', port })))
    client.on('error', () => {})
    const storage = new RedisStorage({ client: client as unknown as RedisClientLike, prefix: 'c' })
    const done: number[] = []
    const queue = QueueFactory.fifo<number>({
      ...{ name: 'q17', storage, workers: 10, lease: '500ms' },
      handler: async (item) => {
        await sleep(2)
        done.push(item)
      },
    }) as SharedQueue<number>
    queue.on('error', () => {})
    await queue.start()
    let put = 0
    let putting = true
    const putter = (async () => {
      while (putting) {
        const id = `job ${put}`
        await queue.put(put, { id }).then(
          () => {
            put += 1
          },
          () => sleep(20),
        )
      }
    })()
    await until('jobs done', () => done.length > 20)
    const slot = await cluster.slotOf('c:{queue:q17}:meta')
    const from = await cluster.ownerOf(slot)
    await cluster.migrateSlot(slot, (from + 1) % 3, { batch: 2, between: () => sleep(20) })
    const size = put
    await until('puts after it', () => put > size + 20)
    putting = false
    await putter
    await until('the end of all jobs', async () => (await queue.counts()).completed >= put, {
      within: 30_000,
    })
    const { completed, dead } = await queue.counts()
    const lost = put - new Set(done).size
    figure('Q17: jobs lost', `${lost} of ${put}`, '0', lost === 0)
    figure('Q17: completed', completed, `= ${put}`, completed === put && dead === 0)
    await queue.stop()
    await storage.close()
    client.disconnect()
  })
})
