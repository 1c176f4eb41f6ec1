// Queues beside their peers: npm run build && node --expose-gc bench/queues.mjs
// Rounds are interleaved, so that a busy machine is busy for everybody; medians of the rounds. Read the ratios.
import async from 'async'
import Bottleneck from 'bottleneck'
import fastq from 'fastq'
import pLimit from 'p-limit'
import PQueue from 'p-queue'
import { BatchCollector, QueueFactory } from '../dist/index.js'

const WORKERS = 10
const noop = async () => {}
const ours = { workers: WORKERS, maxSize: Number.POSITIVE_INFINITY }
const all = (n, put) => {
  const results = new Array(n)
  for (let i = 0; i < n; i++) results[i] = put(i)
  return Promise.all(results)
}
/** Resolves when `done` has been called `n` times. */
const counted = (n, begin) =>
  new Promise((resolve) => {
    let left = n
    begin(() => {
      left -= 1
      if (left === 0) resolve()
    })
  })
const median = (numbers) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1]

async function compare(title, n, contestants, rounds = 9) {
  const times = contestants.map(() => [])
  // Everybody for as long, until the engine has made its best code: the first in line would pay for the others otherwise.
  for (const [, run] of contestants) {
    const until = performance.now() + 250
    do await run(Math.min(n, 20_000))
    while (performance.now() < until)
  }
  for (let round = 0; round < rounds; round++) {
    for (const [k, [, run]] of contestants.entries()) {
      globalThis.gc?.()
      const began = performance.now()
      await run(n)
      times[k].push(performance.now() - began)
    }
  }
  console.log(`\n${title}, n = ${n.toLocaleString('en')}`)
  const own = median(times[0])
  for (const [k, [name]] of contestants.entries()) {
    const time = median(times[k])
    const rate = `${Number((n / time).toPrecision(3)).toLocaleString('en')} k/s`
    console.log(
      `  ${name.padEnd(34)} ${rate.padStart(12)}   aioflux is ${(time / own).toFixed(2)} x`,
    )
  }
}

for (const n of [10_000, 100_000]) {
  await compare(
    'fifo, results awaited',
    n,
    [
      [
        'aioflux submit',
        (n) => {
          const queue = QueueFactory.fifo({ ...ours, handler: noop }).start()
          return all(n, (i) => queue.submit(i))
        },
      ],
      [
        'aioflux submit, tasks',
        (n) => {
          const queue = QueueFactory.fifo(ours).start()
          return all(n, () => queue.submit(noop))
        },
      ],
      [
        'fastq.promise',
        (n) => {
          const queue = fastq.promise(noop, WORKERS)
          return all(n, (i) => queue.push(i))
        },
      ],
      [
        'p-queue',
        (n) => {
          const queue = new PQueue({ concurrency: WORKERS })
          return all(n, () => queue.add(noop))
        },
      ],
      [
        'p-limit',
        (n) => {
          const limit = pLimit(WORKERS)
          return all(n, () => limit(noop))
        },
      ],
      [
        'async.queue, callbacks',
        (n) =>
          counted(n, (done) => {
            const queue = async.queue(noop, WORKERS)
            for (let i = 0; i < n; i++) queue.push(i, done)
          }),
      ],
    ],
    n > 10_000 ? 7 : 15,
  )
}

// Alone: its timers, seconds of them, would leave cold caches to whoever comes next.
await compare(
  'fifo beside bottleneck',
  200,
  [
    [
      'aioflux submit',
      (n) => {
        const queue = QueueFactory.fifo({ ...ours, handler: noop }).start()
        return all(n, (i) => queue.submit(i))
      },
    ],
    [
      'bottleneck',
      (n) => {
        const limiter = new Bottleneck({ maxConcurrent: WORKERS })
        return all(n, () => limiter.schedule(noop))
      },
    ],
  ],
  5,
)

await compare('put with a handler that ends at once', 300_000, [
  [
    'aioflux put',
    (n) =>
      counted(n, (done) => {
        const queue = QueueFactory.fifo({ ...ours, handler: done }).start()
        for (let i = 0; i < n; i++) queue.put(i)
      }),
  ],
  [
    'fastq, callback',
    (n) =>
      counted(n, (done) => {
        const queue = fastq((_, end) => end(null), WORKERS)
        for (let i = 0; i < n; i++) queue.push(i, done)
      }),
  ],
])

await compare('put with an async handler', 100_000, [
  [
    'aioflux put',
    (n) =>
      counted(n, (done) => {
        const queue = QueueFactory.fifo({ ...ours, handler: async () => done() }).start()
        for (let i = 0; i < n; i++) queue.put(i)
      }),
  ],
  [
    'fastq, async function in callback',
    (n) =>
      counted(n, (done) => {
        const queue = fastq((_, end) => void noop().then(() => end(null), end), WORKERS)
        for (let i = 0; i < n; i++) queue.push(i, done)
      }),
  ],
  [
    'fastq, callback from nextTick',
    (n) =>
      counted(n, (done) => {
        const queue = fastq((_, end) => process.nextTick(end), WORKERS)
        for (let i = 0; i < n; i++) queue.push(i, done)
      }),
  ],
])

for (const [n, kinds] of [
  [20_000, 10],
  [20_000, 1000],
  [100_000, 1000],
  [20_000, 0],
]) {
  const random = () => (kinds === 0 ? Math.random() : Math.floor(Math.random() * kinds))
  await compare(
    kinds === 0 ? 'priorities, all different' : `${kinds} random priorities`,
    n,
    [
      [
        'aioflux submit',
        (n) => {
          const queue = QueueFactory.priority({ ...ours, handler: noop }).start()
          return all(n, (i) => queue.submit(i, { priority: random() }))
        },
      ],
      [
        'aioflux put',
        (n) =>
          counted(n, (done) => {
            const queue = QueueFactory.priority({ ...ours, handler: async () => done() }).start()
            for (let i = 0; i < n; i++) queue.put(i, { priority: random() })
          }),
      ],
      [
        'async.priorityQueue, callbacks',
        (n) =>
          counted(n, (done) => {
            const queue = async.priorityQueue(noop, WORKERS)
            for (let i = 0; i < n; i++) queue.push(i, random(), done)
          }),
      ],
      ...(n > 20_000
        ? []
        : [
            [
              'p-queue',
              (n) => {
                const queue = new PQueue({ concurrency: WORKERS })
                return all(n, () => queue.add(noop, { priority: random() }))
              },
            ],
          ]),
    ],
    9,
  )
}

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
    few.push(await drain(10_000))
    many.push(await drain(1_000_000))
  }
  console.log(
    `drain: ${Math.round(median(few))} k/s from 10,000 waiting, ${Math.round(median(many))} k/s from 1,000,000: ${(median(many) / median(few)).toFixed(2)} x`,
  )
}

{
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

{
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
    console.log(
      `  ${name.padEnd(34)} ${((median(times) / n) * 1000).toFixed(3)} microseconds an item`,
    )
  }
}
process.exit()
