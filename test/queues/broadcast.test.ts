import { getEventListeners } from 'node:events'
import { describe, expect, it } from 'vitest'
import { QueueFactory } from '../../src/index.ts'

const code = (promise: Promise<unknown>) =>
  promise.then(
    (value) => value,
    (error: { code?: string }) => error.code,
  )
const read = async <T>(from: AsyncIterable<T>) => {
  const items: T[] = []
  for await (const item of from) items.push(item)
  return items
}

describe('broadcast', () => {
  it('subscribes at once: nothing is missed between subscribing and reading', async () => {
    const broadcast = QueueFactory.broadcast<number>()
    const [a, b] = [broadcast.subscribe(), broadcast.subscribe({ filter: (n) => n > 1 })]
    expect(await broadcast.put(1)).toEqual({ delivered: 1, dropped: 0 })
    expect(await broadcast.put(2)).toEqual({ delivered: 2, dropped: 0 })
    const late = broadcast.subscribe()
    await broadcast.stop()
    expect(await Promise.all([read(a), read(b), read(late)])).toEqual([[1, 2], [2], []])
    expect(await code(broadcast.put(3))).toBe('CLOSED')
  })

  it('drop-oldest and drop-newest count and tell what they drop', async () => {
    const broadcast = QueueFactory.broadcast<number>({ maxSize: 2 })
    const missed: number[] = []
    broadcast.on('dropped', ({ item }) => missed.push(item))
    const oldest = broadcast.subscribe()
    const newest = broadcast.subscribe({ overflow: 'drop-newest' })
    for (const item of [1, 2]) await broadcast.put(item)
    expect(await broadcast.put(3)).toEqual({ delivered: 1, dropped: 2 })
    expect([oldest.dropped, newest.dropped, broadcast.dropped]).toEqual([1, 1, 2])
    expect(missed).toEqual([1, 3])
    expect(broadcast.size()).toBe(2)
    await broadcast.stop()
    expect(await Promise.all([read(oldest), read(newest)])).toEqual([
      [2, 3],
      [1, 2],
    ])
  })

  it('disconnect: the subscriber reads what it has, then learns why', async () => {
    const broadcast = QueueFactory.broadcast<number>({ maxSize: 1, overflow: 'disconnect' })
    const slow = broadcast.subscribe()
    await broadcast.put(1)
    expect(await broadcast.put(2)).toEqual({ delivered: 0, dropped: 1 })
    expect(broadcast.subscribers).toBe(0)
    expect(await slow.get()).toBe(1)
    expect(await code(slow.get())).toBe('SLOW_SUBSCRIBER')
    expect(await code(slow.get())).toBe('CLOSED')
  })

  it('block: put waits for the reader, in order, or until its patience ends', async () => {
    const broadcast = QueueFactory.broadcast<number>({ maxSize: 1, overflow: 'block' })
    const slow = broadcast.subscribe()
    await broadcast.put(1)
    const puts = [broadcast.put(2), broadcast.put(3)]
    const controller = new AbortController()
    const given = broadcast.put(4, { signal: controller.signal }).catch((reason) => reason)
    controller.abort('enough')
    expect(await given).toBe('enough')
    const seen: number[] = []
    for (let i = 0; i < 3; i++) {
      seen.push(await slow.get())
      await new Promise((resolve) => setImmediate(resolve))
      expect(slow.size).toBeLessThanOrEqual(1)
    }
    expect(seen).toEqual([1, 2, 3])
    expect(await Promise.all(puts)).toEqual([
      { delivered: 1, dropped: 0 },
      { delivered: 1, dropped: 0 },
    ])
    await broadcast.put(5)
    const blocked = broadcast.put(6)
    slow.unsubscribe()
    expect(await blocked).toEqual({ delivered: 0, dropped: 0 })
  })

  it('block: a put that comes while room is handed over does not overtake', async () => {
    const broadcast = QueueFactory.broadcast<number>({ maxSize: 1, overflow: 'block' })
    const slow = broadcast.subscribe()
    await broadcast.put(1)
    const puts = [broadcast.put(2)]
    const first = slow.get()
    puts.push(broadcast.put(3))
    expect([await first, await slow.get(), await slow.get()]).toEqual([1, 2, 3])
    await Promise.all(puts)
  })

  it('block: what the end leaves undelivered is counted, and who has left gets nothing', async () => {
    const broadcast = QueueFactory.broadcast<number>({ maxSize: 1, overflow: 'block' })
    broadcast.subscribe()
    await broadcast.put(1)
    const late = broadcast.put(2)
    await broadcast.stop()
    expect(await late).toEqual({ delivered: 0, dropped: 1 })
    expect(broadcast.dropped).toBe(1)

    const other = QueueFactory.broadcast<number>({ maxSize: 1, overflow: 'block' })
    const reader = other.subscribe()
    await other.put(1)
    const blocked = other.put(2)
    void reader.get()
    reader.unsubscribe()
    expect(await blocked).toEqual({ delivered: 0, dropped: 0 })
    expect(reader.size).toBe(0)
  })

  it('ends pending reads, leaves on break, and follows a signal without leaving a listener', async () => {
    const broadcast = QueueFactory.broadcast<number>()
    const controller = new AbortController()
    const followed = broadcast.subscribe({ signal: controller.signal })
    const broken = broadcast.subscribe()
    const pending = followed.next()
    await broadcast.put(1)
    await broadcast.put(2)
    expect(await pending).toEqual({ done: false, value: 1 })
    for await (const _ of broken) break
    expect(broadcast.subscribers).toBe(1)
    controller.abort()
    expect(broadcast.subscribers).toBe(0)
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(0)
    const last = broadcast.subscribe()
    const waiting = last.next()
    await broadcast.stop()
    expect(await waiting).toEqual({ done: true, value: undefined })
  })
})
