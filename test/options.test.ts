import {
  BatchCollector,
  backoff,
  CircuitBreaker,
  CircuitBreakerRegistry,
  Coordinator,
  circuitBreaker,
  concurrency,
  createLimiter,
  fixedWindow,
  LimiterFactory,
  leakyBucket,
  MemoryStorage,
  QueueFactory,
  queued,
  RemoteConcurrency,
  rateLimit,
  remoteLimiters,
  Scheduler,
  slidingWindow,
  slotKeeper,
  tokenBucket,
  WorkerPool,
} from 'aioflux'
import { dashboard } from 'aioflux/dashboard'
import {
  clientIp,
  politeFetch,
  rateLimitFetch,
  rateLimitH3,
  rateLimitHono,
  rateLimitKoa,
  rateLimitMiddleware,
  rateLimitNest,
  rateLimitPlugin,
} from 'aioflux/http'
import { ConsoleMonitor, Metrics, PrometheusExporter } from 'aioflux/metrics'
import { traced } from 'aioflux/otel'
import { HybridStorage, RedisStorage } from 'aioflux/redis'
import { jobStoreExam, PlainJobStore, ruleExam, storageExam } from 'aioflux/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { nearest } from '../src/core/nearest.ts'
import { options as sources } from './support/option-tables.ts'

// biome-ignore lint/suspicious/noExplicitAny: it is handed what its type forbids.
type Options = any

const limiter = () => LimiterFactory.tokenBucket({ rate: 1 })
const permits = () => LimiterFactory.concurrency({ limit: 1 })
const storage = () => new MemoryStorage()
const coordinator = () => new Coordinator({ storage: storage() })
const breaker = () => new CircuitBreaker()
const queue = () => QueueFactory.fifo()
const pool = () => new WorkerPool({ executor: { run: async () => 1 } })
const scheduler = () => new Scheduler()
const metrics = () => new Metrics()
const tracer = { startActiveSpan: (_name: string, _options: unknown, fn: Options) => fn({}) }
const nothing = () => {}
class Refused extends Error {
  constructor(_response: object, _status: number) {
    super('refused')
  }
}
const failing = () => Promise.reject(new Error('not to be called'))

// It asks nothing of a server.
const closed = new RedisStorage({ url: 'redis://localhost' })
const kept = QueueFactory.fifo({ name: 'x', storage: closed })
const ending = QueueFactory.fifo({ name: 'y', storage: closed })
await closed.close()

/** Everything public that takes an object of options, by the table of its names. */
const TAKERS: Readonly<Record<string, Readonly<Record<string, (options: Options) => unknown>>>> = {
  DASHBOARD_OPTIONS: { dashboard: (o) => dashboard({ access: () => false, history: 0, ...o }) },
  // rules
  TOKEN_BUCKET_OPTIONS: {
    tokenBucket: (o) => tokenBucket({ rate: 1, ...o }),
    'limiter.reconfigure of a token bucket': (o) => limiter().reconfigure(o),
  },
  LEAKY_BUCKET_OPTIONS: {
    leakyBucket: (o) => leakyBucket({ rate: 1, ...o }),
    'limiter.reconfigure of a leaky bucket': (o) =>
      LimiterFactory.leakyBucket({ rate: 1 }).reconfigure(o),
  },
  FIXED_WINDOW_OPTIONS: {
    fixedWindow: (o) => fixedWindow({ rate: 1, ...o }),
    'LimiterFactory.fixedWindow': (o) => LimiterFactory.fixedWindow({ rate: 1, ...o }),
  },
  QUOTA_OPTIONS: {
    slidingWindow: (o) => slidingWindow({ rate: 1, ...o }),
    'limiter.reconfigure of a sliding window': (o) =>
      LimiterFactory.slidingWindow({ rate: 1 }).reconfigure(o),
    'limiter.reconfigure of a fixed window': (o) =>
      LimiterFactory.fixedWindow({ rate: 1 }).reconfigure(o),
  },
  CONCURRENCY_OPTIONS: {
    concurrency: (o) => concurrency({ limit: 1, ...o }),
    'limiter.reconfigure of a concurrency limiter': (o) => permits().reconfigure(o),
  },
  // limiters
  LIMITER_OPTIONS: {
    createLimiter: (o) => createLimiter(tokenBucket({ rate: 1 }), o),
    'remoteLimiters.rule': (o) => remoteLimiters.rule(storage(), tokenBucket({ rate: 1 }), o),
    'LimiterFactory.tokenBucket': (o) => LimiterFactory.tokenBucket({ rate: 1, ...o }),
    'LimiterFactory.leakyBucket': (o) => LimiterFactory.leakyBucket({ rate: 1, ...o }),
    'LimiterFactory.slidingWindow': (o) => LimiterFactory.slidingWindow({ rate: 1, ...o }),
  },
  ADAPTIVE_CONCURRENCY_OPTIONS: {
    'LimiterFactory.adaptiveConcurrency': (o) => LimiterFactory.adaptiveConcurrency(o),
  },
  ADAPTIVE_OPTIONS: { 'LimiterFactory.adaptive': (o) => LimiterFactory.adaptive(o) },
  PERMIT_LIMITER_OPTIONS: {
    'LimiterFactory.concurrency': (o) => LimiterFactory.concurrency({ limit: 1, ...o }),
    'remoteLimiters.concurrency': (o) => remoteLimiters.concurrency(storage(), { limit: 1, ...o }),
  },
  COMPOSITE_OPTIONS: {
    'LimiterFactory.composite': (o) => LimiterFactory.composite([limiter()], o),
  },
  PART_OPTIONS: {
    'a part of a composite': (o) =>
      LimiterFactory.composite({ limiter: limiter(), key: () => '', ...o }),
  },
  REMOTE_OPTIONS: {
    RemoteConcurrency: (o) =>
      new RemoteConcurrency(storage().open(concurrency({ limit: 1 }), '') as Options, o),
  },
  LIMITER_WAIT_OPTIONS: {
    'limiter.wait': (o) => limiter().wait('', o),
    'limiter.schedule': (o) => limiter().schedule('', nothing, o),
    'permits.permit': (o) => permits().permit('', o),
    'composite.wait': (o) => LimiterFactory.composite(limiter()).wait('', o),
    'adaptive.wait': (o) => LimiterFactory.adaptive().wait('', o),
  },
  CALL_OPTIONS: {
    'limiter.consume': (o) => limiter().consume('', o),
    'limiter.acquire': (o) => limiter().acquire('', o),
    'limiter.peek': (o) => limiter().peek('', o),
    'limiter.allow': (o) => limiter().allow('', o),
    'limiter.decide': (o) => limiter().decide('', o),
    'permits.tryPermit': (o) => permits().tryPermit('', o),
    'composite.consume': (o) => LimiterFactory.composite(limiter()).consume('', o),
  },
  CALL_QUOTA_OPTIONS: {
    'a quota of a token bucket': (o) => limiter().consume('', { quota: { rate: 1, ...o } }),
    'a quota of a leaky bucket': (o) =>
      LimiterFactory.leakyBucket({ rate: 1 }).consume('', { quota: { rate: 1, ...o } }),
  },
  RESERVE_OPTIONS: {
    'limiter.reserve': (o) => limiter().reserve('', 1, o),
    'limiter.spend': (o) => limiter().spend('', 1, nothing, o),
  },
  BLOCK_OPTIONS: { 'limiter.block': (o) => limiter().block('', 1, o) },
  // storages
  MEMORY_STORAGE_OPTIONS: { MemoryStorage: (o) => new MemoryStorage(o) },
  REDIS_STORAGE_OPTIONS: { RedisStorage: (o) => new RedisStorage(o) },
  HYBRID_STORAGE_OPTIONS: { HybridStorage: (o) => new HybridStorage(o) },
  // queues
  QUEUE_OPTIONS: { 'QueueFactory.delay': (o) => QueueFactory.delay(o) },
  FIFO_OPTIONS: {
    'QueueFactory.fifo': (o) => QueueFactory.fifo(o),
    'QueueFactory.fifo over a storage': (o) =>
      QueueFactory.fifo({ name: 'x', storage: closed, ...o }),
  },
  PRIORITY_OPTIONS: { 'QueueFactory.priority': (o) => QueueFactory.priority(o) },
  DEDUPE_OPTIONS: {
    'QueueFactory.dedupe': (o) => QueueFactory.dedupe(o),
    'QueueFactory.dedupe over a storage': (o) =>
      QueueFactory.dedupe({ name: 'x', storage: closed, ...o }),
  },
  BROADCAST_OPTIONS: { 'QueueFactory.broadcast': (o) => QueueFactory.broadcast(o) },
  SHARED_BROADCAST_OPTIONS: {
    'QueueFactory.broadcast': (o) =>
      QueueFactory.broadcast({ name: 'x', storage: closed, ...(o as object) } as never),
  },
  GROUP_OPTIONS: {
    'broadcast.subscribe with a group': (o) =>
      QueueFactory.broadcast({ name: 'x', storage: closed } as never).subscribe({
        group: 'g',
        ...(o as object),
      } as never),
  },
  SUBSCRIBE_OPTIONS: {
    'broadcast.subscribe': (o) => QueueFactory.broadcast().subscribe(o),
  },
  PUT_OPTIONS: {
    'queue.put': (o) => queue().put(1, o),
    'queue.offer': (o) => queue().offer(1, o),
    'queue.submit': (o) => queue().submit(1, o),
    'put of a priority queue': (o) => QueueFactory.priority().put(1, o),
    'put of a dedupe queue': (o) => QueueFactory.dedupe().put(1, o),
    'submit of a dedupe queue': (o) => QueueFactory.dedupe().submit(1, o),
    'pool.submitWith': (o) => pool().submitWith(o, nothing),
  },
  SHARED_TERMS: { 'queue.redeclare': (o) => kept.redeclare(o) },
  STOP_OPTIONS: {
    'queue.stop': (o) => queue().stop(o),
    'queue.stop over a storage': (o) => ending.stop(o),
    'pool.stop': (o) => pool().stop(o),
  },
  WAIT_OPTIONS: {
    'queue.get': (o) => queue().get(o),
    'queue.get where an item waits': (o) => {
      const full = queue()
      full.offer(1)
      return full.get(o)
    },
    'queue.onIdle': (o) => queue().onIdle(o),
    'broadcast.put': (o) => QueueFactory.broadcast().put(1, o),
    'broadcast.put over a storage': (o) =>
      QueueFactory.broadcast({ name: 'x', storage: closed }).put(1, o),
    'subscription.get': (o) => QueueFactory.broadcast().subscribe().get(o),
    'coordinator.waitForLeadership': (o) => coordinator().waitForLeadership(o),
  },
  BATCH_COLLECTOR_OPTIONS: {
    BatchCollector: (o) => new BatchCollector({ callback: nothing as never, ...o }),
  },
  BATCH_STOP_OPTIONS: {
    'collector.stop': (o) => new BatchCollector({ callback: nothing as never }).stop(o),
  },
  KEEP_OPTIONS: {
    keep: (o) => QueueFactory.fifo({ keep: o }),
    'keep of queue.redeclare': (o) => kept.redeclare({ keep: o }),
  },
  KEPT_OPTIONS: {
    'keep.dead': (o) => QueueFactory.fifo({ keep: { dead: o } }),
    'keep.completed': (o) => QueueFactory.fifo({ keep: { completed: o } }),
    'keep.dead of queue.redeclare': (o) => kept.redeclare({ keep: { dead: { ...o } } }),
  },
  LIST_OPTIONS: { 'queue.jobs': (o) => queue().jobs({ state: 'dead', ...o }) },
  GROUPS_OPTIONS: { 'queue.groups': (o) => queue().groups(o) },
  DEAD_BY_ERROR_OPTIONS: { 'queue.deadByError': (o) => queue().deadByError(o) },
  REDRIVE_OPTIONS: { 'queue.redrive': (o) => queue().redrive(o) },
  CLAIM_OPTIONS: { 'queue.claim': (o) => queue().claim(o) },
  PAUSE_OPTIONS: {
    'queue.pause': (o) => queue().pause(o),
    'queue.resume': (o) => queue().resume(o),
  },
  // workers
  WORKER_POOL_OPTIONS: { WorkerPool: (o) => new WorkerPool(o) },
  RUN_OPTIONS: { 'pool.run': (o) => pool().run(1, o) },
  MAP_OPTIONS: { 'pool.map': (o) => pool().map([1], nothing, o).next() },
  // resilience
  RETRY_OPTIONS: {
    'retry of a queue': (o) => QueueFactory.fifo({ retry: { attempts: 1, ...o } }),
    'retry of a put': (o) => queue().put(1, { retry: { attempts: 1, ...o } }),
    'retry of a pool': (o) => new WorkerPool({ retry: { attempts: 1, ...o } }),
    'retry of a scheduled job': (o) =>
      scheduler().every(1, nothing, { retry: { attempts: 1, ...o } }),
  },
  DELAY_OPTIONS: { 'backoff of politeFetch': (o) => politeFetch({ backoff: o }) },
  BACKOFF_OPTIONS: { backoff: (o) => backoff(failing, { maxRetries: 0, ...o }) },
  CIRCUIT_BREAKER_OPTIONS: { CircuitBreaker: (o) => new CircuitBreaker(o) },
  CIRCUIT_BREAKER_REGISTRY_OPTIONS: {
    CircuitBreakerRegistry: (o) => new CircuitBreakerRegistry(o),
  },
  BREAKER_CALL_OPTIONS: { 'breaker.call': (o) => breaker().call(failing, o) },
  BREAKER_SNAPSHOT: {
    'breaker.import': (o) => breaker().import({ ...breaker().export(), ...o }),
  },
  // schedule
  SCHEDULER_OPTIONS: { Scheduler: (o) => new Scheduler(o) },
  JOB_DEFAULTS: { 'the defaults of a Scheduler': (o) => new Scheduler({ defaults: o }) },
  JOB_OPTIONS: {
    'scheduler.every': (o) => scheduler().every(1, nothing, o),
    'scheduler.cron': (o) => scheduler().cron('* * * * *', nothing, o),
    'scheduler.at': (o) => scheduler().at(new Date(), nothing, o),
  },
  PERIOD: { 'a period': (o) => scheduler().every({ seconds: 1, ...o }, nothing) },
  SCHEDULER_STOP_OPTIONS: { 'scheduler.stop': (o) => scheduler().stop(o) },
  SLOT_KEEPER_OPTIONS: { slotKeeper: (o) => slotKeeper(storage(), o) },
  // coordination
  COORDINATOR_OPTIONS: { Coordinator: (o) => new Coordinator({ storage: storage(), ...o }) },
  LOCK_OPTIONS: {
    'coordinator.lock': (o) => coordinator().lock('a', o),
    'coordinator.withLock': (o) => coordinator().withLock('a', nothing, o),
  },
  TRY_LOCK_OPTIONS: { 'coordinator.tryLock': (o) => coordinator().tryLock('a', o) },
  LEAD_OPTIONS: { 'coordinator.lead': (o) => coordinator().lead(nothing, o) },
  // decorators
  RATE_LIMIT_OPTIONS: { rateLimit: (o) => rateLimit({ rate: 1, ...o }) },
  QUEUED_OPTIONS: { queued: (o) => queued(o) },
  CIRCUIT_BREAKER_DECORATOR_OPTIONS: { circuitBreaker: (o) => circuitBreaker(o) },
  // metrics
  METRICS_OPTIONS: { Metrics: (o) => new Metrics(o) },
  METRIC_OPTIONS: {
    'metrics.counter': (o) => metrics().counter('x', o),
    'metrics.gauge': (o) => metrics().gauge('x', o),
  },
  HISTOGRAM_OPTIONS: { 'metrics.histogram': (o) => metrics().histogram('x', o) },
  CONSOLE_MONITOR_OPTIONS: { ConsoleMonitor: (o) => new ConsoleMonitor(o) },
  PROMETHEUS_EXPORTER_OPTIONS: { PrometheusExporter: (o) => new PrometheusExporter(o) },
  TRACE_OPTIONS: { traced: (o) => traced(tracer, nothing, o) },
  // http
  MIDDLEWARE_OPTIONS: { rateLimitMiddleware: (o) => rateLimitMiddleware(limiter(), o) },
  KOA_GUARD_OPTIONS: { rateLimitKoa: (o) => rateLimitKoa(limiter(), o) },
  H3_GUARD_OPTIONS: { rateLimitH3: (o) => rateLimitH3(limiter(), o) },
  NEST_GUARD_OPTIONS: {
    rateLimitNest: (o) => rateLimitNest(limiter(), { exception: Refused, ...o }),
  },
  HONO_GUARD_OPTIONS: { rateLimitHono: (o) => rateLimitHono(limiter(), o) },
  FETCH_GUARD_OPTIONS: { rateLimitFetch: (o) => rateLimitFetch(limiter(), o) },
  RATE_LIMIT_PLUGIN_OPTIONS: {
    rateLimitPlugin: (o) =>
      rateLimitPlugin({ addHook: nothing }, { limiter: limiter(), ...o }, nothing),
  },
  CLIENT_IP_OPTIONS: { clientIp: (o) => clientIp({ ip: '192.0.2.1' }, o) },
  POLITE_FETCH_OPTIONS: { politeFetch: (o) => politeFetch(o) },
  // testing
  RULE_EXAM_OPTIONS: {
    ruleExam: (o) => ruleExam({ make: () => tokenBucket({ rate: 2 }), bound: () => 1, ...o }),
  },
  JOB_STORE_EXAM_OPTIONS: { jobStoreExam: (o) => jobStoreExam(failing, o) },
  PLAIN_JOB_STORE_OPTIONS: { PlainJobStore: (o) => new PlainJobStore(o) },
  JOB_STORE_TERMS: { 'the terms of a PlainJobStore': (o) => new PlainJobStore({ terms: o }) },
  STORAGE_UNDER_EXAM: {
    storageExam: (o) =>
      storageExam(() => ({ storage: storage(), advance: nothing, ...o }))[0]?.run(),
  },
}

/** Tables that others are made of, or that only say which part of the options goes where. */
const PARTS = [
  'PERMITS_OPTIONS',
  'AUTOSCALE_OPTIONS',
  'GUARD_OPTIONS',
  'OWN_LIMIT',
  'CONCURRENCY_LIMITER_OPTIONS',
]

const { CALL_OPTIONS = {} } = TAKERS
/** Where a number means something beside the options. */
const NUMBER_TAKERS = ['metrics.gauge', 'keep.dead', 'keep.completed', ...Object.keys(CALL_OPTIONS)]

/** What is asked for before the others. */
const NEEDED: Readonly<Record<string, Options>> = {
  RemoteConcurrency: { name: 'x', policy: 'deny' },
  RedisStorage: { url: 'redis://localhost' },
  HybridStorage: { redis: closed },
}

/** What was thrown, by the call or by its promise. */
async function outcome(run: () => unknown): Promise<{ option?: string; message?: string }> {
  try {
    await Promise.race([run(), new Promise((resolve) => setImmediate(resolve))])
  } catch (error) {
    return error as Error
  }
  return {}
}

/** What fingers make of a name. */
const misspelt = (name: string) =>
  [
    name.slice(0, -1),
    `${name}s`,
    name.slice(0, 1).toUpperCase() + name.slice(1),
    name.toUpperCase(),
    name.slice(0, 1) + name.slice(2),
    name.slice(0, 2) + name.slice(1),
    name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
  ].filter((wrong) => wrong !== name)

const cases = Object.entries(TAKERS).flatMap(([table, takers]) =>
  Object.entries(takers).map(([what, take]) => ({ what, take, names: sources.get(table) ?? [] })),
)

describe('every object of options', () => {
  it('has a table, and each table somebody who is tried here', () => {
    const tables = [...sources.keys()].filter((name) => !name.endsWith('EVENTS'))
    expect(tables.length).toBeGreaterThan(50)
    expect([...Object.keys(TAKERS), ...PARTS].sort()).toEqual(tables.sort())
  })

  it.each(cases)(
    '$what: refuses each name that is misspelt, and says the right one',
    async ({ take, names }) => {
      expect(names.length).toBeGreaterThan(0)
      for (const name of names) {
        for (const wrong of misspelt(name)) {
          if (names.includes(wrong)) continue
          const { option, message } = await outcome(() => take({ [wrong]: 1 }))
          expect(option, wrong).toBe(wrong)
          expect(message).toContain(`${wrong} is not an option of `)
          expect(message).toContain(`the nearest is ${nearest(wrong, names)}, all are `)
          for (const known of names) expect(message).toContain(known)
        }
      }
    },
  )

  it.each(cases)('$what: knows each name it has', async ({ take, names }) => {
    for (const name of names) {
      const { message = '' } = await outcome(() => take({ [name]: undefined }))
      expect(message).not.toContain('is not an option of')
    }
  })

  it.each(cases)('$what: refuses a value that no option has', async ({ what, take, names }) => {
    for (const name of names) {
      for (const wrong of [Symbol('wrong'), null]) {
        const told = await outcome(() => take({ ...NEEDED[what], [name]: wrong }))
        expect(told.option, `${name}: ${String(wrong)}`).toBeDefined()
        expect(told.message?.toLowerCase()).toContain(name.toLowerCase())
      }
    }
  })

  it.each(cases)('$what: refuses what is no object of options', async ({ what, take }) => {
    // Some are handed on in an object with what else is needed.
    if (take.toString().includes('...o')) return
    for (const wrong of [5, 'text', true, [], [1], new Date(), new Map(), null]) {
      // A number means something there: it sets the gauge, it is an age, it is the cost.
      if (wrong === 5 && NUMBER_TAKERS.includes(what)) continue
      const { option } = await outcome(() => take(wrong))
      expect(option, `${what}: ${wrong}`).toBeDefined()
    }
  })

  it.each(cases)('$what: refuses a name of any kind', async ({ take, names }) => {
    for (const name of ['constructor', '__proto__', 'toString', '0', '']) {
      const bag = JSON.parse(`{${JSON.stringify(name)}: 1}`)
      // What spreads its options loses the prototype on the way.
      if (name === '__proto__' && take.toString().includes('...o')) continue
      if (names.includes(name)) continue
      expect((await outcome(() => take(bag))).option, name).toBe(name)
    }
  })
})

describe('the nearest name', () => {
  it('of a name with one letter more, less or other is that name, where no other is as near', () => {
    const all = [...sources.values()].filter((names) => names.length > 0)
    fc.assert(
      fc.property(
        fc.constantFrom(...all),
        fc.nat(),
        fc.nat(),
        fc.constantFrom('more', 'less', 'other'),
        (names, which, where, change) => {
          const name = names[which % names.length] as string
          const within = (a: string, b: string) => a.toLowerCase().includes(b.toLowerCase())
          const alike = names.some((a) => a !== name && (within(a, name) || within(name, a)))
          if (name.length < 5 || alike) return
          const at = where % name.length
          const rest = name.slice(change === 'more' ? at : at + 1)
          const wrong = name.slice(0, at) + (change === 'less' ? '' : '~') + rest
          expect(nearest(wrong, names)).toBe(name)
        },
      ),
      { numRuns: 2000 },
    )
  })

  it('of what peers call it is what means the same here', () => {
    expect(nearest('interval', ['rate', 'per', 'burst'])).toBe('per')
    expect(nearest('concurrency', ['name', 'workers'])).toBe('workers')
    expect(nearest('tz', ['name', 'timezone'])).toBe('timezone')
    expect(nearest('retries', ['metrics', 'retry'])).toBe('retry')
    expect(nearest('limit', ['storageTimeout', 'rate'])).toBe('rate')
    expect(nearest('windowMs', ['shadow', 'per'])).toBe('per')
    expect(nearest('max', ['name', 'maxKeys', 'clock'])).toBe('maxKeys')
    expect(nearest('retries', ['factor', 'maxRetries', 'signal'])).toBe('maxRetries')
    expect(nearest('window', ['window', 'per'])).toBe('per')
    expect(nearest('constructor', ['rate'])).toBe('rate')
    expect(nearest('rate', [])).toBeUndefined()
  })
})

describe('names that are inherited', () => {
  it('are options too, and what is on every object is none', () => {
    const make = (o: object) => LimiterFactory.tokenBucket(o as never)
    expect(() => make(Object.create({ rate: 1, bursts: 1 }))).toThrow(/^bursts is not an option of/)
    try {
      Object.assign(Object.prototype, { polluted: 1 })
      expect(make({ rate: 1 }).name).toBe('token-bucket')
    } finally {
      delete (Object.prototype as { polluted?: number }).polluted
    }
    expect(make(Object.assign(Object.create(null), { rate: 1 })).name).toBe('token-bucket')
  })
})

describe('the message', () => {
  it('says whose options are missing', () => {
    const message = (make: Options) => outcome(make).then((told) => told.message)
    const makers: Options = { ...LimiterFactory, ...QueueFactory }
    return Promise.all(
      ['tokenBucket', 'concurrency', 'fifo', 'broadcast'].map(async (kind) => {
        const whose = kind in QueueFactory ? 'QueueFactory' : 'LimiterFactory'
        expect(await message(() => makers[kind](5))).toBe(
          `options must be an object of options for ${whose}.${kind}, got 5 (number)`,
        )
      }),
    )
  })
})

describe('the name of an event', () => {
  const emitters: Readonly<Record<string, () => { on: Options }>> = {
    limiter,
    permits,
    composite: () => LimiterFactory.composite(limiter()),
    queue,
    'dedupe queue': () => QueueFactory.dedupe(),
    broadcast: () => QueueFactory.broadcast(),
    breaker,
    scheduler,
    coordinator,
  }
  it.each(Object.entries(emitters))('of a %s is one there is', (_, make) => {
    for (const name of ['nosuch', 'constructor', '', 5, undefined, Symbol('a')]) {
      expect(() => make().on(name, nothing)).toThrow(
        expect.objectContaining({ code: 'INVALID_OPTION', option: 'event' }),
      )
    }
    for (const listener of [undefined, 5, {}]) {
      expect(() => make().on('dropped', listener)).toThrow(
        expect.objectContaining({ code: 'INVALID_OPTION' }),
      )
    }
  })

  it('says the nearest', () => {
    expect(() => limiter().on('deny' as never, nothing)).toThrow(/the nearest is denied/)
    expect(() => breaker().on('half-open' as never, nothing)).toThrow(/the nearest is half_open/)
  })
})
