import { ManualClock } from 'aioflux/testing'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import type { Claim, Ending } from '../../../src/queues/store/job-store.ts'
import { clients, libraries, type OpenClient } from '../../support/clients.ts'
import { draft, ENDLESS, openStore } from './queue-support.ts'

/** When the tests begin. */
const NOW = 1_800_000_000_000
const error = { name: 'Error', message: 'no' }
const completed: Ending = { outcome: 'completed', value: undefined }

describe.each(libraries)('claims, by %s', (library) => {
  let open: OpenClient
  beforeAll(async () => {
    open = await clients[library](inject('redisUrl'))
  })
  afterAll(() => open.end())

  /** Two processes of one queue, on one clock that stands still. */
  function two(options: Parameters<typeof openStore>[1] = {}) {
    const clock = new ManualClock(NOW / 1000)
    const name = `q-${crypto.randomUUID()}`
    const all = { ...options, name, storage: { clock } }
    const [a, b] = [openStore(open.client, all), openStore(open.client, all)]
    return { clock, a: a.store, b: b.store, close: () => Promise.all([a.close(), b.close()]) }
  }
  const items = (claims: Claim[]) => claims.map(({ record }) => record.item)

  it('are best first: by priority, then by arrival, over all processes', async () => {
    const { a, b, close } = two()
    await a.insert([draft('a'), draft('b', { priority: 2 })], ENDLESS)
    await b.insert([draft('c', { priority: -0.5 }), draft('d', { priority: 10 })], ENDLESS)
    await b.insert(
      [draft('e'), draft('f', { priority: 2 }), draft('g', { priority: 1e300 })],
      ENDLESS,
    )
    expect(items(await b.claim(3, 1000))).toEqual(['g', 'd', 'b'])
    expect(items(await a.claim(10, 1000))).toEqual(['f', 'a', 'e', 'c'])
    await close()
  })

  it('are valid once: whoever lost one is told, and another has it with a higher delivery', async () => {
    const { a, b, clock, close } = two()
    await a.insert([draft('x')], ENDLESS)
    const [first] = (await a.claim(1, 1000)) as [Claim]
    expect(await b.claim(1, 1000)).toEqual([])
    clock.advance('1001ms')
    const [second] = (await b.claim(1, 1000)) as [Claim]
    expect(second.record.id).toBe(first.record.id)
    expect([first.delivery, second.delivery]).toEqual([1, 2])
    expect(await a.extend([first], 1000)).toEqual([false])
    expect(await a.settle([{ claim: first, ending: completed }])).toEqual([false])
    expect(await b.settle([{ claim: second, ending: completed }])).toEqual([true])
    expect(await b.settle([{ claim: second, ending: completed }])).toEqual([false])
    expect(await a.counts()).toMatchObject({ waiting: 0, running: 0, completed: 1 })
    await close()
  })

  it('hold for another lease when they are extended', async () => {
    const { a, b, clock, close } = two()
    await a.insert([draft('x')], ENDLESS)
    const claims = await a.claim(1, 1000)
    for (let i = 0; i < 5; i++) {
      clock.advance('900ms')
      expect(await a.extend(claims, 1000)).toEqual([true])
      expect(await b.claim(1, 1000)).toEqual([])
    }
    await close()
  })

  it('that end without an outcome too often leave a dead job with a reason', async () => {
    const { a, clock, close } = two({ declaration: { maxDeliveries: 3 } })
    await a.insert([draft('poison'), draft('good', { priority: -1 })], ENDLESS)
    for (let i = 1; i <= 3; i++) {
      const [claim] = (await a.claim(1, 1000)) as [Claim]
      expect([claim.record.item, claim.delivery]).toEqual(['poison', i])
      clock.advance('1001ms')
    }
    expect(items(await a.claim(9, 1000))).toEqual(['good'])
    const { jobs } = await a.list('dead', 10)
    expect(jobs).toMatchObject([
      { item: 'poison', deliveries: 3, failures: 0, error: { code: 'JOB_LOST' } },
    ])
    expect(jobs[0]?.tries).toHaveLength(3)
    await close()
  })

  it('come back after a failure: later, and in their old place', async () => {
    const { a, b, clock, close } = two()
    await a.insert([draft('x'), draft('y')], ENDLESS)
    const [x] = (await a.claim(1, 1000)) as [Claim]
    await a.settle([{ claim: x, ending: { outcome: 'retry', delay: 500, error } }])
    expect(await b.counts()).toMatchObject({ waiting: 1, delayed: 1 })
    clock.advance('499ms')
    await b.insert([draft('z')], ENDLESS)
    expect(items(await b.claim(1, 1000))).toEqual(['y'])
    clock.advance('1ms')
    const [again] = (await b.claim(1, 1000)) as [Claim]
    expect(again.record).toMatchObject({ item: 'x', failures: 1, deliveries: 2 })
    await close()
  })

  it('that are released count neither as a failure nor as a loss', async () => {
    const { a, clock, close } = two({ declaration: { maxDeliveries: 2 } })
    await a.insert([draft('x'), draft('y')], ENDLESS)
    for (let i = 0; i < 5; i++) {
      const [claim] = (await a.claim(1, 1000)) as [Claim]
      expect(claim).toMatchObject({ delivery: i + 1, record: { item: 'x', failures: 0 } })
      await a.settle([{ claim, ending: { outcome: 'released', delay: i === 4 ? 100 : 0 } }])
    }
    expect(items(await a.claim(5, 1000))).toEqual(['y'])
    clock.advance('100ms')
    expect(items(await a.claim(5, 1000))).toEqual(['x'])
    await close()
  })

  it('that fail for good leave a dead job, which can be looked at and redriven', async () => {
    const { a, b, close } = two()
    await a.insert([draft({ n: 1 }), draft({ n: 2 })], ENDLESS)
    const claims = await a.claim(2, 1000)
    await a.settle(claims.map((claim) => ({ claim, ending: { outcome: 'failed', error } })))
    expect(await b.counts()).toMatchObject({ dead: 2, failed: 2, waiting: 0 })
    expect(await b.deaths(5)).toMatchObject([{ error: 'no', count: 2 }])
    expect((await b.list('dead', 5)).jobs).toMatchObject([
      { item: { n: 1 }, failures: 1, error },
      { item: { n: 2 }, failures: 1, error },
    ])
    expect(await b.redrive({ limit: 1 })).toBe(1)
    expect(await b.redrive({ error: 'something else' })).toBe(0)
    expect(await b.redrive({ error: 'no' })).toBe(1)
    const again = await b.claim(5, 1000)
    expect(again.map(({ record }) => [record.item, record.failures])).toEqual([
      [{ n: 1 }, 0],
      [{ n: 2 }, 0],
    ])
    await close()
  })

  it('delays are kept: relative and dated, never early', async () => {
    const { a, clock, close } = two()
    await a.insert([draft('r', { delay: 100 }), draft('d', { at: NOW + 50 })], ENDLESS)
    await a.insert([draft('past', { at: NOW - 50 })], ENDLESS)
    expect(items(await a.claim(5, 1000))).toEqual(['past'])
    clock.advance('49ms')
    expect(await a.claim(5, 1000)).toEqual([])
    clock.advance('1ms')
    expect(items(await a.claim(5, 1000))).toEqual(['d'])
    clock.advance('50ms')
    expect(items(await a.claim(5, 1000))).toEqual(['r'])
    await close()
  })

  it('bytes as a whole item stay bytes', async () => {
    const { a, close } = two()
    const bytes = new Uint8Array([0, 1, 128, 255, 10])
    await a.insert([draft(bytes), draft('text\n\u0002'), draft(null)], ENDLESS)
    expect(items(await a.claim(5, 1000))).toEqual([bytes, 'text\n\u0002', null])
    await close()
  })
})
