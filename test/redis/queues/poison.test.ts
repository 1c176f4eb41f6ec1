import { QueueFactory } from 'aioflux'
import { RedisStorage } from 'aioflux/redis'
import { ManualClock } from 'aioflux/testing'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import type { Claim } from '../../../src/queues/store/job-store.ts'
import { clients, type OpenClient } from '../../support/clients.ts'
import { draft, ENDLESS, openStore } from './queue-support.ts'

/** Longer than any test. */
const LONG = 60_000

describe('jobs that may be what kills their workers', () => {
  let open: OpenClient
  beforeAll(async () => {
    open = await clients['ioredis'](inject('redisUrl'))
  })
  afterAll(() => open.end())

  /** A queue whose first jobs have been lost twice, of three times that they may be. */
  async function suspects(items: readonly string[]) {
    const clock = new ManualClock(1_800_000_000)
    const name = `q-${crypto.randomUUID()}`
    const declaration = { kind: 'fifo', maxDeliveries: 3 }
    const { store, close } = openStore(open.client, { name, declaration, storage: { clock } })
    await store.insert(
      items.map((item) => draft(item)),
      ENDLESS,
    )
    for (let lost = 0; lost < 2; lost++) {
      expect(await store.claim(items.length, 1000)).toHaveLength(items.length)
      clock.advance('1001ms')
    }
    await store.insert(
      ['new 1', 'new 2', 'new 3'].map((item) => draft(item)),
      ENDLESS,
    )
    await close()
    const storage = new RedisStorage({ client: open.client, prefix: 'queues', clock })
    return { name, storage, maxDeliveries: 3, workers: 10 }
  }

  it('are worked alone, and the others together', async () => {
    const options = await suspects(['a', 'b'])
    let running = 0
    const together: [string, number][] = []
    const most = new Map<string, number>()
    const queue = QueueFactory.fifo<string>({
      ...options,
      handler: async (item) => {
        running += 1
        for (let turn = 0; turn < 20; turn++) {
          most.set(item, Math.max(most.get(item) ?? 0, running))
          await new Promise((resolve) => setImmediate(resolve))
        }
        running -= 1
        together.push([item, most.get(item) as number])
      },
    })
    await queue.start()
    await queue.onIdle({ timeout: LONG / 1000 })
    await queue.stop()
    await options.storage.close()
    const of = (item: string) => together.filter(([name]) => name === item).map(([, n]) => n)
    expect([of('a'), of('b')]).toEqual([[1], [1]])
    expect(Math.max(...['new 1', 'new 2', 'new 3'].flatMap(of))).toBeGreaterThan(1)
  })

  it('begin when what runs has ended', async () => {
    const clock = new ManualClock(1_800_000_000)
    const name = `q-${crypto.randomUUID()}`
    const { store, storage, close } = openStore(open.client, {
      name,
      declaration: { kind: 'fifo', maxDeliveries: 2 },
      storage: { clock },
    })
    await store.insert([draft('suspect')], ENDLESS)
    await store.claim(1, 1000)
    clock.advance('1001ms')
    const [claim] = await store.claim(1, 1000)
    expect(claim?.suspect).toBe(true)
    await store.settle([{ claim: claim as Claim, ending: { outcome: 'released', delay: 10_000 } }])
    await store.insert([draft('slow')], ENDLESS)
    let end = () => {}
    const slow = new Promise<void>((resolve) => {
      end = resolve
    })
    const begun: string[] = []
    const queue = QueueFactory.fifo<string>({
      ...{ name, storage, maxDeliveries: 2, workers: 10 },
      handler: (item) => {
        begun.push(item)
        return item === 'slow' ? slow : undefined
      },
    })
    await queue.start()
    await expect.poll(() => begun).toEqual(['slow'])
    await clock.advanceAsync('10s')
    const running = async () => {
      // By this clock the store looks again once a second.
      await clock.advanceAsync('1s')
      return (await queue.counts()).running
    }
    await expect.poll(running).toBe(2)
    expect(begun).toEqual(['slow'])
    end()
    await expect.poll(() => begun).toEqual(['slow', 'suspect'])
    await queue.stop()
    await close()
  })

  it('are the only one of their claim by hand', async () => {
    const options = await suspects(['a', 'b'])
    const queue = QueueFactory.fifo<string>(options)
    const [first, ...rest] = await queue.claim({ max: 10 })
    expect([first?.item, rest.length]).toEqual(['a', 0])
    await first?.complete()
    await queue.stop()
    await options.storage.close()
  })
})
