import { QueueFactory } from 'aioflux'
import { RedisStorage } from 'aioflux/redis'
import { describe, inject, it } from 'vitest'
import { clients, libraries } from '../support/clients.ts'
import { crew, type Hand } from '../support/crew.ts'
import { figure, short } from '../support/figure.ts'
import { until } from '../support/until.ts'
import type { MemberTask } from './workers/group-member.ts'

const ITEMS = short ? 500 : 5_000
const KILLS = short ? 2 : 10
const url = inject('redisUrl')

describe.each(short ? (['ioredis'] as const) : libraries)('broadcast, %s', (library) => {
  it('members of a group are killed with -9: no item is lost', async () => {
    const prefix = `broadcast-${crypto.randomUUID()}`
    const member = { url, library, prefix, lease: '500ms' } satisfies MemberTask
    await using members = await crew('group-member', Array(KILLS + 1).fill(member))
    const { client, end } = await clients[library](url)
    const storage = new RedisStorage({ client, prefix })
    const broadcast = QueueFactory.broadcast<number>({ name: 'b', storage })
    const seen = new Map<number, number>()
    let all = () => {}
    const done = new Promise<void>((resolve) => {
      all = resolve
    })
    const follow = async (hand: Hand) => {
      for (;;) {
        const { item } = await hand.next<{ item: number }>()
        seen.set(item, (seen.get(item) ?? 0) + 1)
        if (seen.size === ITEMS) all()
      }
    }
    for (const hand of members.hands) follow(hand).catch(() => {})
    const each = ITEMS / KILLS
    for (let i = 0; i < ITEMS; i++) {
      await broadcast.put(i)
      if (i % each === each - 1) await members.hands[Math.floor(i / each)]?.kill()
    }
    await done
    const twice = [...seen.values()].reduce((sum, times) => sum + times - 1, 0)
    figure(`broadcast: ${library}, lost of ${ITEMS}`, ITEMS - seen.size, '0', seen.size === ITEMS)
    figure(`broadcast: ${library}, repeated`, twice, `<= ${KILLS} kills`, twice <= KILLS)
    await broadcast.stop()
    await storage.close()
    end()
  })

  it('Q16: a group that is slow loses what the bound cuts off, and no other group does', async () => {
    const prefix = `broadcast-${crypto.randomUUID()}`
    const member = { url, library, prefix, lease: '500ms' } satisfies MemberTask
    const maxSize = 100
    const { client, end } = await clients[library](url)
    const storage = new RedisStorage({ client, prefix })
    const broadcast = QueueFactory.broadcast<number>({ name: 'b', storage, maxSize })
    let told = 0
    broadcast.on('dropped', ({ group, count }) => {
      if (group === 'slow') told += count
    })
    const slow = broadcast.subscribe({ group: 'slow' })
    await slow.ready
    const reading = slow[Symbol.asyncIterator]()
    await using members = await crew('group-member', Array(KILLS + 1).fill(member))
    const seen = new Set<number>()
    const follow = async (hand: Hand) => {
      for (;;) seen.add((await hand.next<{ item: number }>()).item)
    }
    for (const hand of members.hands) follow(hand).catch(() => {})
    const each = ITEMS / KILLS
    for (let i = 0; i < ITEMS; i++) {
      await broadcast.put(i)
      // It holds this one all the time: the bound takes it away.
      if (i === 0) await reading.next()
      if (i % each === each - 1) await members.hands[Math.floor(i / each)]?.kill()
      // The other group stays within the bound, with what the dead held until their leases end.
      if (i % 50 === 49) await until('the fast group', () => seen.size === i + 1, { every: 2 })
    }
    const rest: unknown[] = []
    for (let i = 0; i < maxSize; i++) rest.push((await reading.next()).value)
    const right = rest.every((item, i) => item === ITEMS - maxSize + i)
    figure(`Q16: ${library}, what is left`, right ? 'the last' : rest.join(), 'the last', right)
    const groups = await broadcast.groups()
    const cut = (name: string) => groups.find(({ group }) => group === name)?.dropped
    const due = ITEMS - maxSize
    figure(`Q16: ${library}, dropped`, Number(cut('slow')), `= ${due}`, cut('slow') === due)
    figure(`Q16: ${library}, told of`, told, `= ${due}`, told === due)
    figure(`Q16: ${library}, of the other group`, Number(cut('g')), '0', cut('g') === 0)
    await broadcast.stop()
    await storage.close()
    end()
  })
})
