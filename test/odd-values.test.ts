// Each argument of locks, leaders, schedules, breakers, metrics, the dashboard, RedisStorage and rateLimitFetch, given values that it is not for:
// the error has the code INVALID_OPTION and names the argument and the value.
import {
  backoff,
  CircuitBreaker,
  CircuitBreakerRegistry,
  Coordinator,
  circuitBreaker,
  LimiterFactory,
  MemoryStorage,
  Scheduler,
  slotKeeper,
} from 'aioflux'
import { dashboard } from 'aioflux/dashboard'
import { rateLimitFetch } from 'aioflux/http'
import { ConsoleMonitor, Metrics, PrometheusExporter, registerPrometheus } from 'aioflux/metrics'
import { carryTraces, observeMetrics, traced } from 'aioflux/otel'
import { HybridStorage, RedisStorage } from 'aioflux/redis'
import { describe, expect, it } from 'vitest'

// biome-ignore lint/suspicious/noExplicitAny: what its type forbids.
type Odd = any
type Give = (value: Odd) => unknown

const ODD: readonly (readonly [label: string, value: unknown])[] = [
  ['null', null],
  ['NaN', Number.NaN],
  ['-1', -1],
  ['0', 0],
  ['1.5', 1.5],
  ['Infinity', Number.POSITIVE_INFINITY],
  ["''", ''],
  ["'abc'", 'abc'],
  ['{}', {}],
  ['Object.create(null)', Object.create(null)],
  ['[]', []],
  ['[undefined]', [undefined]],
  ['true', true],
  ['a function', () => {}],
  ['1n', 1n],
  ['a symbol', Symbol('odd')],
  ['a promise', Promise.resolve(1)],
  // A message that is made with `${value}` throws.
  [
    'no text',
    {
      [Symbol.toPrimitive]() {
        throw new Error('not to be read as text')
      },
    },
  ],
]

const fn = () => {}
const coordinator = () => new Coordinator({ storage: new MemoryStorage() })
const scheduler = () => new Scheduler()
const keeper = (options: Odd) => slotKeeper(new MemoryStorage(), options)
const every = (options: Odd) => scheduler().every(1, fn, options)
const counter = () => new Metrics().counter('a').with()
const gauge = () => new Metrics().gauge('a').with()
const histogram = () => new Metrics().histogram('a').with()
const breaker = (options: Odd) => {
  const needs =
    'slowCallRate' in options
      ? { slowCall: 1 }
      : 'window' in options || 'minimumCalls' in options
        ? { failureRate: 0.5 }
        : {}
  return { ...needs, ...options }
}
const snapshot = new CircuitBreaker().export()
const board = (options: Odd) => dashboard({ access: () => false, history: 0, ...options }).close()
const redis = async (options: Odd) => {
  const storage = new RedisStorage({ url: 'redis://localhost:1', ...options })
  await storage.close()
}
const hybrid = async (options: Odd) => {
  const storage = new HybridStorage({ redis: 'redis://localhost:1', ...options })
  await storage.close()
}
const tracer = { startActiveSpan: fn } as Odd

const NONE = ''
const TEXT = "'abc'"
const ANY_TEXT = "'' 'abc'"
const POSITIVE = '1.5'
const FROM_ZERO = '0 1.5'
const FUNCTION = 'a function'
const OBJECTS = '{} Object.create(null) no text'

/** An argument, the values among {@link ODD} that it takes, and how it is given one. */
type Argument = readonly [name: string, takes: string, give: Give]

/** Options that are given alike: `give({ [name]: value })`. */
function options(give: (options: Odd) => unknown, takes: Readonly<Record<string, string>>) {
  return Object.entries(takes).map(
    ([name, taken]): Argument => [name, taken, (value) => give({ [name]: value })],
  )
}

const BREAKER = {
  name: TEXT,
  failureThreshold: NONE,
  failureRate: NONE,
  slowCall: FROM_ZERO,
  slowCallRate: NONE,
  window: POSITIVE,
  minimumCalls: NONE,
  timeout: POSITIVE,
  timeoutFactor: POSITIVE,
  maxTimeout: NONE, // 1.5 is less than the timeout
  halfOpenCalls: NONE,
  probeLease: POSITIVE,
  expectedError: `[] ${FUNCTION}`,
  ignoredError: `[] ${FUNCTION}`,
  failedResult: FUNCTION,
  clock: NONE,
  metrics: NONE,
}
const JOB = {
  coordinator: NONE,
  overlap: NONE,
  misfire: NONE,
  tolerance: FROM_ZERO,
  runAtStart: 'true',
  maxRuns: NONE,
  jitter: FROM_ZERO,
  timeout: FROM_ZERO,
  retry: NONE,
}
const WAIT = { signal: NONE, timeout: FROM_ZERO }
const LOCK = { ...WAIT, ttl: POSITIVE, renew: 'true' }

const PARTS: Readonly<Record<string, readonly Argument[]>> = {
  Coordinator: [
    ...options((o) => new Coordinator({ storage: new MemoryStorage(), ...o }), {
      storage: NONE,
      lockName: TEXT,
      ttl: POSITIVE,
      retryInterval: POSITIVE,
      name: TEXT,
      clock: NONE,
      metrics: NONE,
    }),
    ['event', NONE, (v) => coordinator().on(v, fn)],
    ['listener', FUNCTION, (v) => coordinator().on('lost', v)],
  ],
  'coordinator.lock': [
    ['name', TEXT, (v) => coordinator().lock(v)],
    ['name', TEXT, (v) => coordinator().lock(['a', v])],
    ['options', OBJECTS, (v) => coordinator().lock('a', v)],
    ...options((o) => coordinator().lock('a', o), LOCK),
  ],
  'coordinator.tryLock': [
    ['name', TEXT, (v) => coordinator().tryLock(v)],
    ...options((o) => coordinator().tryLock('a', o), { ttl: POSITIVE, renew: 'true' }),
  ],
  'coordinator.withLock': [
    ['name', TEXT, (v) => coordinator().withLock(v, fn)],
    ['fn', FUNCTION, (v) => coordinator().withLock('a', v)],
    ...options((o) => coordinator().withLock('a', fn, o), LOCK),
  ],
  'lease.extend': [['ttl', POSITIVE, async (v) => (await coordinator().lock('a')).extend(v)]],
  'coordinator.lead': [
    ['fn', FUNCTION, (v) => coordinator().lead(v)],
    ['options', OBJECTS, (v) => coordinator().lead(fn, v)],
    ...options((o) => coordinator().lead(fn, o), { signal: NONE }),
    ...options((o) => coordinator().waitForLeadership(o), WAIT),
  ],
  Scheduler: [
    ...options((o) => new Scheduler(o), {
      name: TEXT,
      timezone: NONE,
      storage: NONE,
      slots: NONE,
      coordinator: NONE,
      defaults: OBJECTS,
      clock: NONE,
      random: FUNCTION,
      metrics: NONE,
    }),
    ...options((defaults) => new Scheduler({ defaults }), JOB),
    ['event', NONE, (v) => scheduler().on(v, fn)],
    ['listener', FUNCTION, (v) => scheduler().on('failed', v)],
  ],
  'scheduler.every': [
    ['period', POSITIVE, (v) => scheduler().every(v, fn)],
    ['fn', FUNCTION, (v) => scheduler().every(1, v)],
    ['options', OBJECTS, (v) => every(v)],
    ...options(every, { ...JOB, name: TEXT, timezone: NONE }),
    ['attempts', NONE, (v) => every({ retry: { attempts: v } })],
    ['backoff', `${FROM_ZERO} ${FUNCTION}`, (v) => every({ retry: { attempts: 2, backoff: v } })],
    ['parallel', NONE, (v) => every({ overlap: { parallel: v } })],
  ],
  'scheduler.cron': [
    ['expression', NONE, (v) => scheduler().cron(v, fn)],
    ['fn', FUNCTION, (v) => scheduler().cron('* * * * *', v)],
    ['timezone', NONE, (v) => scheduler().cron('* * * * *', fn, { timezone: v })],
  ],
  'scheduler.at': [
    ['date', NONE, (v) => scheduler().at(v, fn)],
    ['fn', FUNCTION, (v) => scheduler().at(new Date(), v)],
  ],
  'scheduler.run and upcoming': [
    ['name', ANY_TEXT, (v) => scheduler().run(v)],
    ['name', ANY_TEXT, (v) => scheduler().upcoming(v, new Date())],
    ['end', NONE, (v) => scheduler().upcoming('a', v)],
    ['most', NONE, (v) => scheduler().upcoming('a', new Date(), v)],
  ],
  'scheduler.stop': [
    ['options', OBJECTS, (v) => scheduler().stop(v)],
    ...options((o) => scheduler().stop(o), { mode: NONE, deadline: FROM_ZERO, grace: FROM_ZERO }),
  ],
  slotKeeper: [
    ['storage', NONE, (v) => slotKeeper(v)],
    ['options', OBJECTS, (v) => keeper(v)],
    ...options(keeper, { ttl: POSITIVE, lease: POSITIVE, afterCrash: NONE, prefix: ANY_TEXT }),
  ],
  CircuitBreaker: [
    ...options((o) => new CircuitBreaker(breaker(o)), BREAKER),
    ['calls', NONE, (v) => new CircuitBreaker({ failureRate: 0.5, window: { calls: v } })],
    ['fn', FUNCTION, (v) => new CircuitBreaker().call(v)],
    ['options', OBJECTS, (v) => new CircuitBreaker().call(fn, v)],
    ...options((o) => new CircuitBreaker().call(fn, o), { signal: NONE, fallback: FUNCTION }),
    ['event', NONE, (v) => new CircuitBreaker().on(v, fn)],
    ['snapshot', NONE, (v) => new CircuitBreaker().import(v)],
    ...options((o) => new CircuitBreaker().import({ ...snapshot, ...o }), {
      state: NONE,
      trips: '0',
      retryAfter: FROM_ZERO,
      failuresInARow: '0',
    }),
  ],
  CircuitBreakerRegistry: [
    ...options((o) => new CircuitBreakerRegistry(breaker(o)), {
      ...BREAKER,
      maxKeys: NONE,
      idleTimeout: POSITIVE,
      seriesPerKey: 'true',
    }),
    ['key', ANY_TEXT, (v) => new CircuitBreakerRegistry().for(v)],
    ['key', ANY_TEXT, (v) => new CircuitBreakerRegistry().get(v)],
    ['key', ANY_TEXT, (v) => new CircuitBreakerRegistry().delete(v)],
  ],
  'circuitBreaker and backoff': [
    ['options', OBJECTS, (v) => circuitBreaker(v)],
    ['fn', FUNCTION, (v) => backoff(v)],
    ['options', OBJECTS, (v) => backoff(async () => 1, v)],
    ...options((o) => backoff(async () => 1, o), {
      maxRetries: '0 Infinity',
      baseDelay: FROM_ZERO,
      maxDelay: FROM_ZERO,
      factor: POSITIVE,
      jitter: 'true',
      retryIf: FUNCTION,
      signal: NONE,
      random: FUNCTION,
      name: TEXT,
      metrics: NONE,
    }),
  ],
  Metrics: [
    ...options((o) => new Metrics(o), { maxSeries: NONE, buckets: NONE, clock: NONE }),
    ['name', TEXT, (v) => new Metrics().counter(v)],
    ['name', TEXT, (v) => new Metrics().gauge(v)],
    ['name', TEXT, (v) => new Metrics().histogram(v)],
    ['help', ANY_TEXT, (v) => new Metrics().counter('a', { help: v })],
    ['labels', `${OBJECTS} a promise`, (v) => new Metrics().counter('a').with(v)],
    ['value', FROM_ZERO, (v) => counter().inc(v)],
    ['value', `-1 ${FROM_ZERO}`, (v) => gauge().set(v)],
    ['value', `-1 ${FROM_ZERO}`, (v) => histogram().observe(v)],
    ['value', FROM_ZERO, (v) => new Metrics().incr('a', v)],
    ['seconds', `-1 ${FROM_ZERO}`, (v) => new Metrics().timing('a', v)],
    ['fn', FUNCTION, (v) => new Metrics().time('a', v)],
    ['meet', FUNCTION, (v) => new Metrics().onFamily(v)],
    ['read', FUNCTION, (v) => gauge().follow({}, v)],
    ['part', `${OBJECTS} [] [undefined] a promise`, (v) => gauge().follow(v, () => 1)],
  ],
  'exporters and traces': [
    ...options((o) => new PrometheusExporter(o), { port: '0', host: TEXT, metrics: NONE }),
    ...options((o) => new ConsoleMonitor(o), {
      checkInterval: POSITIVE,
      metrics: NONE,
      write: FUNCTION,
      clock: NONE,
    }),
    ['registry', NONE, (v) => registerPrometheus(v)],
    ['meter', NONE, (v) => observeMetrics(v)],
    ['tracer', NONE, (v) => traced(v, fn)],
    ['fn', FUNCTION, (v) => traced(tracer, v)],
    ['propagation', NONE, (v) => carryTraces({ context: {}, propagation: v } as Odd)],
  ],
  rateLimitFetch: [
    ['handler', FUNCTION, (v) => rateLimitFetch(LimiterFactory.tokenBucket({ rate: 1 }))(v)],
  ],
  dashboard: options(board, {
    limiters: '[]',
    queues: '[]',
    breakers: '[]',
    pools: '[]',
    schedulers: '[]',
    coordinators: '[]',
    metrics: NONE,
    storage: NONE,
    access: FUNCTION,
    basePath: NONE,
    show: FUNCTION,
    history: FROM_ZERO,
    title: ANY_TEXT,
  }),
  storages: [
    ...options(redis, {
      url: NONE,
      prefix: ANY_TEXT,
      timeout: POSITIVE,
      name: TEXT,
      metrics: NONE,
      clock: NONE,
    }),
    ...options(hybrid, { redis: NONE, lease: POSITIVE, strict: 'true', name: TEXT, metrics: NONE }),
  ],
}

describe.each(Object.entries(PARTS))('%s', (_part, args) => {
  it.each(args)('%s', async (name, takes, give) => {
    const taken: string[] = []
    for (const [label, value] of ODD) {
      const error = await given(give, value)
      if (error === undefined) taken.push(label)
      else
        expect(error.message, label).toMatch(new RegExp(`${name}.*(got |is not an option of)`, 's'))
      if (error !== undefined) expect(error, label).toMatchObject({ code: 'INVALID_OPTION' })
    }
    const right = ODD.map(([label]) => label).filter((label) => names(takes).has(label))
    expect(taken).toEqual(right)
  })
})

// An option may be undefined. An argument that must be given is not called null in the message, when it was left out.
it.each<Argument>([
  ['storage', NONE, (v) => slotKeeper(v)],
  ['propagation', NONE, (v) => carryTraces({ context: {}, propagation: v } as Odd)],
  ['context', NONE, (v) => carryTraces({ propagation: { inject: fn }, context: v } as Odd)],
  ['registry', NONE, (v) => registerPrometheus(v)],
  ['tracer', NONE, (v) => traced(v, fn)],
])('%s that was left out', async (name, _, give) => {
  const error = await given(give, undefined)
  expect(error?.message).toMatch(
    new RegExp(`^${name} must have .*, got undefined$|^${name} must be .*, got undefined$`),
  )
})

/** The labels in a text such as `'' 'abc' a function`. */
function names(takes: string): Set<string> {
  return new Set(ODD.map(([label]) => label).filter((label) => ` ${takes} `.includes(` ${label} `)))
}

async function given(give: Give, value: unknown): Promise<Error | undefined> {
  try {
    await give(value)
    return undefined
  } catch (error) {
    return error as Error
  }
}
