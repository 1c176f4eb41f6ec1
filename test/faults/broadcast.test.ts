import { QueueFactory } from 'aioflux'
import { RedisStorage } from 'aioflux/redis'
import { describe, inject, it } from 'vitest'
import { clients, libraries } from '../support/clients.ts'
import { crew, type Hand } from '../support/crew.ts'
import { figure, short } from '../support/figure.ts'
import type { MemberTask } from './workers/group-member.ts'

const ITEMS = short ? 500 : 5_000
const KILLS = short ? 2 : 10
const url = inject('redisUrl')

describe.each(short ? (['ioredis'] as const) : libraries)('broadcast, %s', (library) => {
  it('members of a group are killed with -9: no item is lost', async () => {
    const prefix = `broadcast-${crypto.randomUUID()}`
    const member = { url, library, prefix, lease: '500ms' } satisfies MemberTask
    await using mortal = await crew('group-member', Array(KILLS).fill(member))
    await using steady = await crew('group-member', [member])
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
    for (const hand of [...mortal.hands, ...steady.hands]) follow(hand).catch(() => {})
    const each = ITEMS / KILLS
    for (let i = 0; i < ITEMS; i++) {
      await broadcast.put(i)
      if (i % each === each - 1) await mortal.hands[Math.floor(i / each)]?.kill()
    }
    await done
    const twice = [...seen.values()].reduce((sum, times) => sum + times - 1, 0)
    figure(`broadcast: ${library}, lost of ${ITEMS}`, ITEMS - seen.size, '0', seen.size === ITEMS)
    figure(`broadcast: ${library}, repeated`, twice, `<= ${KILLS} kills`, twice <= KILLS)
    await broadcast.stop()
    await storage.close()
    end()
  })
})
