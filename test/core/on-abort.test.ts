import { Coordinator, LimiterFactory, MemoryStorage, QueueFactory, WorkerPool } from 'aioflux'
import { ManualClock } from 'aioflux/testing'
import { describe, expect, it } from 'vitest'
import { onAbort } from '../../src/core/on-abort.ts'

/** A signal that counts its listeners. */
function counted() {
  const controller = new AbortController()
  const { signal } = controller
  const counts = { now: 0, most: 0 }
  const add = signal.addEventListener.bind(signal)
  const remove = signal.removeEventListener.bind(signal)
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    counts.now += 1
    counts.most = Math.max(counts.most, counts.now)
    add(...args)
  }
  signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    counts.now -= 1
    remove(...args)
  }
  return { controller, signal, counts }
}

const MANY = 30

describe('many waits on one signal', () => {
  const clock = new ManualClock()
  const full = () => {
    const limiter = LimiterFactory.concurrency({ limit: 1, clock })
    limiter.allow()
    return limiter
  }
  const waits: Readonly<Record<string, () => (signal: AbortSignal) => Promise<unknown>>> = {
    'limiter.wait': () => {
      const limiter = full()
      return (signal) => limiter.wait('', { signal })
    },
    'limiter.wait of many limiters': () => (signal) => full().wait('', { signal }),
    'composite.wait': () => {
      const limiter = LimiterFactory.composite(full())
      return (signal) => limiter.wait('', { signal })
    },
    'queue.get': () => {
      const queue = QueueFactory.fifo({ clock })
      return (signal) => queue.get({ signal })
    },
    'queue.put of many queues': () => (signal) =>
      QueueFactory.fifo({ clock }).submit(1, { signal }),
    'subscription.get': () => {
      const subscription = QueueFactory.broadcast({ clock }).subscribe()
      return (signal) => subscription.get({ signal })
    },
    'coordinator.lock': () => {
      const coordinator = new Coordinator({ storage: new MemoryStorage({ clock }), clock })
      void coordinator.lock('a')
      return (signal) => coordinator.lock('a', { signal })
    },
    'pool.map': () => (signal) => {
      const endless = {
        [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => {}) }),
      }
      return new WorkerPool({ clock }).map(endless, (x) => x, { signal }).next()
    },
  }

  it.each(Object.entries(waits))('%s: have one listener, and all are told', async (_, make) => {
    const { controller, signal, counts } = counted()
    const wait = make()
    const ends = Array.from({ length: MANY }, () => wait(signal).catch((reason) => reason))
    await new Promise((resolve) => setImmediate(resolve))
    expect(counts.most).toBe(1)
    controller.abort('enough')
    for (const reason of await Promise.all(ends)) expect(reason).toBe('enough')
  })

  it('leave none behind', async () => {
    const { signal, counts } = counted()
    const queue = QueueFactory.fifo<number>()
    const gets = Array.from({ length: MANY }, () => queue.get({ signal }))
    for (let i = 0; i < MANY; i++) queue.offer(i)
    expect(await Promise.all(gets)).toEqual(Array.from({ length: MANY }, (_, i) => i))
    expect(counts).toEqual({ now: 0, most: 1 })
  })

  it('are told from the last, without those that another one has stopped, and once', () => {
    const { controller, signal } = counted()
    const told: string[] = []
    onAbort(signal, () => told.push('first'))
    onAbort(signal, () => told.push('gone'))()
    const stop = onAbort(signal, () => told.push('stopped'))
    onAbort(signal, () => {
      told.push('last')
      stop()
    })
    controller.abort()
    controller.abort()
    stop()
    expect(told).toEqual(['last', 'first'])
  })

  /** A call that holds others up, and one behind it that could go on without it. */
  const pairs: Readonly<Record<string, (signal: AbortSignal) => Promise<unknown>[]>> = {
    'limiter.wait': (signal) => {
      const limiter = LimiterFactory.concurrency({ limit: 2, clock })
      limiter.allow()
      return [limiter.wait('', { cost: 2, signal }), limiter.wait('', { signal })]
    },
    'queue.put': (signal) => {
      const queue = QueueFactory.delay({ clock, maxSize: 1, handler: () => 'begun' }).start()
      return [queue.submit(1, { signal, delay: '1h' }), queue.submit(2, { signal })]
    },
    'queue.put of a dedupe queue': (signal) => {
      const handler = () => 'begun'
      const queue = QueueFactory.dedupe({ mode: 'coalesce', clock, maxSize: 1, handler }).start()
      return [queue.submit(1, { signal, delay: '1h' }), queue.submit(2, { signal })]
    },
  }

  it.each(Object.entries(pairs))('%s: none goes on in the place of another', async (_, make) => {
    const { controller, signal } = counted()
    const ends = make(signal)
    await new Promise((resolve) => setImmediate(resolve))
    controller.abort('enough')
    expect(await Promise.allSettled(ends)).toEqual(
      ends.map(() => ({ status: 'rejected', reason: 'enough' })),
    )
  })

  it('a job does not begin when its own signal makes room for it', async () => {
    const { controller, signal } = counted()
    const begun: number[] = []
    const handler = (item: number) => begun.push(item)
    const queue = QueueFactory.delay({ clock, maxSize: 1, handler }).start()
    await queue.put(1, { signal, delay: '1h' })
    const waits = queue.put(2, { signal })
    controller.abort('enough')
    await expect(waits).rejects.toBe('enough')
    expect(begun).toEqual([])
  })
})
