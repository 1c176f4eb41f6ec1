// What counting costs: an increment beside prom-client's, and limiters, queues and breakers with metrics on beside bare.
// Run: npm run build && node --expose-gc bench/metrics.mjs
import * as client from 'prom-client'
import { CircuitBreaker, LimiterFactory, Metrics, QueueFactory } from '../dist/index.js'
import { compare } from './harness.mjs'

const LABELS = { method: 'GET', code: '200' }
const times = (call) => (n) => {
  for (let i = 0; i < n; i++) call(i)
}

const metrics = new Metrics()
const counter = metrics.counter('requests')
const series = counter.with(LABELS)
const seconds = metrics.histogram('seconds').with(LABELS)

const registers = [new client.Registry()]
const names = { help: 'h', labelNames: ['method', 'code'], registers }
const theirCounter = new client.Counter({ name: 'requests', ...names })
const theirChild = theirCounter.labels(LABELS)
const theirBare = new client.Counter({ name: 'bare', help: 'h', registers })
const theirHistogram = new client.Histogram({ name: 'seconds', ...names })
const theirSummary = new client.Summary({ name: 'summary', ...names })

await compare(
  'an increment',
  [
    { name: 'aioflux, a series that is kept', run: times(() => series.inc()) },
    {
      name: 'aioflux, incr by name and labels',
      run: times(() => metrics.incr('requests', 1, LABELS)),
    },
    { name: 'aioflux, incr by name', run: times(() => metrics.incr('plain')) },
    { name: 'prom-client, inc(labels)', run: times(() => theirCounter.inc(LABELS)) },
    { name: 'prom-client, bound child', run: times(() => theirChild.inc()) },
    { name: 'prom-client, without labels', run: times(() => theirBare.inc()) },
  ],
  { n: 1_000_000 },
)
await compare(
  'a duration',
  [
    {
      name: 'aioflux, buckets and percentiles',
      run: times((i) => seconds.observe((i % 100) / 100)),
    },
    {
      name: 'prom-client, histogram',
      run: times((i) => theirHistogram.observe(LABELS, (i % 100) / 100)),
    },
    {
      name: 'prom-client, summary',
      run: times((i) => theirSummary.observe(LABELS, (i % 100) / 100)),
    },
  ],
  { n: 300_000 },
)

const work = async () => 1
const parts = {
  'a limiter, acquire': (options) => {
    const limiter = LimiterFactory.tokenBucket({ rate: 1e7, ...options })
    return async (n) => {
      for (let i = 0; i < n; i++) await limiter.acquire('user')
    }
  },
  'a limiter, allow': (options) => {
    const limiter = LimiterFactory.tokenBucket({ rate: 1e7, ...options })
    return times(() => limiter.allow('user'))
  },
  'a breaker': (options) => {
    const breaker = new CircuitBreaker(options)
    return async (n) => {
      for (let i = 0; i < n; i++) await breaker.call(work)
    }
  },
  'a queue of 10 workers, job by job': (options) => {
    const queue = QueueFactory.fifo({ workers: 10, handler: work, ...options }).start()
    return async (n) => {
      for (let i = 0; i < n; i++) await queue.submit(i)
    }
  },
  'a queue of 10 workers, 1,000 jobs at once': (options) => {
    const queue = QueueFactory.fifo({ workers: 10, handler: work, ...options }).start()
    return async (n) => {
      for (let i = 0; i < n; i += 1000) {
        await Promise.all(Array.from({ length: 1000 }, (_, job) => queue.submit(job)))
      }
    }
  },
}
for (const [title, make] of Object.entries(parts)) {
  await compare(
    title,
    [
      { name: 'with metrics', run: make({ metrics }) },
      { name: 'bare', run: make({}) },
    ],
    { n: 200_000, rounds: 11 },
  )
}
