import {
  AdaptiveLimiter,
  CircuitBreaker,
  Coordinator,
  LimiterFactory,
  MemoryStorage,
  QueueFactory,
  Scheduler,
  WorkerPool,
} from 'aioflux'
import { Metrics } from 'aioflux/metrics'
import { RedisStorage } from 'aioflux/redis'
import { ManualClock } from 'aioflux/testing'
import { expect, it } from 'vitest'
import { PromisedStorage } from '../queues/model/promised-storage.ts'
import { collector } from '../support/collector.ts'

const series = (metrics: Metrics) =>
  [...metrics].flatMap((family) => [...family].map(({ text }) => `${family.name}{${text}}`))

it('a limiter that was closed is told no more, unless another one of its name counts on', async () => {
  const metrics = new Metrics()
  for (let round = 0; round < 50; round++) {
    const options = { rate: 1, name: `limit ${round}`, metrics }
    const limiters = [
      LimiterFactory.tokenBucket(options),
      LimiterFactory.slidingWindow(options),
      LimiterFactory.concurrency({ limit: 1, name: `permits ${round}`, metrics }),
      new AdaptiveLimiter({ name: `adaptive ${round}`, metrics }),
      LimiterFactory.tokenBucket({ rate: 1, name: `shadow ${round}`, shadow: true, metrics }),
    ]
    const composite = LimiterFactory.composite(limiters, { metrics })
    await composite.acquire()
    await composite.acquire()
    const [first, ...others] = limiters
    await first?.close()
    expect(series(metrics).some((name) => name.includes(`"limit ${round}"`))).toBe(true)
    for (const limiter of [...others, composite]) await limiter.close()
    await composite.close()
  }
  expect(series(metrics)).toEqual([])
})

/** Parts that end by a call, after some work: each is made, works, and is returned with how it ends. */
const ended: Readonly<
  Record<string, (metrics: Metrics, name: string) => Promise<() => Promise<unknown>>>
> = {
  async pool(metrics, name) {
    const pool = new WorkerPool({ name, metrics, maxWorkers: 3, checkInterval: '1h' }).start()
    await Promise.all([1, 2, 3].map((n) => pool.submit(() => n)))
    return () => pool.stop()
  },
  async coordinator(metrics, name) {
    const coordinator = new Coordinator({ storage: new MemoryStorage(), name, metrics })
    await coordinator.lock('invoice')
    await coordinator.acquireLeadership()
    return () => coordinator.close()
  },
  async broadcast(metrics, name) {
    const broadcast = QueueFactory.broadcast<number>({ name, metrics })
    broadcast.subscribe()
    await broadcast.put(1)
    return () => broadcast.stop()
  },
  async 'memory storage'(metrics, name) {
    const storage = new MemoryStorage({ name, metrics })
    await storage.set('k', 1)
    return () => storage.close()
  },
  async 'Redis storage'(metrics, name) {
    const storage = new RedisStorage({ url: 'redis://127.0.0.1:1', name, metrics, timeout: '10ms' })
    await storage.get('k').catch(() => {})
    return () => storage.close()
  },
}

it.each(Object.entries(ended))('nor is a %s', async (_, make) => {
  const metrics = new Metrics()
  const [first, second] = [await make(metrics, 'same'), await make(metrics, 'same')]
  const other = await make(metrics, 'other')
  const both = series(metrics)
  expect(both.length).toBeGreaterThan(1)
  await first()
  await first()
  // The second one counts in all of them.
  expect(series(metrics)).toEqual(both)
  await second()
  expect(series(metrics).filter((name) => name.includes('same'))).toEqual([])
  expect(series(metrics).length).toBeGreaterThan(0)
  await other()
  expect(series(metrics)).toEqual([])
})

it('a queue that has stopped has no size, and its counts stay while it is held', async () => {
  const metrics = new Metrics()
  const queue = QueueFactory.fifo<number>({ name: 'q', metrics, handler: () => {} }).start()
  await queue.submit(1)
  await queue.stop()
  const { counters, gauges } = metrics.getStats()
  expect(counters['aioflux_queue_jobs_total{outcome="completed",queue="q"}']).toBe(1)
  expect(gauges).toEqual({})
  expect(queue.stats().completed).toBe(1)
})

/** Parts that nobody closes. */
const left: Readonly<Record<string, (metrics: Metrics, name: string) => unknown>> = {
  limiter: (metrics, name) => LimiterFactory.tokenBucket({ rate: 1, name, metrics }).allow(),
  queue: (metrics, name) => QueueFactory.fifo({ name, metrics }),
  pool: (metrics, name) => new WorkerPool({ name, metrics }),
  breaker: (metrics, name) => new CircuitBreaker({ name, metrics }),
  scheduler(metrics, name) {
    const scheduler = new Scheduler({ name, metrics, clock: new ManualClock() })
    scheduler.every('1m', () => {}, { name: 'tidy' })
  },
  coordinator: (metrics, name) => new Coordinator({ storage: new MemoryStorage(), name, metrics }),
  broadcast: (metrics, name) => QueueFactory.broadcast({ name, metrics }),
  storage: (metrics, name) => new MemoryStorage({ name, metrics }),
}

it.each(Object.entries(left))('nor is a %s that nobody holds any more', async (_, make) => {
  const collect = collector()
  const metrics = new Metrics()
  for (let i = 0; i < 50; i++) make(metrics, `${i}`)
  const before = series(metrics).length
  expect(before).toBeGreaterThanOrEqual(50)
  for (let i = 0; i < 20 && series(metrics).length > 0; i++) {
    await new Promise((resolve) => setImmediate(resolve))
    collect()
  }
  // The last ones may still lie on the stack.
  expect(series(metrics).length).toBeLessThan(before)
})

/** Parts of every kind that are held: what they count must outlive any collection. */
const held: Readonly<Record<string, (metrics: Metrics, name: string) => unknown>> = {
  limiter: (metrics, name) => LimiterFactory.tokenBucket({ rate: 1, name, metrics }),
  queue: (metrics, name) => QueueFactory.fifo<number>({ name, metrics }),
  'queue over a storage': (metrics, name) => {
    const clock = new ManualClock()
    const storage = new PromisedStorage(clock, {}, undefined)
    return storage.queue<number, number>('fifo', { name, metrics, clock })
  },
  breaker: (metrics, name) => new CircuitBreaker({ name, metrics }),
  pool: (metrics, name) => new WorkerPool({ name, metrics, minWorkers: 1, maxWorkers: 2 }),
  scheduler: (metrics, name) => {
    const scheduler = new Scheduler({ name, metrics })
    scheduler.every('1m', () => {}, { name: 'tidy' })
    return scheduler
  },
  coordinator: (metrics, name) => new Coordinator({ storage: new MemoryStorage(), name, metrics }),
  broadcast: (metrics, name) => QueueFactory.broadcast({ name, metrics }),
  storage: (metrics, name) => new MemoryStorage({ name, metrics }),
}

it.each(Object.entries(held))('a %s that is held is told as long as that', async (_, make) => {
  const collect = collector()
  const metrics = new Metrics()
  const parts = Array.from({ length: 50 }, (_, i) => make(metrics, `${i}`))
  const before = series(metrics)
  const gauges = Object.keys(metrics.getStats().gauges)
  for (let i = 0; i < 5; i++) {
    await new Promise((resolve) => setImmediate(resolve))
    collect()
  }
  expect(series(metrics)).toEqual(before)
  expect(Object.keys(metrics.getStats().gauges)).toEqual(gauges)
  expect(parts).toHaveLength(50)
})
