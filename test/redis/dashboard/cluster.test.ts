import { Coordinator, QueueFactory } from 'aioflux'
import { dashboard } from 'aioflux/dashboard'
import { RedisStorage } from 'aioflux/redis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { dashboard as command } from '../../../src/cli/dashboard.ts'
import { get } from '../../dashboard/client.ts'
import { serve } from '../../dashboard/servers.ts'
import { clusterClients } from '../../support/cluster-clients.ts'
import { type RedisCluster, startCluster } from '../../support/redis-cluster.ts'
import { startSentinel } from '../../support/redis-sentinel.ts'
import { canStartRedis } from '../../support/redis-server.ts'

describe.skipIf(!(await canStartRedis()))('what lives in a Cluster', () => {
  let cluster: RedisCluster
  beforeAll(async () => {
    cluster = await startCluster()
  })
  afterAll(() => cluster?.stop())

  it.each(Object.keys(clusterClients) as (keyof typeof clusterClients)[])(
    'is seen on all of its servers, by %s',
    async (library) => {
      const { client, end } = await clusterClients[library](cluster)
      const storage = new RedisStorage({ client, prefix: library, timeout: '20s' })
      const names = Array.from({ length: 12 }, (_, i) => `queue-${i}`)
      const slots = await Promise.all(
        names.map((name) => cluster.slotOf(`${library}:{queue:${name}}:meta`)),
      )
      const owners = await Promise.all(slots.map((slot) => cluster.ownerOf(slot)))
      expect(new Set(owners).size).toBe(3)
      for (const name of names) {
        const queue = QueueFactory.fifo<string>({ name, storage })
        await queue.put('a', { id: 'job' })
        await queue.stop()
      }
      const coordinator = new Coordinator({ storage, lockName: 'billing' })
      await coordinator.acquireLeadership()
      for (const name of names) await coordinator.lock(name)
      await using server = await serve(dashboard({ storage, access: () => 'all' }))
      const state = () => get(server.url, 'api/state')
      await expect
        .poll(async () => Object.keys((await state()).queues).sort(), { timeout: 8000 })
        .toEqual(names.toSorted())
      const { queues, locks, leaders, storage: told } = await state()
      expect(queues['queue-0']).toMatchObject({ waiting: 1, processes: 0, kind: 'fifo' })
      expect(Object.keys(locks).sort()).toEqual(names.toSorted())
      expect(leaders.billing.leader).toContain(String(process.pid))
      expect(told.redis).toMatchObject({ reachable: true, version: expect.stringMatching(/^\d/) })
      await coordinator.close()
      await storage.close()
      end()
    },
    40_000,
  )

  it('is seen by the command', async () => {
    const { client, end } = await clusterClients.ioredis(cluster)
    const storage = new RedisStorage({ client, prefix: 'command', timeout: '20s' })
    for (const name of ['a', 'b', 'c', 'd']) {
      const queue = QueueFactory.fifo<string>({ name, storage })
      await queue.put('a')
      await queue.stop()
    }
    const url = cluster.nodes[1]?.url as string
    expect(await seen(['--redis', url, '--prefix', 'command', '--cluster'])).toEqual(
      'abcd'.split(''),
    )
    await storage.close()
    end()
  })
})

describe.skipIf(!(await canStartRedis()))('what lives behind a Sentinel', () => {
  it('is seen by the command', async () => {
    await using sentinel = await startSentinel()
    const { url: master } = await sentinel.master()
    await using storage = new RedisStorage({ url: master, timeout: '20s' })
    const queue = QueueFactory.fifo<string>({ name: 'mails', storage })
    await queue.put('a')
    await queue.stop()
    const url = sentinel.sentinels[0]?.url as string
    expect(await seen(['--redis', url, '--sentinel', sentinel.name])).toEqual(['mails'])
  }, 60_000)
})

/** The queues that the command shows. */
async function seen(args: readonly string[]): Promise<string[]> {
  const lines: string[] = []
  const output = { write: (text: string) => lines.push(text), isTTY: false, columns: 80 }
  const terminal = { stdin: (async function* () {})(), stdout: output, stderr: output, env: {} }
  const leave = new AbortController()
  const served = command([...args, '--port', '0'], terminal as never, leave.signal)
  await expect.poll(() => lines.join(''), { timeout: 15_000 }).toContain('token=')
  const address = lines.join('').trim()
  const first = await fetch(address, { redirect: 'manual' })
  const cookie = (first.headers.get('set-cookie') as string).split(';')[0] as string
  const state = async () => {
    const answer = await fetch(new URL('/api/state', address), { headers: { cookie } })
    return Object.keys(((await answer.json()) as { queues: object }).queues).sort()
  }
  await expect.poll(async () => (await state()).length, { timeout: 8000 }).toBeGreaterThan(0)
  const queues = await state()
  leave.abort()
  await served
  return queues
}
