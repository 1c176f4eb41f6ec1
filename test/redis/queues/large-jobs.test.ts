import { LimiterFactory, QueueFactory } from 'aioflux'
import { type IoredisLike, RedisStorage } from 'aioflux/redis'
import { Redis } from 'ioredis'
import { afterAll, describe, expect, inject, it } from 'vitest'
import { TripSize } from '../../../src/redis/queues/trip-size.ts'
import { until } from '../../support/until.ts'
import { draft, ENDLESS, openStore } from './queue-support.ts'

const redis = new Redis(inject('redisUrl'))
afterAll(() => redis.disconnect())

/** How many characters a reply has, all its parts together. */
function textOf(reply: unknown): number {
  if (Array.isArray(reply)) return reply.reduce((sum: number, part) => sum + textOf(part), 0)
  return typeof reply === 'string' ? reply.length : 0
}

/** A client that is looked at, and whose replies wait while `hold` is set: the server has done what they tell. */
function watched() {
  const world = {
    hold: false,
    held: [] as (() => void)[],
    /** The characters of the largest reply, and the most that were on their way to the server and not answered. */
    largest: 0,
    most: 0,
    /** The fourth argument of each call that carried much: of a step, how many jobs it asks for. */
    wants: [] as unknown[],
  }
  let underWay = 0
  const through = async (answer: Promise<unknown>, args: readonly unknown[]) => {
    const text = textOf(args)
    if (text > 700_000) world.wants.push(args[3])
    underWay += text
    world.most = Math.max(world.most, underWay)
    const reply = await answer.finally(() => {
      underWay -= text
    })
    world.largest = Math.max(world.largest, textOf(reply))
    if (world.hold) await new Promise<void>((resolve) => world.held.push(resolve))
    return reply
  }
  const client: IoredisLike = {
    evalsha: (sha, keys, ...args) => through(redis.evalsha(sha, keys, ...args), args.slice(keys)),
    eval: (text, keys, ...args) => through(redis.eval(text, keys, ...args), args.slice(keys)),
  }
  return { client, world }
}

describe('how many jobs a trip asks for', () => {
  it('is what is wanted, while jobs are small or their size is not known', () => {
    const size = new TripSize()
    expect([size.fit(0), size.fit(256)]).toEqual([0, 256])
    size.brought(256, 256 * 200)
    expect([size.fit(0), size.fit(256)]).toEqual([0, 256])
  })

  it('falls with their size, to one', () => {
    const size = new TripSize()
    for (let i = 0; i < 10; i++) size.brought(10, 10 * 250_000)
    expect(size.fit(256)).toBe(4)
    for (let i = 0; i < 10; i++) size.brought(1, 8_000_000)
    expect([size.fit(0), size.fit(256)]).toEqual([0, 1])
  })

  it('is one after a trip without an answer, and grows again', () => {
    const size = new TripSize()
    size.failed()
    expect([size.fit(0), size.fit(256)]).toEqual([0, 1])
    for (let i = 0; i < 20; i++) size.brought(1, 200)
    expect(size.fit(256)).toBe(256)
  })

  it('keeps below what took too long for some time', () => {
    const size = new TripSize()
    size.failed()
    for (let i = 0; i < 10; i++) size.brought(2, 2 * 250_000)
    expect(size.fit(256)).toBe(2)
    for (let i = 0; i < 100; i++) size.brought(2, 2 * 250_000)
    expect(size.fit(256)).toBe(4)
  })
})

describe('large jobs', () => {
  it('come in several trips, and none waits until the store is asked now and then', async () => {
    const name = `large-${crypto.randomUUID()}`
    const { client, world } = watched()
    const storage = new RedisStorage({ client })
    const item = 'x'.repeat(250_000)
    let done = 0
    const queue = QueueFactory.fifo({ name, storage, workers: 50, handler: () => ++done })
    await queue.put(item)
    await queue.start()
    await until('the first job tells the size', () => done === 1)
    await queue.pause()
    await queue.putMany(Array.from({ length: 60 }, () => item))
    world.largest = 0
    await queue.resume()
    await until('all jobs are done', () => done === 61, { every: 1 })
    // A trip that asks for all that workers want would bring 12 MB.
    expect(world.largest).toBeLessThan(2_500_000)
    await queue.stop()
    await storage.close()
  })
})

describe('large results', () => {
  it('are told in several trips', async () => {
    const { client, world } = watched()
    const storage = new RedisStorage({ client })
    const name = `large-${crypto.randomUUID()}`
    const result = 'x'.repeat(250_000)
    let begun = 0
    let end = () => {}
    const all = new Promise<void>((resolve) => {
      end = resolve
    })
    const handler = async () => {
      begun += 1
      if (begun === 40) end()
      await all
      return result
    }
    const queue = QueueFactory.fifo({ name, storage, workers: 40, handler })
    const results = Array.from({ length: 80 }, (_, i) => queue.submit(i))
    await queue.start()
    for (const each of await Promise.all(results)) expect(each).toHaveLength(250_000)
    // While results wait for the next trip, no jobs are taken: their claims would be lost meanwhile.
    expect(world.wants.slice(0, 8)).toEqual(Array.from({ length: 8 }, () => '0'))
    // Two trips may be under way.
    expect(world.most).toBeLessThan(2_500_000)
    await queue.stop()
    await storage.close()
  })
})

describe('results that a process asks for', () => {
  /** A process that hears no messages, and one that works. */
  async function two(timeout: `${number}ms`, handler: () => unknown) {
    const { client, world } = watched()
    const name = `large-${crypto.randomUUID()}`
    const here = new RedisStorage({ client, timeout })
    const there = new RedisStorage({ client: redis })
    const queue = QueueFactory.fifo<number>({ name, storage: here })
    const worker = QueueFactory.fifo<number>({ name, storage: there, workers: 40, handler })
    await queue.put(0, { delay: '1h' })
    const close = () =>
      Promise.all([queue.stop(), worker.stop()]).then(() =>
        Promise.all([here.close(), there.close()]),
      )
    return { queue, worker, world, close }
  }

  it('come in several replies where they are large', async () => {
    const { queue, worker, world, close } = await two('1000ms', () => 'x'.repeat(250_000))
    const results = Array.from({ length: 40 }, (_, i) => queue.submit(i))
    await worker.start()
    for (const each of await Promise.all(results)) expect(each).toHaveLength(250_000)
    expect(world.largest).toBeLessThan(1_500_000)
    await close()
  })

  it('count when the answer comes too late', async () => {
    const { queue, worker, world, close } = await two('50ms', () => 'done')
    const result = queue.submit(1)
    await until('it is put', async () => (await worker.counts()).waiting === 1)
    world.hold = true
    await worker.start()
    await until('its result is there', async () => (await worker.counts()).completed === 1)
    await until('it was asked for in vain', () => queue.stats().trouble !== undefined)
    // All later answers are held back.
    for (const release of world.held.splice(0)) release()
    expect(await result).toBe('done')
    world.hold = false
    for (const release of world.held) release()
    await close()
  })
})

describe.each([false, true])('many large jobs, in groups: %s', (grouped) => {
  const items = Array.from({ length: 40 }, (_, i) => `${i} ${'x'.repeat(250_000)}`)
  const numbers = (list: readonly { item: unknown }[]) =>
    list.map(({ item }) => Number.parseInt(String(item), 10)).sort((a, b) => a - b)
  const all = items.map((_, i) => i)

  function open() {
    const { client, world } = watched()
    const storage = new RedisStorage({ client })
    const name = `large-${crypto.randomUUID()}`
    const limiter = LimiterFactory.concurrency({ limit: 9, storage, scope: name })
    const keyed = { group: (item: string) => item[0] as string, limiter, limiterKey: () => 'k' }
    const queue = QueueFactory.fifo<string>({ name, storage, ...(grouped && keyed) })
    return {
      queue,
      world,
      close: () => Promise.all([queue.stop(), limiter.close()]).then(() => storage.close()),
    }
  }

  it('are put a few at a time, in their order', async () => {
    const { queue, world, close } = open()
    const jobs = await queue.putMany(items)
    expect(jobs.map(({ state }) => state)).toEqual(items.map(() => 'waiting'))
    expect(world.most).toBeLessThan(2_500_000)
    const { jobs: listed } = await queue.jobs({ state: 'waiting', limit: 100 })
    expect(listed.map(({ id }) => id).sort()).toEqual(jobs.map(({ id }) => id).sort())
    await close()
  })

  it.each(['waiting', 'delayed'] as const)('are listed and cleared so, %s', async (state) => {
    const { queue, world, close } = open()
    await queue.putMany(items, state === 'delayed' ? { delay: '1h' } : {})
    world.largest = 0
    expect(numbers((await queue.jobs({ state, limit: 100 })).jobs)).toEqual(all)
    const page = await queue.jobs({ state, limit: 7 })
    const rest = await queue.jobs({ state, limit: 100, cursor: page.cursor as string })
    expect([page.jobs.length, rest.cursor]).toEqual([7, undefined])
    expect(numbers([...page.jobs, ...rest.jobs])).toEqual(all)
    expect(numbers((await queue.clear()).map((item) => ({ item })))).toEqual(all)
    expect(world.largest).toBeLessThan(1_500_000)
    expect(await queue.counts()).toMatchObject({ waiting: 0, delayed: 0 })
    await close()
  })
})

describe('puts of large jobs', () => {
  it('that wait for others are not sent where these get no answer', async () => {
    const { client, world } = watched()
    const { store, close } = openStore(client, { storage: { timeout: '50ms' } })
    await store.insert([draft('first')], ENDLESS)
    world.hold = true
    const drafts = Array.from({ length: 40 }, () => draft('x'.repeat(250_000)))
    await expect(store.insert(drafts, ENDLESS)).rejects.toMatchObject({ code: 'STORAGE_DOWN' })
    world.hold = false
    for (const release of world.held) release()
    const { waiting } = await until('Redis answers', () => store.counts())
    // Two trips of three jobs were on their way.
    expect(waiting).toBe(7)
    await close()
  })
})

describe('claims whose answer comes too late', () => {
  it('go back then, and do not wait for the end of their leases', async () => {
    const { client, world } = watched()
    const { store, close } = openStore(client, { storage: { timeout: '50ms' } })
    await store.insert([draft('a'), draft('b')], ENDLESS)
    world.hold = true
    expect(await store.claim(2, 3_600_000)).toEqual([])
    world.hold = false
    for (const release of world.held) release()
    await until('both wait again', async () => (await store.counts()).waiting === 2)
    const claims = [...(await store.claim(1, 3_600_000)), ...(await store.claim(1, 3_600_000))]
    expect(claims.map(({ record, delivery }) => [record.item, delivery])).toEqual([
      ['a', 2],
      ['b', 2],
    ])
    await close()
  })
})
