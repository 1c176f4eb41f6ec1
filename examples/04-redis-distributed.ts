// One limit, two processes. Run it: npx tsx examples/04-redis-distributed.ts
// It uses the Redis at REDIS_URL, or starts a redis-server of its own and ends it; without either it says so.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { LimiterFactory, QueueFactory } from 'aioflux'
import { RedisStorage } from 'aioflux/redis'
import { findRedis } from './find-redis.mts'

const [role, url = '', prefix = ''] = process.argv.slice(2)
if (role === 'worker') await worker()
else await parent()

/** What each process does, at the same time as the other: 100 calls, and then five visits behind a narrow door. */
async function worker(): Promise<void> {
  await using storage = new RedisStorage({ url, prefix, timeout: '10s' })
  const calls = LimiterFactory.tokenBucket({ rate: 50, per: '1h', storage, scope: 'calls' })
  await using door = LimiterFactory.concurrency({ limit: 1, storage, scope: 'door' })

  await storage.incr('ready')
  while ((await storage.get<number>('ready')) !== 2) await sleep(5)

  let passed = 0
  for (let i = 0; i < 100; i++) {
    if (await calls.acquire('user-123')) passed += 1
  }

  const visits: [number, number][] = []
  for (let i = 0; i < 5; i++) {
    await door.schedule('door', async () => {
      const came = Date.now()
      await sleep(10)
      visits.push([came, Date.now()])
    })
  }
  console.log(JSON.stringify({ passed, visits }))
}

async function parent(): Promise<void> {
  await using redis = await findRedis()
  if (redis === undefined) {
    console.log('Skipped: there is no Redis. Set REDIS_URL, or put redis-server on the PATH.')
    return
  }
  const run = `example-${process.pid}`
  const reports = await Promise.all([work(redis.url, run), work(redis.url, run)])

  const passed = reports.map((report) => report.passed)
  // How they share it is chance; all together never get more than 50.
  console.log(`${passed[0]} and ${passed[1]} of 100 calls each`) // => … and … of 100 calls each
  console.log(`${(passed[0] ?? 0) + (passed[1] ?? 0)} in all`) // => 50 in all

  const visits = reports.flatMap((report) => report.visits).sort(([a], [b]) => a - b)
  const meetings = visits.filter(([came], i) => i > 0 && came < (visits[i - 1]?.[1] ?? 0))
  console.log(`${visits.length} visits, ${meetings.length} meetings`) // => 10 visits, 0 meetings
  await mails(redis.url, run)
  await groups(redis.url, run)
}

/** Jobs that outlive the queue object that put them. */
async function mails(url: string, prefix: string): Promise<void> {
  await using storage = new RedisStorage({ url, prefix, timeout: '10s' })
  const send = async (to: string) => `sent to ${to}`
  // #region mails
  const producer = QueueFactory.fifo<string>({ name: 'invitations', storage })
  await producer.put('ann', { id: 'mail:1' }) // resolves when Redis has the job
  const again = await producer.put('ann', { id: 'mail:1' }) // safe to repeat: one id is one job
  console.log(again.state) // => duplicate
  await producer.stop() // the job stays in Redis

  const worker = QueueFactory.fifo<string, string>({ name: 'invitations', storage, handler: send })
  await worker.start()
  console.log(await worker.submit('bob', { timeout: '10s' })) // => sent to bob
  await worker.onIdle()
  console.log((await worker.counts()).completed) // => 2
  await worker.stop()
  // #endregion
}

/** Every group gets every item, also what was put while none of its subscribers was there. */
async function groups(url: string, prefix: string): Promise<void> {
  await using storage = new RedisStorage({ url, prefix, timeout: '10s' })
  // #region broadcast
  await using orders = QueueFactory.broadcast<string>({ name: 'orders', storage })
  const billing = orders.subscribe({ group: 'billing' })
  await billing.ready // from here on, the group misses nothing

  await orders.put('a chair')
  await orders.put('a table')
  for await (const order of billing) {
    console.log(`billed ${order}`)
    if (order === 'a table') break // not acknowledged: the group gets it again
  }
  // => billed a chair
  // => billed a table

  const again = orders.subscribe({ group: 'billing' })
  console.log(`billed ${await again.get()}`) // => billed a table
  // #endregion
}

interface Report {
  passed: number
  visits: [number, number][]
}

/** This program again, in a process of its own. */
async function work(url: string, prefix: string): Promise<Report> {
  const args = [...process.execArgv, fileURLToPath(import.meta.url), 'worker', url, prefix]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  let out = ''
  child.stdout.on('data', (chunk) => {
    out += chunk
  })
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`a worker ended with ${code}`)
  return JSON.parse(out)
}
