import {
  AdaptiveLimiter,
  BatchCollector,
  backoff,
  CircuitBreaker,
  Coordinator,
  concurrency,
  createLimiter,
  fixedWindow,
  LimiterFactory,
  leakyBucket,
  MemoryStorage,
  QueueFactory,
  rateLimit,
  Scheduler,
  slidingWindow,
  slotKeeper,
  tokenBucket,
  WorkerPool,
} from 'aioflux'
import { clientIp, politeFetch, rateLimitFetch } from 'aioflux/http'
import { ConsoleMonitor, Metrics, PrometheusExporter } from 'aioflux/metrics'
import { HybridStorage, RedisStorage } from 'aioflux/redis'
import { ManualClock, ruleExam } from 'aioflux/testing'
import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'

// biome-ignore lint/suspicious/noExplicitAny: it is handed what its type forbids.
type Value = any

/** What is no finite number. Text that reads like one, and what `+` and `>` quietly make a number of, come first. */
const NONSENSE: readonly Value[] = [
  '512',
  '0x10',
  '',
  'abc',
  null,
  true,
  [],
  [7],
  {},
  { valueOf: () => 7 },
  new Date(1000),
  () => 7,
  10n,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
]

const storage = () => new MemoryStorage()
const nothing = () => {}
const limiter = () => LimiterFactory.tokenBucket({ rate: 10 })
const permits = () => LimiterFactory.concurrency({ limit: 2 })

/** Everything that takes a number from outside, and what of the nonsense means something there. */
const TAKERS: Readonly<Record<string, [take: (value: Value) => unknown, meaningful?: Value[]]>> = {
  // rules and limiters
  'rate of a token bucket': [(rate) => tokenBucket({ rate })],
  'burst of a token bucket': [(burst) => tokenBucket({ rate: 1, burst })],
  'per of a token bucket': [(per) => tokenBucket({ rate: 1, per })],
  'rate of a leaky bucket': [(rate) => leakyBucket({ rate })],
  'capacity of a leaky bucket': [(capacity) => leakyBucket({ rate: 1, capacity })],
  'rate of a fixed window': [(rate) => fixedWindow({ rate })],
  'per of a fixed window': [(per) => fixedWindow({ rate: 1, per })],
  'rate of a sliding window': [(rate) => slidingWindow({ rate })],
  'per of a sliding window': [(per) => slidingWindow({ rate: 1, per })],
  'limit of concurrency': [(limit) => concurrency({ limit })],
  'ttl of concurrency in memory': [(ttl) => LimiterFactory.concurrency({ limit: 1, ttl } as Value)],
  'storageTimeout in memory': [
    (storageTimeout) => createLimiter(tokenBucket({ rate: 1 }), { storageTimeout }),
  ],
  ...Object.fromEntries(
    ['initialRate', 'minRate', 'maxRate', 'increaseStep', 'decreaseFactor', 'errorThreshold'].map(
      (name) => [`${name} of adaptive`, [(value) => new AdaptiveLimiter({ [name]: value })]],
    ),
  ),
  'window of adaptive': [(window) => new AdaptiveLimiter({ window })],
  'targetLatency of adaptive': [(targetLatency) => new AdaptiveLimiter({ targetLatency })],
  'reportSuccess(latency)': [(latency) => LimiterFactory.adaptive().reportSuccess(latency)],
  'limiter.allow(key, cost)': [(cost) => limiter().allow('', cost), [{}]],
  'limiter.decide(key, cost)': [(cost) => limiter().decide('', cost), [{}]],
  'limiter.acquire(key, tokens)': [(cost) => limiter().acquire('', cost), [{}]],
  'limiter.consume(key, cost)': [(cost) => limiter().consume('', cost), [{}]],
  'limiter.peek(key, cost)': [(cost) => limiter().peek('', cost), [{}]],
  // No cost is the cost of 1.
  'limiter.release(key, tokens)': [(tokens) => limiter().release('', tokens), [{}]],
  'limiter.block(key, duration)': [(duration) => limiter().block('', duration), [Infinity]],
  'cost of limiter.wait': [(cost) => limiter().wait('', { cost })],
  'timeout of limiter.wait': [(timeout) => limiter().wait('', { timeout })],
  'cost of limiter.schedule': [(cost) => limiter().schedule('', nothing, { cost })],
  'cost of permits.permit': [(cost) => permits().permit('', { cost })],
  'permits.tryPermit(key, tokens)': [(tokens) => permits().tryPermit('', tokens), [{}]],
  'permits.leave(key, cost)': [(cost) => permits().leave('', cost)],
  'composite.leave(key, cost)': [(cost) => LimiterFactory.composite(permits()).leave?.('', cost)],
  'rate of reconfigure': [(rate) => limiter().reconfigure({ rate })],
  'per of reconfigure': [(per) => limiter().reconfigure({ per })],
  'burst of reconfigure': [(burst) => limiter().reconfigure({ burst })],
  'limit of reconfigure': [(limit) => permits().reconfigure({ limit })],
  'timeout of rateLimit': [(timeout) => rateLimit({ rate: 1, timeout })],
  // storages
  'maxKeys of MemoryStorage': [(maxKeys) => new MemoryStorage({ maxKeys })],
  'incr(key, by) of MemoryStorage': [(by) => storage().incr('a', by)],
  'decr(key, by) of MemoryStorage': [(by) => storage().decr('a', by)],
  'ttl of set of MemoryStorage': [(ttl) => storage().set('a', 1, ttl)],
  'timeout of RedisStorage': [(timeout) => new RedisStorage({ url: 'redis://localhost', timeout })],
  ...Object.fromEntries(
    ['maxKeys', 'lease', 'maxDenial', 'valueTtl'].map((name) => [
      `${name} of HybridStorage`,
      [(value) => new HybridStorage({ redis: 'redis://localhost', [name]: value })],
    ]),
  ),
  // queues and workers
  'workers of a queue': [(workers) => QueueFactory.fifo({ workers }), [Infinity]],
  'maxSize of a queue': [(maxSize) => QueueFactory.fifo({ maxSize }), [Infinity]],
  'timeout of a queue': [(timeout) => QueueFactory.fifo({ timeout })],
  'batchSize of a queue': [(batchSize) => QueueFactory.fifo({ batchSize, batchFn: nothing })],
  'aging of a queue': [(aging) => QueueFactory.priority({ aging })],
  'delay of a put': [(delay) => QueueFactory.fifo().put(1, { delay })],
  'timeout of a put': [(timeout) => QueueFactory.fifo().put(1, { timeout })],
  'priority of a put': [(priority) => QueueFactory.priority().put(1, { priority })],
  'priority of a put without priorities': [(priority) => QueueFactory.fifo().put(1, { priority })],
  'priorityFn of a queue': [
    (priority) => QueueFactory.priority({ priorityFn: () => priority }).put(1),
  ],
  'priority of setPriority': [
    async (priority) => (await QueueFactory.priority().put(1, { delay: 9 })).setPriority(priority),
  ],
  'max of claim': [
    async (max) => {
      const queue = QueueFactory.fifo()
      queue.offer(1)
      return queue.claim({ max })
    },
  ],
  'limit of groups': [(limit) => QueueFactory.fifo().groups({ limit })],
  'among of groups': [(among) => QueueFactory.fifo().groups({ among })],
  'latest of deadByError': [(latest) => QueueFactory.fifo().deadByError({ latest })],
  'limit of redrive': [(limit) => QueueFactory.fifo().redrive({ limit })],
  ...Object.fromEntries(
    ['initialLimit', 'minLimit', 'maxLimit', 'tolerance', 'window', 'ttl'].map((name) => [
      `${name} of adaptive concurrency`,
      [(value) => LimiterFactory.adaptiveConcurrency({ [name]: value })],
    ]),
  ),
  'cost of a guard': [
    (cost) =>
      rateLimitFetch(limiter(), { cost: () => cost })(() => new Response())(
        new Request('http://localhost'),
      ),
  ],
  'deadline of stop': [(deadline) => QueueFactory.fifo().stop({ deadline })],
  'lease of a queue': [(lease) => QueueFactory.fifo({ lease })],
  'maxInFlight of a collector': [
    (maxInFlight) => new BatchCollector({ callback: nothing, maxInFlight }),
    [Infinity],
  ],
  'minWorkers of a pool': [(minWorkers) => new WorkerPool({ minWorkers })],
  'scaleUpThreshold of a pool': [(scaleUpThreshold) => new WorkerPool({ scaleUpThreshold })],
  'checkInterval of a pool': [(checkInterval) => new WorkerPool({ checkInterval })],
  'pool.resize(min, max)': [(most) => new WorkerPool().resize(1, most)],
  // resilience
  'attempts of a retry': [(attempts) => QueueFactory.fifo({ retry: { attempts } })],
  'factor of a retry': [(factor) => QueueFactory.fifo({ retry: { attempts: 2, factor } })],
  'baseDelay of backoff': [(baseDelay) => backoff(nothing, { baseDelay })],
  'maxRetries of backoff': [(maxRetries) => backoff(nothing, { maxRetries }), [Infinity]],
  'random() of backoff': [
    (share) =>
      backoff(
        ({ attempt }) => {
          if (attempt === 1) throw new Error('once more')
        },
        { baseDelay: 0.0001, random: () => share },
      ),
  ],
  ...Object.fromEntries(
    [
      'failureThreshold',
      'failureRate',
      'slowCall',
      'timeout',
      'timeoutFactor',
      'maxTimeout',
      'halfOpenCalls',
      'probeLease',
    ].map((name) => [`${name} of a breaker`, [(value) => new CircuitBreaker({ [name]: value })]]),
  ),
  'minimumCalls of a breaker': [
    (minimumCalls) => new CircuitBreaker({ failureRate: 0.5, minimumCalls }),
  ],
  'window of a breaker': [(window) => new CircuitBreaker({ failureRate: 0.5, window })],
  'window.calls of a breaker': [
    (calls) => new CircuitBreaker({ failureRate: 0.5, window: { calls } }),
  ],
  ...Object.fromEntries(
    ['trips', 'retryAfter', 'passed'].map((name) => [
      `${name} of a snapshot`,
      [
        (value) => {
          const breaker = new CircuitBreaker()
          breaker.import({ ...breaker.export(), [name]: value })
        },
      ],
    ]),
  ),
  // schedule and coordination
  'every(period)': [(period) => new Scheduler().every(period, nothing), [{}]],
  'a part of a period': [(minutes) => new Scheduler().every({ minutes }, nothing)],
  'tolerance of a job': [(tolerance) => new Scheduler().every(1, nothing, { tolerance })],
  'jitter of a job': [(jitter) => new Scheduler().every(1, nothing, { jitter })],
  'overlap.parallel of a job': [
    (parallel) => new Scheduler().every(1, nothing, { overlap: { parallel } }),
  ],
  'deadline of scheduler.stop': [(deadline) => new Scheduler().stop({ deadline })],
  'ttl of a slot keeper': [(ttl) => slotKeeper(storage(), { ttl })],
  'ttl of a coordinator': [(ttl) => new Coordinator({ storage: storage(), ttl })],
  'retryInterval of a coordinator': [
    (retryInterval) => new Coordinator({ storage: storage(), retryInterval }),
  ],
  'ttl of a lock': [(ttl) => new Coordinator({ storage: storage() }).lock('a', { ttl })],
  'timeout of a lock': [
    (timeout) => new Coordinator({ storage: storage() }).lock('a', { timeout }),
  ],
  // metrics
  'metrics.incr(name, value)': [(value) => new Metrics().incr('a', value)],
  'metrics.timing(name, seconds)': [(value) => new Metrics().timing('a', value)],
  'counter.inc(by)': [(value) => new Metrics().counter('a').with().inc(value)],
  'gauge.set(value)': [(value) => new Metrics().gauge('a').with().set(value)],
  'gauge.inc(by)': [(value) => new Metrics().gauge('a').with().inc(value)],
  'gauge.dec(by)': [(value) => new Metrics().gauge('a').with().dec(value)],
  'histogram.observe(value)': [(value) => new Metrics().histogram('a').with().observe(value)],
  'histogram.observe(value, times)': [
    (times) => new Metrics().histogram('a').with().observe(1, times),
  ],
  'buckets of a histogram': [(bound) => new Metrics().histogram('a', { buckets: [bound] })],
  'maxSeries of Metrics': [(maxSeries) => new Metrics({ maxSeries })],
  'checkInterval of a monitor': [(checkInterval) => new ConsoleMonitor({ checkInterval })],
  'port of an exporter': [(port) => new PrometheusExporter({ port })],
  // http and testing
  'retries of politeFetch': [(retries) => politeFetch({ retries })],
  'jitter of politeFetch': [(jitter) => politeFetch({ jitter })],
  'timeout of politeFetch': [(timeout) => politeFetch({ timeout })],
  'trustedProxies of clientIp': [(trustedProxies) => clientIp({}, { trustedProxies }), [[]]],
  'ipv6Prefix of clientIp': [(ipv6Prefix) => clientIp({}, { ipv6Prefix })],
  'start of a clock': [(start) => new ManualClock(start)],
  'clock.advance(duration)': [(duration) => new ManualClock().advance(duration)],
  'start of ruleExam': [
    (start) => ruleExam({ make: () => tokenBucket({ rate: 2 }), bound: () => 1, start }),
  ],
}

async function outcome(run: () => unknown): Promise<{ code?: string; message?: string }> {
  try {
    await Promise.race([run(), new Promise((resolve) => setImmediate(resolve))])
  } catch (error) {
    return error as Error
  }
  return {}
}

const show = (value: Value) => (typeof value === 'object' ? JSON.stringify(value) : String(value))

describe('a number from outside', () => {
  it.each(Object.entries(TAKERS))('%s: finite, or refused', async (_, [take, meaningful = []]) => {
    for (const value of NONSENSE) {
      const same = (other: Value) => Object.is(other, value) || show(other) === show(value)
      if (meaningful.some(same)) continue
      expect(await outcome(() => take(value)), show(value)).toMatchObject({
        code: 'INVALID_OPTION',
      })
    }
  })

  it('that is refused has changed nothing', () => {
    const metrics = new Metrics()
    const counter = metrics.counter('c').with()
    const gauge = metrics.gauge('g').with()
    const histogram = metrics.histogram('h').with()
    counter.inc(512)
    gauge.set(512)
    histogram.observe(512)
    const before = metrics.getStats()
    for (const value of NONSENSE) {
      expect(() => counter.inc(value)).toThrow()
      expect(() => gauge.set(value)).toThrow()
      expect(() => gauge.inc(value)).toThrow()
      expect(() => gauge.dec(value)).toThrow()
      expect(() => histogram.observe(value)).toThrow()
      expect(() => histogram.observe(1, value)).toThrow()
    }
    expect(metrics.getStats()).toEqual(before)
    expect(histogram.sum).toBe(512)
  })

  it('leaves sums finite', async () => {
    const most = Number.MAX_VALUE
    const metrics = new Metrics()
    metrics.incr('c', most)
    expect(() => metrics.incr('c', most)).toThrow(/value must be a finite number/)
    metrics.gauge('g', most)
    expect(() => metrics.gauge('g').with().inc(most)).toThrow(/value must be a finite number/)
    metrics.timing('h', most)
    expect(() => metrics.timing('h', most)).toThrow(/value must be a finite number/)
    expect(metrics.getStats().counters).toEqual({ c: most })
    const values = storage()
    await values.incr('a', most)
    await expect(values.incr('a', most)).rejects.toThrow(/^by must leave/)
    expect(await values.get('a')).toBe(most)
  })

  it('adds up as numbers do, whatever nonsense came in between', () => {
    const good = fc.double({ min: 0, max: 1e9, noNaN: true })
    const feed = fc.array(fc.oneof(good, fc.constantFrom(...NONSENSE)))
    fc.assert(
      fc.property(feed, (values) => {
        const metrics = new Metrics()
        let sum = 0
        for (const value of values) {
          try {
            metrics.incr('c', value)
            sum += value
          } catch (error) {
            expect(error).toMatchObject({ code: 'INVALID_OPTION' })
          }
        }
        expect(metrics.getStats().counters['c'] ?? 0).toBe(sum)
      }),
    )
  })

  it('that is given back for a permit does not open the limit', () => {
    const held = permits()
    held.allow('a', 2)
    for (const value of NONSENSE) expect(() => held.leave('a', value)).toThrow()
    expect(held.allow('a')).toBe(false)
  })

  it('that is kept as a value is one that every storage can keep', async () => {
    for (const value of [Number.NaN, Infinity, -Infinity]) {
      await expect(storage().set('a', value)).rejects.toMatchObject({
        code: 'INVALID_OPTION',
        option: 'value',
      })
    }
  })

  it('that somebody tells when he is read is told, or the one before it', () => {
    const errors = vi.spyOn(console, 'error').mockImplementation(() => {})
    const metrics = new Metrics()
    const part = { value: 5 as Value }
    metrics
      .gauge('g')
      .with()
      .follow(part, ({ value }) => value)
    metrics
      .counter('c')
      .with()
      .follow(part, ({ value }) => value)
    expect(metrics.getStats()).toMatchObject({ counters: { c: 5 }, gauges: { g: 5 } })
    for (const value of NONSENSE) {
      if (value === Infinity || value === -Infinity) continue
      part.value = value
      expect(metrics.getStats()).toMatchObject({ counters: { c: 5 }, gauges: { g: 5 } })
    }
    expect(errors).toHaveBeenCalled()
    part.value = Infinity
    expect(metrics.getStats()).toMatchObject({ counters: { c: 5 }, gauges: { g: Infinity } })
  })

  it('that a job is to be late by is one, or the job is on time', () => {
    for (const share of [Number.NaN, 2, '1' as Value]) {
      const clock = new ManualClock(1)
      const scheduler = new Scheduler({ clock, random: () => share })
      const told: unknown[] = []
      let runs = 0
      scheduler.on('error', ({ error }) => told.push(error))
      const job = () => {
        runs += 1
      }
      scheduler.every('1s', job, { jitter: '500ms' })
      scheduler.start()
      clock.advance('1s')
      expect(runs).toBe(1)
      expect(told).toEqual([expect.objectContaining({ option: 'random' })])
    }
  })

  it('that is left out of a change stays as it was', async () => {
    const changing = LimiterFactory.tokenBucket({ rate: 10, per: '1m' })
    await changing.reconfigure({ rate: 5, per: undefined } as Value)
    expect(changing.policies?.[0]).toMatchObject({ limit: 5, window: 60 })
  })
})
