// Queues beside their peers: npm run build && node --expose-gc bench/queues.mjs [table]
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import async from 'async'
import Bottleneck from 'bottleneck'
import fastq from 'fastq'
import pLimit from 'p-limit'
import PQueue from 'p-queue'
import { BatchCollector, QueueFactory } from '../dist/index.js'
import { apart } from './apart.mjs'
import { median } from './harness.mjs'

const WORKERS = 10
const ours = { workers: WORKERS, maxSize: Number.POSITIVE_INFINITY }
const noop = async () => {}

/** All results of `n` calls. */
const all = (n, call) => {
  const results = new Array(n)
  for (let i = 0; i < n; i++) results[i] = call(i)
  return Promise.all(results)
}

/** A contender whose results are awaited. */
const awaited = (name, setup, call) => ({
  name,
  setup,
  run: (n, queue) => all(n, (i) => call(queue, i)),
})

/** A contender that calls `end` after each task; `setup(end)` makes the queue. */
const counted = (name, setup, call) => ({
  name,
  setup() {
    const counter = { left: 0, done: undefined }
    const end = () => {
      counter.left -= 1
      if (counter.left === 0) counter.done()
    }
    return { counter, end, queue: setup(end) }
  },
  run: (n, { counter, end, queue }) =>
    new Promise((resolve) => {
      counter.left = n
      counter.done = resolve
      for (let i = 0; i < n; i++) call(queue, i, end)
    }),
})

const [table, place] = process.argv.slice(2)

/** The contenders of this table, or the one that this process is for. */
const compare = (title, contenders, n) =>
  apart(title, contenders, {
    n,
    unit: 'task',
    args: [fileURLToPath(import.meta.url), table],
    place,
  })

const fifo = () => QueueFactory.fifo({ ...ours, handler: noop }).start()
const submit = (queue, i) => queue.submit(i)

const fifoAwaited = (n) => () =>
  compare(
    `fifo, results awaited, ${n.toLocaleString('en')} at a time`,
    [
      awaited('aioflux submit', fifo, submit),
      awaited(
        'aioflux submit, room for 10,000',
        () => QueueFactory.fifo({ workers: WORKERS, maxSize: 10_000, handler: noop }).start(),
        submit,
      ),
      awaited(
        'aioflux submit, tasks',
        () => QueueFactory.fifo(ours).start(),
        (queue) => queue.submit(noop),
      ),
      awaited(
        'fastq.promise',
        () => fastq.promise(noop, WORKERS),
        (queue, i) => queue.push(i),
      ),
      awaited(
        'p-queue',
        () => new PQueue({ concurrency: WORKERS }),
        (queue) => queue.add(noop),
      ),
      awaited(
        'p-limit',
        () => pLimit(WORKERS),
        (limit) => limit(noop),
      ),
      counted(
        'async.queue, callbacks',
        () => async.queue(noop, WORKERS),
        (queue, i, end) => queue.push(i, end),
      ),
    ],
    n,
  )

const priorities = (n, kinds) => () => {
  const random = () => (kinds === 0 ? Math.random() : Math.floor(Math.random() * kinds))
  const ranked = (handler) => QueueFactory.priority({ ...ours, handler }).start()
  return compare(
    `${kinds === 0 ? 'priorities, all different' : `${kinds} random priorities`}, ${n.toLocaleString('en')} at a time`,
    [
      awaited(
        'aioflux submit',
        () => ranked(noop),
        (queue, i) => queue.submit(i, { priority: random() }),
      ),
      counted(
        'aioflux put',
        (end) => ranked(async () => end()),
        (queue, i) => queue.put(i, { priority: random() }),
      ),
      counted(
        'async.priorityQueue, callbacks',
        () => async.priorityQueue(noop, WORKERS),
        (queue, i, end) => queue.push(i, random(), end),
      ),
      // Quadratic: it inserts into an array.
      ...(n > 20_000
        ? []
        : [
            awaited(
              'p-queue',
              () => new PQueue({ concurrency: WORKERS }),
              (queue) => queue.add(noop, { priority: random() }),
            ),
          ]),
    ],
    n,
  )
}

/** A contender whose results are not awaited: our queue by that verb. */
const unawaited = (verb) => () =>
  compare(
    `${verb} with a handler that ends at once`,
    [
      counted(
        `aioflux ${verb}`,
        (end) => QueueFactory.fifo({ ...ours, handler: end }).start(),
        verb === 'put' ? (queue, i) => queue.put(i) : (queue, i) => queue.offer(i),
      ),
      counted(
        'fastq, callback',
        () => fastq((_, end) => end(null), WORKERS),
        (queue, i, end) => queue.push(i, end),
      ),
    ],
    300_000,
  )

const tables = {
  fifo: fifoAwaited(10_000),
  'fifo-many': fifoAwaited(100_000),
  bottleneck: () =>
    compare(
      'fifo beside bottleneck',
      [
        awaited('aioflux submit', fifo, submit),
        awaited(
          'bottleneck',
          () => new Bottleneck({ maxConcurrent: WORKERS }),
          (limiter) => limiter.schedule(noop),
        ),
      ],
      200,
    ),
  put: unawaited('put'),
  offer: unawaited('offer'),
  'put-async': () =>
    compare(
      'put with an async handler',
      [
        counted(
          'aioflux put',
          (end) => QueueFactory.fifo({ ...ours, handler: async () => end() }).start(),
          (queue, i) => queue.put(i),
        ),
        counted(
          'fastq, async function in callback',
          () => fastq((_, end) => void noop().then(() => end(null), end), WORKERS),
          (queue, i, end) => queue.push(i, end),
        ),
        counted(
          'fastq, callback from nextTick',
          () => fastq((_, end) => process.nextTick(end), WORKERS),
          (queue, i, end) => queue.push(i, end),
        ),
      ],
      100_000,
    ),
  'priorities-10': priorities(20_000, 10),
  'priorities-1000': priorities(20_000, 1000),
  'priorities-different': priorities(20_000, 0),
  'priorities-many': priorities(100_000, 1000),
  rates,
  memory,
  batches,
}

if (table !== undefined) {
  await tables[table]()
  process.exit()
}
for (const name of Object.keys(tables)) {
  const path = fileURLToPath(import.meta.url)
  spawnSync(process.execPath, ['--expose-gc', path, name], { stdio: 'inherit' })
}

async function rates() {
  {
    // The rate of put and take together, with so many waiting all the time.
    const rate = async (waiting) => {
      const n = 200_000
      const queue = QueueFactory.fifo({ maxSize: Number.POSITIVE_INFINITY })
      for (let i = 0; i < waiting; i++) void queue.put(i)
      globalThis.gc?.()
      const began = performance.now()
      for (let i = 0; i < n; i++) {
        void queue.put(i)
        queue.tryGet()
      }
      const rate = n / (performance.now() - began)
      queue.clear()
      return rate
    }
    const few = []
    const many = []
    for (let round = 0; round < 3; round++) {
      few.push(await rate(10_000))
      many.push(await rate(1_000_000))
    }
    console.log(
      `\nput and take: ${Math.round(median(few))} k/s with 10,000 waiting, ${Math.round(median(many))} k/s with 1,000,000: ${(median(many) / median(few)).toFixed(2)} x`,
    )
  }
  {
    // Results drained, with so many waiting at the start.
    const drain = async (n) => {
      let left = n
      const queue = QueueFactory.fifo({
        ...ours,
        handler: async () => {
          left -= 1
        },
      })
      for (let i = 0; i < n; i++) void queue.put(i)
      globalThis.gc?.()
      const began = performance.now()
      queue.start()
      await queue.onIdle()
      if (left !== 0) throw new Error(`${left} jobs were lost`)
      return n / (performance.now() - began)
    }
    const few = []
    const many = []
    for (let round = 0; round < 3; round++) {
      // Ten thousand jobs take milliseconds, most of which the first rounds spend on compiling.
      for (let i = 0; i < 5; i++) few.push(await drain(10_000))
      many.push(await drain(1_000_000))
    }
    console.log(
      `drain: ${Math.round(median(few))} k/s from 10,000 waiting, ${Math.round(median(many))} k/s from 1,000,000: ${(median(many) / median(few)).toFixed(2)} x`,
    )
  }
}

function memory() {
  const n = 200_000
  const bytes = (fill) => {
    globalThis.gc?.()
    const before = process.memoryUsage().heapUsed
    const kept = fill()
    globalThis.gc?.()
    const each = (process.memoryUsage().heapUsed - before) / n
    return [Math.round(each), kept]
  }
  const never = () => new Promise(() => {})
  const rows = [
    [
      'aioflux put',
      () => {
        const queue = QueueFactory.fifo({ ...ours, workers: 1, handler: never }).start()
        for (let i = 0; i < n; i++) void queue.put(i)
        return queue
      },
    ],
    [
      'aioflux submit',
      () => {
        const queue = QueueFactory.fifo({ ...ours, workers: 1, handler: never }).start()
        for (let i = 0; i < n; i++) void queue.submit(i)
        return queue
      },
    ],
    [
      'p-queue',
      () => {
        const queue = new PQueue({ concurrency: 1 })
        for (let i = 0; i < n; i++) void queue.add(never)
        return queue
      },
    ],
  ]
  console.log('\nmemory for each waiting job')
  for (const [name, fill] of rows) console.log(`  ${name.padEnd(34)} ${bytes(fill)[0]} bytes`)
}

async function batches() {
  const n = 10_000
  const costs = { 'BatchCollector.add': [], 'fifo batch put': [] }
  for (let round = 0; round < 99; round++) {
    const collector = new BatchCollector({ batchSize: 100, timeout: 1, callback: (items) => items })
    let began = performance.now()
    for (let i = 0; i < n; i++) void collector.add(i)
    await collector.flush()
    costs['BatchCollector.add'].push(performance.now() - began)
    const queue = QueueFactory.fifo({ ...ours, batchSize: 100, batchFn: () => {} }).start()
    began = performance.now()
    for (let i = 0; i < n; i++) void queue.put(i)
    await queue.stop()
    costs['fifo batch put'].push(performance.now() - began)
  }
  console.log('\nbatches of 100')
  for (const [name, times] of Object.entries(costs)) {
    // The mean: half of the rounds collect garbage, so that a median stands now among the ones that do, now among the others.
    const total = times.reduce((sum, time) => sum + time, 0)
    console.log(
      `  ${name.padEnd(34)} ${((total / times.length / n) * 1000).toFixed(3)} microseconds an item`,
    )
  }
}
