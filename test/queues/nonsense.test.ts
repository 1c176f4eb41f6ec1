import { describe, expect, it } from 'vitest'
import {
  BatchCollector,
  backoff,
  LimiterFactory,
  QueueFactory,
  queued,
  WorkerPool,
} from '../../src/index.ts'

/** What a slip puts where an option should be. */
const EMPTY = {}
const NONSENSE: readonly unknown[] = [undefined, null, NaN, '', EMPTY, -1, 1.5, Infinity]

type Make = (options: Record<string, unknown>) => unknown
interface Row {
  make: Make
  /** What of the nonsense means something, by option; `undefined` always does, where it is not needed. */
  options: Record<string, readonly unknown[]>
  /** What has to be there so that the option is one. */
  beside?: Record<string, unknown>
  /** How the option is named in errors, before its own name. */
  prefix?: string
}

const duration = [1.5]
const count = [Infinity]
const DELAYS = {
  baseDelay: duration,
  maxDelay: duration,
  factor: [1.5],
  jitter: [],
  random: [],
  retryIf: [],
}
const QUEUE = {
  name: [],
  workers: count,
  maxSize: count,
  overflow: [],
  handler: [],
  limiter: [],
  timeout: duration,
  onTimeout: [],
  retry: [],
  deadLetter: [],
  group: [],
  groupConcurrency: count,
  groupWeight: [],
  keep: [EMPTY],
  idTtl: duration,
  lease: duration,
  maxDeliveries: [],
  resultTtl: duration,
  maxItemBytes: count,
  clock: [],
  metrics: [],
}
const make = (of: (options: never) => unknown): Make => of as Make
const limiter = LimiterFactory.tokenBucket({ rate: 1 })
const fifo = make(QueueFactory.fifo)
const collector = make((options) => new BatchCollector(options))
const pool = make((options) => new WorkerPool(options))
const backoffOf: Make = (options) => backoff(() => 1, options as never)

const ROWS: Record<string, Row> = {
  fifo: { make: fifo, options: QUEUE },
  priority: {
    make: make(QueueFactory.priority),
    options: { ...QUEUE, priorityFn: [], aging: duration },
  },
  delay: { make: make(QueueFactory.delay), options: QUEUE },
  dedupe: {
    make: make(QueueFactory.dedupe),
    options: {
      ...QUEUE,
      keyFn: [],
      mode: [],
      ttl: duration,
    },
  },
  debounce: {
    make: make(QueueFactory.dedupe),
    options: { delay: duration, maxDelay: [...duration, Infinity] },
    beside: { mode: 'debounce' },
  },
  keep: {
    make: (keep) => QueueFactory.fifo({ keep } as never),
    options: { dead: [...duration, EMPTY], completed: [...duration, EMPTY] },
    prefix: 'keep.',
  },
  'dedupe by another mode': {
    make: make(QueueFactory.dedupe),
    options: { ttl: duration },
    beside: { mode: 'pending' },
  },
  'with a limiter': {
    make: fifo,
    options: { limiterKey: [], limiterCost: [] },
    beside: { limiter },
  },
  batches: {
    make: fifo,
    options: { batchSize: [], batchTimeout: duration, bisectOnError: [] },
    beside: { batchFn: () => {} },
  },
  batchFn: { make: fifo, options: { batchFn: [] } },
  retry: {
    make: (retry) => QueueFactory.fifo({ retry } as never),
    options: { ...DELAYS, backoff: duration },
    beside: { attempts: 2 },
    prefix: 'retry.',
  },
  broadcast: {
    make: make(QueueFactory.broadcast),
    options: { name: [], maxSize: count, overflow: [], clock: [], metrics: [] },
  },
  subscribe: {
    make: (options) => QueueFactory.broadcast().subscribe(options),
    options: { maxSize: count, overflow: [], filter: [], signal: [] },
  },
  pool: {
    make: pool,
    options: {
      name: [],
      minWorkers: [],
      maxWorkers: [],
      // At 0 and 1.5 the rule would be another one; the bounds are told.
      scaleUpThreshold: [],
      scaleDownThreshold: [],
      maxLoopUtilization: [],
      checkInterval: duration,
      executor: [],
      clock: [],
      maxSize: count,
      overflow: [],
      timeout: duration,
      onTimeout: [],
      retry: [],
      metrics: [],
    },
  },
  collector: {
    make: collector,
    options: { batchSize: [], timeout: duration, maxInFlight: count, bisectOnError: [], clock: [] },
    beside: { callback: () => {} },
  },
  'callback of a collector': { make: collector, options: { callback: [] } },
  queued: {
    make: make(queued),
    options: { queue: [], workers: count, priority: [-1, 1.5], priorityFn: [] },
  },
  backoff: {
    make: backoffOf,
    options: { ...DELAYS, name: [], maxRetries: count, signal: [], clock: [], metrics: [] },
  },
  'options of a put': {
    make: (options) => QueueFactory.fifo().put(1, options),
    options: {
      priority: [-1, 1.5],
      delay: duration,
      at: [],
      key: [],
      signal: [],
      timeout: duration,
      retry: [],
    },
  },
  'options of a put that is a duplicate': {
    make: async (options) => {
      const queue = QueueFactory.dedupe({ mode: 'latest', keyFn: () => 1 })
      await queue.put(1)
      await queue.put(2, options)
    },
    options: { key: [], signal: [], timeout: duration, retry: [] },
  },
  'options of a get': {
    make: async (options) => {
      const queue = QueueFactory.fifo()
      const got = queue.get(options)
      await queue.put(1)
      return got
    },
    options: { signal: [], timeout: duration },
  },
}

const NEEDED = new Set(['callback'])

async function outcome(run: () => unknown): Promise<unknown> {
  try {
    await run()
    return 'taken'
  } catch (error) {
    return error
  }
}

const show = (value: unknown) =>
  value === '' ? "''" : typeof value === 'object' && value ? '{}' : String(value)

describe.each(Object.entries(ROWS))('%s', (_, { make: of, options, beside, prefix = '' }) => {
  const cases = Object.entries(options).flatMap(([name, meaningful]) =>
    NONSENSE.map((value) => ({ name, value, shown: show(value), meaningful })),
  )
  it.each(cases)('$name: $shown', async ({ name, value, meaningful }) => {
    const error = await outcome(() => of({ ...beside, [name]: value }))
    if ((value === undefined && !NEEDED.has(name)) || meaningful.includes(value)) {
      expect(error).toBe('taken')
      return
    }
    expect(error).toMatchObject({ code: 'INVALID_OPTION' })
    const { option, message } = error as { option: string; message: string }
    expect(option.startsWith(prefix + name) || option.endsWith(`.${name}`)).toBe(true)
    expect(message).toContain(option)
    expect(message).toMatch(
      value !== null && typeof value === 'object'
        ? /an object|undefined/
        : new RegExp(`${value === '' ? "''" : value}`),
    )
  })
})

// A bare number of attempts is how to retry, too.
it.each(Object.entries(ROWS).filter(([name]) => name !== 'retry'))(
  '%s: something other than options',
  async (_, { make: of }) => {
    for (const nothing of [5, 'five', null]) {
      expect(await outcome(() => of(nothing as never))).toMatchObject({
        code: 'INVALID_OPTION',
      })
    }
  },
)

// Not those that are asked in hot paths, nor what is read from options of others.
const LENIENT = /^(options of|backoff|retry)/

it.each(Object.entries(ROWS).filter(([name]) => !LENIENT.test(name)))(
  '%s: a name that is misspelt, or of another part',
  async (_, { make: of, options, beside }) => {
    for (const name of ['worker', 'maxsize', 'concurrency']) {
      const error = await outcome(() => of({ ...beside, [name]: 3 }))
      expect(error).toMatchObject({ code: 'INVALID_OPTION', option: name })
      expect((error as Error).message).toContain(`${name} is not an option of `)
      for (const known of Object.keys(options)) expect((error as Error).message).toContain(known)
    }
  },
)

it('an option of another kind of queue is none of this one', () => {
  expect(() => QueueFactory.delay({ batchSize: 5 } as never)).toThrow(
    /^batchSize is not an option of QueueFactory.delay: /,
  )
})
