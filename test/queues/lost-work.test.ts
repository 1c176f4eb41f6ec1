import { describe, expect, it } from 'vitest'
import { type Limiter, LimiterFactory, QueueFactory } from '../../src/index.ts'
import { ManualClock } from '../../src/testing/manual-clock.ts'

const turn = () => new Promise((resolve) => setImmediate(resolve))
const settle = async () => {
  for (let i = 0; i < 5; i++) await turn()
}

/** A limiter that cannot answer at once: all it says comes a turn of the event loop later. */
function promised(limiter: Limiter): Limiter {
  return new Proxy(limiter, {
    get(target, name) {
      if (name === 'allow' || name === 'decide') return undefined
      if (name === 'schedule') {
        return async (...args: Parameters<Limiter['schedule']>) => {
          await turn()
          return target.schedule(...args)
        }
      }
      const value: unknown = Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
    has: (target, name) => name !== 'allow' && name !== 'decide' && name in target,
  })
}

describe('an entry belongs to one order', () => {
  it('does not start a job twice that was moved up, failed and waits for its retry', async () => {
    const clock = new ManualClock()
    const begun: string[] = []
    const queue = QueueFactory.priority<string>({
      clock,
      retry: { attempts: 3, baseDelay: '300ms', maxDelay: '300ms', jitter: 'none' },
      handler: async (item, { attempt }) => {
        begun.push(`${item}${attempt}@${clock.now()}`)
        if (item === 'J' && attempt === 1) throw new Error('once')
      },
    })
    const jobs = await Promise.all(['J', 'a', 'b', 'c', 'd'].map((item) => queue.put(item)))
    jobs[0]?.setPriority(10)
    queue.start()
    await settle()
    clock.advance('300ms')
    await settle()
    expect(begun).toEqual(['J1@0', 'a1@0', 'b1@0', 'c1@0', 'd1@0', 'J2@300'])
    expect(jobs.map(({ state }) => state)).toEqual(new Array(5).fill('completed'))
    expect(await queue.stop()).toMatchObject({ completed: 5, notStarted: [], stillRunning: [] })
  })

  it.each(['fifo', 'priority', 'dedupe', 'delay'] as const)(
    'begins each job once before a limiter with keys, sync or promised: %s',
    async (kind) => {
      for (const wrap of [(limiter: Limiter) => limiter, promised]) {
        const clock = new ManualClock()
        const begun: number[] = []
        const make = QueueFactory[kind] as typeof QueueFactory.fifo
        const queue = make<number>({
          clock,
          workers: 3,
          limiter: wrap(LimiterFactory.tokenBucket({ rate: 10, burst: 1, clock })),
          limiterKey: (n) => String(n % 3),
          handler: async (n) => {
            begun.push(n)
            await turn()
          },
        }).start()
        const items = Array.from({ length: 30 }, (_, n) => n)
        const results = Promise.all(items.map((n) => queue.submit(n)))
        for (let i = 0; i < 12; i++) {
          await settle()
          clock.advance('100ms')
        }
        await results
        expect([...begun].sort((a, b) => a - b)).toEqual(items)
        for (const key of [0, 1, 2]) {
          expect(begun.filter((n) => n % 3 === key)).toEqual(items.filter((n) => n % 3 === key))
        }
        expect(queue.size()).toBe(0)
        expect(await queue.stop()).toMatchObject({ completed: 30 })
      }
    },
  )
})

describe('what could run has a worker or a timer', () => {
  it('sends a batch whose moment comes between two readings of the clock', async () => {
    for (const items of [15, 25]) {
      for (const step of [0.001, 0.01, 0.1, 1, 7]) {
        let now = 0
        const timers = new Set<{ due: number; ring: () => void }>()
        const clock = {
          now: () => {
            now += step
            return now
          },
          after: (delay: number, ring: () => void) => {
            const timer = { due: now + delay, ring }
            timers.add(timer)
            return () => timers.delete(timer)
          },
        }
        const queue = QueueFactory.fifo<number>({
          batchSize: 10,
          batchTimeout: '50ms',
          batchFn: async (batch) => batch,
          clock,
        }).start()
        let done = 0
        for (let n = 0; n < items; n++) void queue.submit(n).then(() => (done += 1))
        await settle()
        for (let round = 0; round < 100 && timers.size > 0; round++) {
          const [next] = [...timers].sort((a, b) => a.due - b.due)
          if (next === undefined) break
          timers.delete(next)
          now = Math.max(now, next.due)
          next.ring()
          await settle()
        }
        expect(done, `${items} items, ${step} ms a reading`).toBe(items)
      }
    }
  })
})

describe('stop', () => {
  it('hands back more jobs than a call takes arguments', async () => {
    const queue = QueueFactory.fifo<number>({ maxSize: Infinity, handler: () => {} })
    for (let n = 0; n < 200_000; n++) queue.offer(n)
    const { notStarted } = await queue.stop({ mode: 'drop' })
    expect(notStarted).toHaveLength(200_000)
  })

  it('hands back what is needed to put a job again', async () => {
    const clock = new ManualClock()
    const queue = QueueFactory.priority<string>({ clock })
    await queue.put('plain')
    await queue.put('urgent', { priority: 7, key: 'k' })
    await queue.put('later', { delay: '10s' })
    const at = new Date(clock.wall() + 60_000)
    await queue.put('dated', { at })
    clock.advance('4s')
    expect((await queue.stop()).notStarted).toEqual([
      { id: '2', item: 'urgent', priority: 7, key: 'k' },
      { id: '1', item: 'plain' },
      { id: '3', item: 'later', delay: 6 },
      { id: '4', item: 'dated', at },
    ])
  })
})
