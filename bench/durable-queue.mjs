// Queues kept in Redis beside BullMQ: one server, each contender in a process of its own, in turn. Handlers do nothing, so what
// is measured is the queue.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { Queue, Worker } from 'bullmq'
import { Redis } from 'ioredis'
import { LimiterFactory, QueueFactory } from '../dist/index.js'
import { RedisStorage } from '../dist/redis/index.js'
import { median } from './harness.mjs'
import { startRedis } from './redis-server.mjs'

const ROUNDS = Number(process.env.ROUNDS ?? 3)
const CONCURRENCY = 50
const BODY = { to: 'someone@example.com', subject: 'x'.repeat(60) }
const JOBS = Number(process.env.JOBS ?? 100_000)
/** Milliseconds of putting and doing before anything is measured: a worker lives for days, and engines take seconds to make their best code. */
const WARM = 5000

/** What is measured: how many jobs, and what differs between them. */
const contenders = {
  'BullMQ fifo': { jobs: Math.ceil(JOBS / 3), run: bullmq },
  fifo: { jobs: JOBS, run: aioflux },
  'priority, 10 levels': {
    jobs: JOBS,
    run: aioflux,
    kind: 'priority',
    put: (i) => ({ priority: i % 10 }),
  },
  '50 groups': {
    ...{ jobs: JOBS, run: aioflux, options: { group: () => 'g' } },
    put: (i) => ({ group: `g${i % 50}` }),
  },
  'a rate for each of 50 keys': {
    ...{ jobs: JOBS, run: aioflux, limited: true },
    options: { limiterKey: keyInTurn() },
  },
}
/**
 * Not in the table. Backlogs are a million in all: a server doubles its tables at 1,048,576 entries, and moves some of them in each
 * command until it is done. What is measured then is that; the last row does it on purpose.
 */
const others = {
  'behind 10,000 jobs': { jobs: JOBS, run: aioflux, backlog: 10_000 },
  'of a million jobs': { jobs: JOBS, run: aioflux, backlog: 1_000_000 - JOBS },
  'while tables grow': { jobs: JOBS, run: aioflux, backlog: 2 ** 20 - JOBS / 2 },
  waits: { jobs: 500, run: waits },
}

function keyInTurn() {
  let i = 0
  return () => `k${i++ % 50}`
}

const [name, port] = process.argv.slice(2)
if (name !== undefined) {
  const contender = contenders[name] ?? others[name]
  process.stdout.write(JSON.stringify(await contender.run(Number(port), contender)))
} else await compare()

async function compare() {
  const server = await startRedis()
  try {
    const results = Object.fromEntries(Object.keys(contenders).map((title) => [title, []]))
    for (let round = 0; round < ROUNDS; round++) {
      for (const title of Object.keys(contenders)) {
        results[title].push(inProcess(title, server.port))
      }
    }
    print(results)
    const { p50, p99, commands } = inProcess('waits', server.port)
    console.log(`  put to start: p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms`)
    console.log(`  an idle worker: ${commands.toFixed(1)} commands a second`)
  } finally {
    server.stop()
  }
  await compareBacklogs()
}

/** How much a million waiting jobs slow a queue down, on a server that has done nothing else. */
async function compareBacklogs() {
  const server = await startRedis()
  try {
    const beside = { 'of a million jobs': [], 'while tables grow': [] }
    for (let round = 0; round < ROUNDS; round++) {
      const few = inProcess('behind 10,000 jobs', server.port)
      for (const [title, ratios] of Object.entries(beside)) {
        ratios.push(inProcess(title, server.port).done / few.done)
      }
    }
    const [many, growing] = Object.values(beside).map((ratios) => `${median(ratios).toFixed(2)} x`)
    console.log(`  a million waiting, beside 10,000: done ${many}`)
    console.log(`  a million waiting, while the server doubles its tables: done ${growing}`)
  } finally {
    server.stop()
  }
}

/** One contender, in a process of its own. */
function inProcess(title, port) {
  const program = fileURLToPath(import.meta.url)
  const args = [program, title, String(port)]
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  if (stdout === '') throw new Error(`${title}: ${stderr}`)
  return JSON.parse(stdout)
}

function print(results) {
  const of = (title, what) => median(results[title].map((result) => result[what]))
  console.log(`\nqueues in Redis, ${CONCURRENCY} at once, handlers that do nothing`)
  console.log(
    `  ${''.padEnd(28)} put k/s        done k/s       bytes a waiting job besides its body`,
  )
  for (const title of Object.keys(results)) {
    const cells = ['put', 'done'].map((what) => {
      const ratio = of(title, what) / of('BullMQ fifo', what)
      return `${(of(title, what) / 1000).toFixed(1).padStart(6)} ${`${ratio.toFixed(1)} x`.padEnd(8)}`
    })
    console.log(
      `  ${title.padEnd(28)} ${cells.join('')} ${of(title, 'bytes').toFixed(0).padStart(5)}`,
    )
  }
}

async function warmed(round) {
  const until = performance.now() + WARM
  while (performance.now() < until) await round()
}

/** Rates a second of putting and of doing, and what a waiting job weighs. */
async function measured(client, jobs, put, done) {
  const used = async () => Number(/used_memory:(\d+)/.exec(await client.info('memory'))[1])
  const before = await used()
  let began = performance.now()
  await put()
  const putting = performance.now() - began
  const bytes = ((await used()) - before) / jobs - JSON.stringify(BODY).length
  began = performance.now()
  await done()
  const doing = performance.now() - began
  return { put: (jobs / putting) * 1000, done: (jobs / doing) * 1000, bytes }
}

/** A queue as users make it, and a worker as users start it. */
async function aioflux(
  port,
  { jobs, kind = 'fifo', options = {}, put = () => undefined, limited, backlog = 0 },
) {
  const client = new Redis(port)
  await client.flushall()
  const storage = new RedisStorage({ client, timeout: '30s' })
  const limiter = limited && LimiterFactory.tokenBucket({ rate: 1e6, storage, scope: 'bench' })
  const common = {
    name: 'bench',
    storage,
    maxSize: Infinity,
    ...options,
    ...(limiter && { limiter }),
  }
  const items = Array.from({ length: jobs + backlog }, () => BODY)
  /** Does `count` of the jobs that wait, with a worker of its own. */
  const work = (count) =>
    new Promise((resolve) => {
      let left = count
      const queue = QueueFactory[kind]({
        ...common,
        workers: CONCURRENCY,
        handler: async () => {
          left -= 1
          if (left === 0) setImmediate(() => resolve(queue.stop()))
        },
      })
      queue.start()
    })
  const producer = QueueFactory[kind](common)
  const few = items.slice(0, JOBS / 10)
  await warmed(async () => {
    await producer.putMany(few, (_, i) => put(i))
    await work(few.length)
  })
  await producer.putMany(items.slice(0, backlog))
  const result = await measured(
    client,
    jobs,
    () => producer.putMany(items.slice(0, jobs), (_, i) => put(i)),
    () => work(jobs),
  )
  await producer.stop()
  await storage.close()
  client.disconnect()
  return result
}

/** From put to start in another queue object, one job at a time; and what an idle worker asks of Redis. */
async function waits(port, { jobs }) {
  const client = new Redis(port)
  await client.flushall()
  const [near, far] = [0, 1].map(
    () => new RedisStorage({ client: new Redis(port), timeout: '30s' }),
  )
  const producer = QueueFactory.fifo({ name: 'bench', storage: near })
  const times = []
  let began = 0
  let started = () => {}
  const worker = QueueFactory.fifo({
    ...{ name: 'bench', storage: far, workers: CONCURRENCY },
    handler: () => {
      times.push(performance.now() - began)
      started()
    },
  })
  await worker.start()
  for (let i = 0; i < jobs + 50; i++) {
    const done = new Promise((resolve) => {
      started = resolve
    })
    began = performance.now()
    await producer.put(BODY)
    await done
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
  const sorted = times.slice(50).sort((a, b) => a - b)
  await producer.stop()
  await client.config('RESETSTAT')
  await new Promise((resolve) => setTimeout(resolve, 5000))
  const stats = await client.info('commandstats')
  const asked = [...stats.matchAll(/cmdstat_(evalsha|eval|ping):calls=(\d+)/g)]
  const commands = asked.reduce((sum, [, , calls]) => sum + Number(calls), 0) / 5
  await worker.stop()
  for (const storage of [near, far]) await storage.close()
  const at = (share) => sorted[Math.floor(sorted.length * share)]
  process.stdout.write(JSON.stringify({ p50: at(0.5), p99: at(0.99), commands }))
  process.exit(0)
}

async function bullmq(port, { jobs }) {
  const connection = { port, maxRetriesPerRequest: null }
  const queue = new Queue('bench', { connection, defaultJobOptions: { removeOnComplete: true } })
  const client = new Redis(port)
  await client.flushall()
  const bulk = Array.from({ length: jobs }, () => ({ name: 'job', data: BODY }))
  const put = async (count) => {
    for (let i = 0; i < count; i += 1000) await queue.addBulk(bulk.slice(i, i + 1000))
  }
  // One worker for all rounds: each that was closed would leave something behind.
  const worker = new Worker('bench', async () => {}, {
    ...{ connection, concurrency: CONCURRENCY, autorun: false },
  })
  const running = { left: 0, done() {} }
  worker.on('completed', () => {
    running.left -= 1
    if (running.left === 0) running.done()
  })
  let started = false
  const work = async (count) => {
    const done = new Promise((resolve) => {
      running.left = count
      running.done = resolve
    })
    if (started) worker.resume()
    else void worker.run()
    started = true
    await done
    await worker.pause()
  }
  const few = Math.ceil(JOBS / 12)
  await warmed(async () => {
    await put(few)
    await work(few)
  })
  const result = await measured(
    client,
    jobs,
    () => put(jobs),
    () => work(jobs),
  )
  await worker.close()
  await queue.close()
  client.disconnect()
  return result
}
