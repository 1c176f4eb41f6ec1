import { QueueFactory } from 'aioflux'
import { RedisStorage } from 'aioflux/redis'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { script } from '../../../src/redis/scripts/script.ts'
import { clients, libraries, type OpenClient } from '../../support/clients.ts'
import { startRedis } from '../../support/redis-server.ts'
import { proxy } from '../../support/tcp-proxy.ts'

const code = (promise: Promise<unknown>) =>
  promise.then(
    () => 'fulfilled',
    (error: { code?: string }) => error.code,
  )

describe.each(libraries)('a broadcast over Redis, by %s', (library) => {
  let open: OpenClient
  beforeAll(async () => {
    open = await clients[library](inject('redisUrl'))
  })
  afterAll(() => open.end())

  /** Two processes of one broadcast, as far as Redis can tell. */
  function two<T = number>(
    more: { maxSize?: number; lease?: string; maxItemBytes?: number; maxDeliveries?: number } = {},
  ) {
    const name = `b-${crypto.randomUUID()}`
    const storages = [0, 1].map(() => new RedisStorage({ client: open.client, prefix: 'cast' }))
    const [a, b] = storages.map((storage) =>
      QueueFactory.broadcast<T>({ name, storage, ...(more as object) }),
    ) as [ReturnType<typeof make<T>>, ReturnType<typeof make<T>>]
    const close = async () => {
      await Promise.all([a.stop(), b.stop()])
      await Promise.all(storages.map((storage) => storage.close()))
    }
    return { a, b, close }
  }
  const make = <T>(storage: RedisStorage) => QueueFactory.broadcast<T>({ name: 'x', storage })

  it('gives each item once to every group, in order, whichever process takes it', async () => {
    const { a, b, close } = two()
    const [one, other, mail] = [
      a.subscribe({ group: 'bill' }),
      b.subscribe({ group: 'bill' }),
      b.subscribe({ group: 'mail' }),
    ]
    await Promise.all([one.ready, other.ready, mail.ready])
    for (let i = 1; i <= 6; i++) expect(await a.put(i)).toEqual({ delivered: 2 })
    const bill = []
    for (let i = 0; i < 3; i++) bill.push(await one.get(), await other.get())
    expect(bill).toEqual([1, 2, 3, 4, 5, 6])
    for (let i = 1; i <= 6; i++) expect(await mail.get()).toBe(i)
    await close()
  })

  it('keeps what is put while nobody of the group is there, and forgets what all have done', async () => {
    const { a, b, close } = two()
    const first = a.subscribe({ group: 'g' })
    await first.ready
    await first.return?.()
    await a.put(1)
    await a.put(2)
    const again = b.subscribe({ group: 'g' })
    await again.ready
    expect(again.size).toBe(2)
    expect([await again.get(), await again.get()]).toEqual([1, 2])
    expect(await code(again.get({ timeout: '20ms' }))).toBe('WAIT_TIMEOUT')
    await again.return?.()
    const storage = new RedisStorage({ client: open.client })
    const key = `cast:{broadcast:${a.name}}:stream`
    expect(await storage.execute(script("return redis.call('XLEN', KEYS[1])"), [key], [])).toBe(0)
    await storage.close()
    await close()
  })

  it('acknowledges when the next is asked for: what a loop breaks off goes to another member', async () => {
    const { a, b, close } = two()
    const one = a.subscribe({ group: 'g' })
    await one.ready
    for (const i of [1, 2, 3]) await a.put(i)
    for await (const item of one) if (item === 2) break
    const other = b.subscribe({ group: 'g' })
    expect([await other.get(), await other.get()]).toEqual([2, 3])
    await close()
  })

  it('renews while an item is worked on, for longer than its lease', async () => {
    const { a, b, close } = two({ lease: '300ms' })
    const one = a.subscribe({ group: 'g' })
    const other = b.subscribe({ group: 'g' })
    await Promise.all([one.ready, other.ready])
    await a.put(1)
    expect(await one.get()).toBe(1)
    expect(await code(other.get({ timeout: '900ms' }))).toBe('WAIT_TIMEOUT')
    await close()
  })

  it('cuts off the oldest over maxSize, counted exactly for each group and told', async () => {
    const { a, b, close } = two({ maxSize: 3 })
    const slow = b.subscribe({ group: 'slow' })
    const quick = a.subscribe({ group: 'quick' })
    await Promise.all([slow.ready, quick.ready])
    const told: unknown[] = []
    b.on('dropped', (event) => told.push(event))
    for (let i = 1; i <= 8; i++) {
      await a.put(i)
      expect(await quick.get()).toBe(i)
    }
    expect([await slow.get(), await slow.get(), await slow.get()]).toEqual([6, 7, 8])
    expect([slow.dropped, quick.dropped]).toEqual([5, 0])
    expect(told).toEqual([{ group: 'slow', count: 5 }])
    await close()
  })

  it('reaches subscribers without a group in all processes', async () => {
    const { a, b, close } = two<unknown>()
    const [here, there] = [a.subscribe(), b.subscribe({ filter: (item) => item !== 1 })]
    await Promise.all([here.ready, there.ready])
    expect(await a.put(1)).toEqual({ delivered: 1 })
    await b.put(new Uint8Array([0, 255]))
    expect([await here.get(), await here.get()]).toEqual([1, new Uint8Array([0, 255])])
    expect(await there.get()).toEqual(new Uint8Array([0, 255]))
    await close()
    expect(await code(here.get())).toBe('CLOSED')
    expect(await code(a.put(2))).toBe('CLOSED')
  })

  it('gives what a lost member held to another one after the lease', async () => {
    const { a, b, close } = two({ lease: '200ms' })
    // Another connection: what it holds is lost with it.
    await using between = await proxy(Number(new URL(inject('redisUrl')).port || 6379))
    const far = await clients[library](between.url)
    const storage = new RedisStorage({ client: far.client, prefix: 'cast', timeout: '200ms' })
    const lost = QueueFactory.broadcast<number>({ name: a.name, storage, lease: '200ms' })
    const one = lost.subscribe({ group: 'g' })
    await one.ready
    await a.put(1)
    await a.put(2)
    expect(await one.get()).toBe(1)
    await between.refuse(true)
    between.cut()
    const other = b.subscribe({ group: 'g' })
    expect([await other.get(), await other.get()].sort()).toEqual([1, 2])
    far.end()
    await storage.close()
    await lost.stop()
    await close()
  })

  it('cuts off what its subscribers die of, after maxDeliveries; giving back counts for none', async () => {
    const { a, b, close } = two({ lease: '100ms', maxDeliveries: 2 })
    const told: unknown[] = []
    b.on('dropped', (event) => told.push(event))
    const group = a.subscribe({ group: 'g' })
    await group.ready
    await a.put(1)
    for (let i = 0; i < 3; i++) {
      const polite = a.subscribe({ group: 'g' })
      expect(await polite.get()).toBe(1)
      await polite.return?.()
    }
    for (let death = 0; death < 2; death++) {
      await using between = await proxy(Number(new URL(inject('redisUrl')).port || 6379))
      const far = await clients[library](between.url)
      const storage = new RedisStorage({ client: far.client, prefix: 'cast', timeout: '200ms' })
      const dying = QueueFactory.broadcast<number>({ name: a.name, storage, lease: '100ms' })
      expect(await dying.subscribe({ group: 'g' }).get()).toBe(1)
      await between.refuse(true)
      between.cut()
      far.end()
      await storage.close()
      await dying.stop()
    }
    const other = b.subscribe({ group: 'g' })
    await expect
      .poll(async () => {
        await other.get({ timeout: '50ms' }).catch(() => {})
        return other.dropped
      })
      .toBe(1)
    await a.put(2)
    expect(await other.get()).toBe(2)
    other.unsubscribe()
    expect(told).toEqual([{ group: 'g', count: 1 }])
    expect(await a.groups()).toMatchObject([{ group: 'g', waiting: 0, dropped: 1 }])
    await close()
  })

  it('tells of its groups, and forgets one with what waits for it', async () => {
    const { a, b, close } = two()
    const [one, two_] = [a.subscribe({ group: 'one' }), b.subscribe({ group: 'two' })]
    await Promise.all([one.ready, two_.ready])
    for (const item of [1, 2, 3]) await a.put(item)
    await one.get()
    expect((await b.groups()).sort((x, y) => x.group.localeCompare(y.group))).toEqual([
      { group: 'one', waiting: 2, running: 1, dropped: 0 },
      { group: 'two', waiting: 3, running: 0, dropped: 0 },
    ])
    two_.unsubscribe()
    expect(await a.removeGroup('two')).toBe(true)
    expect(await a.removeGroup('two')).toBe(false)
    expect(await a.put(4)).toEqual({ delivered: 1 })
    const again = b.subscribe({ group: 'two' })
    await again.ready
    await a.put(5)
    expect(await again.get()).toBe(5)
    await close()
  })

  it('goes on by itself after an outage: ready waits, put rejects, nothing is lost', async () => {
    await using server = await startRedis()
    const near = await clients[library](server.url)
    await using between = await proxy(Number(new URL(server.url).port))
    const far = await clients[library](between.url)
    await using storage = new RedisStorage({ client: far.client, timeout: '300ms' })
    await using sure = new RedisStorage({ client: near.client })
    const broadcast = QueueFactory.broadcast<number>({ name: 'o', storage })
    const other = QueueFactory.broadcast<number>({ name: 'o', storage: sure })
    const group = broadcast.subscribe({ group: 'g' })
    await group.ready
    await other.put(1)
    expect(await group.get()).toBe(1)
    await between.refuse(true)
    between.cut()
    const next = group.get()
    await other.put(2)
    expect(await code(broadcast.put(3))).toBe('STORAGE_DOWN')
    await between.refuse(false)
    expect(await next).toBe(2)
    await broadcast.stop()
    await other.stop()
    far.end()
    near.end()
  })

  it('refuses bad input by name, and keeps nothing of it', async () => {
    const storage = new RedisStorage({ client: open.client })
    const refused = (option: string) => expect.objectContaining({ code: 'INVALID_OPTION', option })
    const broadcast = (more: object) => () => QueueFactory.broadcast({ storage, ...more } as never)
    expect(broadcast({})).toThrow(refused('name'))
    expect(broadcast({ name: '' })).toThrow(refused('name'))
    expect(broadcast({ name: 'x', maxSize: 0 })).toThrow(refused('maxSize'))
    expect(broadcast({ name: 'x', lease: 0 })).toThrow(refused('lease'))
    expect(broadcast({ name: 'x', leese: 0 })).toThrow(refused('leese'))
    expect(broadcast({ name: 'x', storage: {} })).toThrow(refused('storage'))
    const { a, close } = two<unknown>({ maxItemBytes: 10 })
    expect(() => a.subscribe({ group: '' })).toThrow(refused('group'))
    expect(() => a.subscribe({ group: 'g', maxSize: 1 } as never)).toThrow(refused('maxSize'))
    const group = a.subscribe({ group: 'g' })
    await group.ready
    await expect(a.put(undefined)).rejects.toMatchObject({ option: 'item' })
    await expect(a.put('0123456789')).rejects.toMatchObject({ option: 'item' })
    await a.put('ok')
    expect(await group.get()).toBe('ok')
    await close()
    await storage.close()
  })
})
