import { freePort } from './free-port.ts'
import { type RedisServer, startRedis } from './redis-server.ts'
import type { Reply } from './resp.ts'
import { until } from './until.ts'

const SLOTS = 16_384

export interface MigrationOptions {
  /** Keys to move at a time. @default 100 */
  batch?: number
  /** Runs when both sides know of the migration, and after each batch: the moments of ASK, MOVED and TRYAGAIN. */
  between?: () => unknown
}

/** Three masters on 127.0.0.1, each with a third of the slots. */
export interface RedisCluster extends AsyncDisposable {
  readonly nodes: readonly RedisServer[]
  slotOf(key: string): Promise<number>
  /** Index in {@link nodes} of the master that has the slot. */
  ownerOf(slot: number): Promise<number>
  /** Moves a slot with its keys to another master while clients go on; resolves when all masters agree on it. */
  migrateSlot(slot: number, toIndex: number, options?: MigrationOptions): Promise<void>
  stop(): Promise<void>
}

export async function startCluster({
  args = [],
}: {
  args?: readonly string[]
} = {}): Promise<RedisCluster> {
  const starting = await Promise.allSettled([0, 1, 2].map(() => startNode(args)))
  const nodes = starting.flatMap((node) => (node.status === 'fulfilled' ? [node.value] : []))
  const stop = async () => {
    await Promise.all(nodes.map((node) => node.stop()))
  }
  try {
    for (const node of starting) if (node.status === 'rejected') throw node.reason
    await join(nodes)
  } catch (error) {
    await stop()
    throw error
  }
  const ids = (await Promise.all(nodes.map((node) => node.command('CLUSTER', 'MYID')))) as string[]
  const seenBy = async (node: RedisServer, slot: number) =>
    ids.indexOf(ownerIn(await node.command('CLUSTER', 'SLOTS'), slot))

  return {
    nodes,
    slotOf: async (key) => Number(await nodes[0]!.command('CLUSTER', 'KEYSLOT', key)),
    ownerOf: (slot) => seenBy(nodes[0]!, slot),
    async migrateSlot(slot, toIndex, { batch = 100, between } = {}) {
      const fromIndex = await seenBy(nodes[toIndex]!, slot)
      if (fromIndex === toIndex) return
      const [from, to] = [nodes[fromIndex]!, nodes[toIndex]!]
      // In this order: the owner must not send clients on to one who does not yet expect them.
      await to.command('CLUSTER', 'SETSLOT', slot, 'IMPORTING', ids[fromIndex]!)
      await from.command('CLUSTER', 'SETSLOT', slot, 'MIGRATING', ids[toIndex]!)
      await between?.()
      for (;;) {
        const keys = (await from.command('CLUSTER', 'GETKEYSINSLOT', slot, batch)) as string[]
        if (keys.length === 0) break // for good: a slot that is MIGRATING gets no new keys
        await from.command('MIGRATE', to.host, to.port, '', 0, 5_000, 'KEYS', ...keys)
        await between?.()
      }
      // The new owner first: the other way round, there would be a moment without one.
      const rest = nodes.filter((node) => node !== to && node !== from)
      for (const node of [to, from, ...rest])
        await node.command('CLUSTER', 'SETSLOT', slot, 'NODE', ids[toIndex]!)
      await until(`slot ${slot} at node ${toIndex}`, async () => {
        const owners = await Promise.all(nodes.map((node) => seenBy(node, slot)))
        return owners.every((owner) => owner === toIndex)
      })
    },
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

async function startNode(args: readonly string[]): Promise<RedisServer> {
  const bus = await freePort() // the default, port + 10000, may be taken
  const cluster = ['--cluster-enabled', 'yes', '--cluster-port', String(bus)]
  const quick = ['--cluster-node-timeout', '2000', '--cluster-announce-ip', '127.0.0.1']
  return startRedis({ args: [...cluster, ...quick, ...args] })
}

async function join(nodes: readonly RedisServer[]): Promise<void> {
  const first = nodes[0]!
  for (const [i, node] of nodes.entries()) {
    const [start, end] = [i, i + 1].map((n) => Math.round((n * SLOTS) / nodes.length)) as [
      number,
      number,
    ]
    await node.command('CLUSTER', 'ADDSLOTSRANGE', start, end - 1)
    await node.command('CLUSTER', 'SET-CONFIG-EPOCH', i + 1) // else they take seconds to settle who is who
    if (node === first) continue
    const [, , bus] = /:(\d+)@(\d+)/.exec(String(await first.command('CLUSTER', 'NODES'))) ?? []
    await node.command('CLUSTER', 'MEET', first.host, first.port, Number(bus))
  }
  await until(
    'cluster_state:ok',
    async () => {
      const infos = await Promise.all(nodes.map((node) => node.command('CLUSTER', 'INFO')))
      return infos.every((info) =>
        [
          'cluster_state:ok',
          `cluster_known_nodes:${nodes.length}`,
          `cluster_slots_ok:${SLOTS}`,
        ].every((line) => String(info).includes(line)),
      )
    },
    { within: 20_000, every: 50 },
  )
}

/** The id of the master of a slot in the answer to CLUSTER SLOTS. */
function ownerIn(slots: Reply, slot: number): string {
  for (const [start, end, master] of slots as [number, number, [string, number, string]][])
    if (slot >= start && slot <= end) return master[2]
  return ''
}
