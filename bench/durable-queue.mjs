// Queues kept in Redis beside BullMQ: one server, each contender in a process of its own, in turn. Handlers do nothing, so what
// is measured is the queue. `node bench/durable-queue.mjs` after `npm run build`.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { Queue, Worker } from 'bullmq'
import { Redis } from 'ioredis'
import { jsonCodec } from '../dist/queues/store/json-codec.js'
import { RedisStorage } from '../dist/redis/index.js'
import { tokenBucket } from '../dist/rules/token-bucket.js'
import { median } from './harness.mjs'
import { startRedis } from './redis-server.mjs'

const ROUNDS = 3
const CONCURRENCY = 50
const BODY = { to: 'someone@example.com', subject: 'x'.repeat(60) }
const ROOM = { maxSize: Infinity, overflow: 'refuse' }

/** What is measured: how many jobs, and what differs between them. */
const contenders = {
  'BullMQ fifo': { jobs: 10_000, run: bullmq, draft: () => ({}) },
  fifo: { jobs: 30_000, run: aioflux, draft: () => ({}) },
  'priority, 10 levels': { jobs: 30_000, run: aioflux, draft: (i) => ({ priority: i % 10 }) },
  '50 groups': { jobs: 30_000, run: aioflux, draft: (i) => ({ group: `g${i % 50}` }) },
  'a rate for each of 50 keys': {
    jobs: 30_000,
    run: aioflux,
    draft: (i) => ({ limiterKey: `k${i % 50}` }),
    limited: true,
  },
}

const [name, port] = process.argv.slice(2)
if (name !== undefined)
  process.stdout.write(JSON.stringify(await contenders[name].run(Number(port), contenders[name])))
else await compare()

async function compare() {
  const server = await startRedis()
  try {
    const results = Object.fromEntries(Object.keys(contenders).map((title) => [title, []]))
    for (let round = 0; round < ROUNDS; round++) {
      for (const title of Object.keys(contenders)) {
        const program = fileURLToPath(import.meta.url)
        const { stdout, stderr } = spawnSync(
          process.execPath,
          [program, title, String(server.port)],
          { encoding: 'utf8' },
        )
        if (stdout === '') throw new Error(`${title}: ${stderr}`)
        results[title].push(JSON.parse(stdout))
      }
    }
    print(results)
  } finally {
    server.stop()
  }
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

/** Rates a second of putting and of doing, and what a waiting job weighs. */
async function measured(client, jobs, put, done) {
  const used = async () => Number(/used_memory:(\d+)/.exec(await client.info('memory'))[1])
  await client.flushall()
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

async function aioflux(port, { jobs, draft, limited }) {
  const client = new Redis(port)
  const storage = new RedisStorage({ client, timeout: '30s' })
  const rule = tokenBucket({ rate: 1e6 })
  const limiter = {
    kind: rule.kind,
    scope: 'bench',
    params: rule.params,
    capacity: rule.capacity,
    keyed: true,
  }
  const store = storage.queues.open({
    name: 'bench',
    declaration: limited ? { limiter } : {},
    codec: jsonCodec,
    resultTtl: 60_000,
    idTtl: 86_400_000,
    maxItemBytes: 262_144,
  })
  const plain = { cost: 1, priority: 0, awaited: false, item: BODY }
  const drafts = Array.from({ length: jobs }, (_, i) => ({ ...plain, ...draft(i) }))
  const put = async () => {
    for (let i = 0; i < jobs; i += 1000) await store.insert(drafts.slice(i, i + 1000), ROOM)
  }
  const done = async () => {
    let left = jobs
    const ending = { outcome: 'completed', value: undefined }
    // As workers do it: what has ended and what is wanted instead travel together.
    let claims = await store.claim(CONCURRENCY, 30_000)
    while (left > 0) {
      await Promise.all(claims.map(async () => {}))
      left -= claims.length
      const [, next] = await Promise.all([
        store.settle(claims.map((claim) => ({ claim, ending }))),
        store.claim(CONCURRENCY, 30_000),
      ])
      claims = next
    }
  }
  // Everything is compiled, and agreed on.
  await store.insert(drafts.slice(0, 1000), ROOM)
  while ((await store.counts()).waiting > 0) {
    const claims = await store.claim(CONCURRENCY, 30_000)
    await store.settle(
      claims.map((claim) => ({ claim, ending: { outcome: 'completed', value: undefined } })),
    )
  }
  await client.flushall()
  await store.redeclare(limited ? { limiter } : {})
  const result = await measured(client, jobs, put, done)
  await store.close()
  await storage.close()
  client.disconnect()
  return result
}

async function bullmq(port, { jobs }) {
  const connection = { port, maxRetriesPerRequest: null }
  const queue = new Queue('bench', { connection, defaultJobOptions: { removeOnComplete: true } })
  const client = new Redis(port)
  const bulk = Array.from({ length: jobs }, () => ({ name: 'job', data: BODY }))
  const result = await measured(
    client,
    jobs,
    async () => {
      for (let i = 0; i < jobs; i += 1000) await queue.addBulk(bulk.slice(i, i + 1000))
    },
    () =>
      new Promise((resolve) => {
        let left = jobs
        const worker = new Worker('bench', async () => {}, { connection, concurrency: CONCURRENCY })
        worker.on('completed', () => {
          left -= 1
          if (left === 0) resolve(worker.close(true))
        })
      }),
  )
  await queue.close()
  client.disconnect()
  return result
}
