import { readFileSync } from 'node:fs'
import {
  backoff,
  CircuitBreaker,
  Coordinator,
  LimiterFactory,
  MemoryStorage,
  QueueFactory,
  Scheduler,
  WorkerPool,
} from 'aioflux'
import { type Meter, Metrics } from 'aioflux/metrics'
import { RedisStorage } from 'aioflux/redis'
import { ManualClock } from 'aioflux/testing'
import { beforeEach, describe, expect, it } from 'vitest'

let metrics: Metrics
let clock: ManualClock

beforeEach(() => {
  metrics = new Metrics()
  clock = new ManualClock()
})

/** What has been counted, without the part of the name that all have. */
function counted(prefix: string): Record<string, number> {
  const { counters, gauges } = metrics.getStats()
  return Object.fromEntries(
    Object.entries({ ...counters, ...gauges })
      .filter(([name]) => name.startsWith(`aioflux_${prefix}`))
      .map(([name, value]) => [name.slice(`aioflux_${prefix}_`.length), value]),
  )
}

async function limit(): Promise<void> {
  const storage = new MemoryStorage({ maxKeys: 100, metrics, clock })
  const limiter = LimiterFactory.tokenBucket({ rate: 2, per: 1, name: 'api', storage, metrics })
  for (const key of ['a', 'a', 'a', 'b']) await limiter.acquire(key)
  limiter.decide('a')
  const waited = limiter.wait('a')
  const late = limiter.wait('a', { timeout: '10ms' }).catch(() => {})
  expect(counted('limiter')['waiting{limiter="api"}']).toBe(1)
  clock.advance('500ms')
  await Promise.all([waited, late])
}

async function breakCalls(): Promise<void> {
  const breaker = new CircuitBreaker({
    name: 'db',
    failureThreshold: 2,
    slowCall: '1s',
    metrics,
    clock,
  })
  await breaker.call(async () => clock.advance('500ms'))
  for (const _ of [1, 2]) await breaker.call(() => Promise.reject(new Error('no'))).catch(() => {})
  await breaker.call(() => 1).catch(() => {})
}

async function work(): Promise<void> {
  const queue = QueueFactory.dedupe<string>({
    name: 'mail',
    metrics,
    clock,
    retry: { attempts: 2, baseDelay: 0 },
    handler: (item) => {
      clock.advance('20ms')
      if (item === 'bad') throw new Error('no')
    },
  })
  queue.on('failed', () => {})
  void queue.put('good')
  void queue.put('good')
  void queue.put('bad')
  const job = await queue.put('never')
  job.cancel()
  clock.advance('2s')
  expect(counted('queue')).toMatchObject({ 'waiting{queue="mail"}': 2, 'workers{queue="mail"}': 1 })
  queue.start()
  await queue.onIdle()
  void queue.put('left', { delay: '1h' })
  queue.clear()
  await queue.stop()
}

async function schedule(): Promise<void> {
  const scheduler = new Scheduler({ name: 'house', metrics, clock })
  let end = () => {}
  scheduler.every('1m', () => new Promise<void>((resolve) => (end = resolve)), { name: 'tidy' })
  scheduler.start()
  clock.advance('1m')
  expect(counted('scheduler')['running{scheduler="house",task="tidy"}']).toBe(1)
  clock.advance('1m')
  end()
  await scheduler.stop()
}

describe('what parts count', () => {
  it('limiters: decisions, waits, those in line, keys', async () => {
    await limit()
    expect(counted('limiter')).toEqual({
      'decisions_total{limiter="api",outcome="allowed"}': 4,
      'decisions_total{limiter="api",outcome="denied"}': 3,
      'waiting{limiter="api"}': 0,
      'keys{limiter="api"}': 2,
    })
    expect(counted('storage')).toEqual({ 'keys{storage="memory"}': 2 })
    const { histograms } = metrics.getStats()
    expect(histograms['aioflux_limiter_wait_seconds{limiter="api"}']).toMatchObject({
      count: 1,
      p50: 0.5,
    })
  })

  it('composites: as one; adaptive limiters: their rate', async () => {
    const a = LimiterFactory.tokenBucket({ rate: 1, clock, name: 'a', metrics })
    const b = LimiterFactory.tokenBucket({ rate: 5, clock, name: 'b' })
    const both = LimiterFactory.composite([a, b], { name: 'both', metrics })
    await both.acquire()
    await both.acquire()
    const adaptive = LimiterFactory.adaptive({ initialRate: 50, clock, metrics })
    expect(counted('limiter')).toMatchObject({
      'decisions_total{limiter="both",outcome="allowed"}': 1,
      'decisions_total{limiter="both",outcome="denied"}': 1,
      'rate{limiter="adaptive"}': 50,
    })
    expect(both.name).toBe('both')
    expect(adaptive.currentRate).toBe(50)
  })

  it('breakers: calls by how they ended, their time, their state', async () => {
    await breakCalls()
    expect(counted('breaker')).toEqual({
      'calls_total{breaker="db",outcome="succeeded"}': 1,
      'calls_total{breaker="db",outcome="failed"}': 2,
      'calls_total{breaker="db",outcome="refused"}': 1,
      'opened_total{breaker="db"}': 1,
      'state{breaker="db",state="closed"}': 0,
      'state{breaker="db",state="open"}': 1,
      'state{breaker="db",state="half_open"}': 0,
      'state{breaker="db",state="isolated"}': 0,
    })
    const { histograms } = metrics.getStats()
    expect(histograms['aioflux_breaker_call_seconds{breaker="db"}']).toMatchObject({
      count: 3,
      p99: 0.5,
    })
  })

  it('queues: jobs by how they ended, retries, waits and runs; nothing of their size once they have stopped', async () => {
    await work()
    expect(counted('queue')).toEqual({
      'jobs_total{outcome="completed",queue="mail"}': 1,
      'jobs_total{outcome="failed",queue="mail"}': 1,
      'jobs_total{outcome="cancelled",queue="mail"}': 1,
      'jobs_total{outcome="dropped",queue="mail"}': 1,
      'jobs_total{outcome="duplicate",queue="mail"}': 1,
      'retries_total{queue="mail"}': 1,
    })
    const { histograms } = metrics.getStats()
    expect(histograms['aioflux_queue_job_seconds{queue="mail"}']).toMatchObject({ p50: 0.02 })
    expect(histograms['aioflux_queue_wait_seconds{queue="mail"}']).toMatchObject({ p50: 2 })
  })

  it('counts pulls of a queue', async () => {
    const queue = QueueFactory.fifo<number>({ metrics })
    await queue.putMany([1, 2])
    await queue.get()
    queue.tryGet()
    expect(counted('queue')['jobs_total{outcome="pulled",queue="fifo"}']).toBe(2)
    await queue.stop()
  })

  it('schedulers: runs, skipped and missed slots', async () => {
    await schedule()
    const { 'last_success_timestamp_seconds{scheduler="house",task="tidy"}': last, ...rest } =
      counted('scheduler')
    expect(rest).toMatchObject({
      'runs_total{outcome="completed",scheduler="house",task="tidy"}': 1,
      'skipped_total{reason="overlap",scheduler="house",task="tidy"}': 1,
    })
    expect(last).toBeGreaterThan(1.7e9)
  })

  it('coordinators: locks, waits, leadership', async () => {
    const coordinator = new Coordinator({
      storage: new MemoryStorage({ clock }),
      name: 'c',
      clock,
      metrics,
    })
    const lock = await coordinator.lock('invoice-42')
    clock.advance('2s')
    await lock.release()
    await coordinator.acquireLeadership()
    expect(counted('coordinator')).toEqual({
      'locks_total{coordinator="c",outcome="acquired"}': 2,
      'locks_total{coordinator="c",outcome="released"}': 1,
      'elections_total{coordinator="c",outcome="elected"}': 1,
      'leader{coordinator="c"}': 1,
      'locks_held{coordinator="c"}': 1,
    })
    await coordinator.releaseLeadership()
    expect(counted('coordinator')).toMatchObject({
      'elections_total{coordinator="c",outcome="deposed"}': 1,
      'leader{coordinator="c"}': 0,
      'locks_held{coordinator="c"}': 0,
    })
    const { histograms } = metrics.getStats()
    expect(histograms['aioflux_coordinator_lock_held_seconds{coordinator="c"}']?.p99).toBe(2)
    await coordinator.close()
  })

  it('backoff: attempts by what came of them', async () => {
    let left = 2
    const load = async () => {
      if (left-- > 0) throw new Error('no')
    }
    await backoff(load, { baseDelay: 0, metrics })
    await backoff(load, { maxRetries: 0, metrics, name: 'x' })
    expect(counted('backoff')).toEqual({
      'attempts_total{name="load",outcome="retried"}': 2,
      'attempts_total{name="load",outcome="succeeded"}': 1,
      'attempts_total{name="x",outcome="succeeded"}': 1,
    })
  })

  it('counts every call and times enough of them, however fast they come', async () => {
    const breaker = new CircuitBreaker({ metrics })
    for (let i = 0; i < 20_000; i++) await breaker.call(async () => i)
    const { counters, histograms } = metrics.getStats()
    expect(counters['aioflux_breaker_calls_total{breaker="breaker",outcome="succeeded"}']).toBe(
      20_000,
    )
    const { count = 0 } = histograms['aioflux_breaker_call_seconds{breaker="breaker"}'] ?? {}
    expect(count).toBeGreaterThan(20_000 - 256)
    expect(count).toBeLessThanOrEqual(20_000)
  })

  it('takes anything with the three verbs, and nothing else', async () => {
    const told: string[] = []
    const family = (name: string) => ({
      with: (labels: object = {}) => ({
        inc: () => told.push(`${name} ${JSON.stringify(labels)}`),
        set: () => {},
        observe: () => {},
        follow: () => () => {},
      }),
    })
    const meter: Meter = { counter: family, gauge: family, histogram: family }
    await LimiterFactory.tokenBucket({ rate: 1, metrics: meter, name: 'x' }).acquire()
    expect(told).toEqual(['aioflux_limiter_decisions_total {"limiter":"x","outcome":"allowed"}'])
    const bad = { metrics: {} as Meter }
    for (const make of [
      () => LimiterFactory.tokenBucket({ rate: 1, ...bad }),
      () => LimiterFactory.composite([LimiterFactory.tokenBucket({ rate: 1 })], bad),
      () => new CircuitBreaker(bad),
      () => QueueFactory.fifo(bad),
      () => QueueFactory.broadcast(bad),
      () => new WorkerPool(bad),
      () => new Scheduler(bad),
      () => new MemoryStorage(bad),
      () => new RedisStorage({ url: 'redis://localhost', ...bad }),
    ]) {
      expect(make).toThrow('metrics must have counter()')
    }
    await expect(backoff(() => 1, bad)).rejects.toThrow('metrics must have counter()')
  })

  it('is what docs/metrics.md says, and what the dashboard and the alerts ask for', async () => {
    for (const run of [limit, breakCalls, work, schedule]) await run()
    LimiterFactory.adaptive({ metrics })
    LimiterFactory.tokenBucket({ rate: 1, shadow: true, metrics, name: 'shadow' })
    const storage = new RedisStorage({ url: 'redis://localhost', metrics })
    LimiterFactory.tokenBucket({ rate: 1, storage, metrics })
    QueueFactory.broadcast({ metrics })
    new WorkerPool({ metrics })
    await backoff(() => 1, { metrics })
    new Coordinator({ storage, metrics })
    await storage.close()

    const exported = [...metrics].map(({ name }) => name)
    const read = (path: string) =>
      readFileSync(new URL(`../../docs/${path}`, import.meta.url), 'utf8')
    const table = read('metrics.md').match(/(?<=^\| `)aioflux_\w+/gm) ?? []
    expect([...table].sort()).toEqual([...exported].sort())
    const samples = [...metrics].flatMap(({ name, type }) =>
      type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
    )
    const dashboard = read('grafana-dashboard.json')
    const { panels } = JSON.parse(dashboard) as { panels: { targets?: { expr: string }[] }[] }
    const asked = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)).join('\n')
    for (const text of [asked, read('alerts.yml')]) {
      const names = new Set(text.match(/\baioflux_\w+/g))
      expect(names.size).toBeGreaterThan(10)
      for (const name of names) expect(samples).toContain(name)
    }
    // The dashboard shows all there is.
    const shown = exported.filter((name) => !asked.includes(name))
    expect(shown).toEqual([])
  })
})
