// Jobs that outlive their processes: an API that puts, two workers of which one dies at work, and dead jobs that are looked at and
// redriven. Run it: npx tsx examples/09-durable-queue.ts
// It uses the Redis at REDIS_URL, or starts a redis-server of its own and ends it; without either it says so.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type Handler, QueueFactory } from 'aioflux'
import { RedisStorage } from 'aioflux/redis'
import { findRedis } from './find-redis.mts'

interface Order {
  id: string
  to: string
}

const [role, url = '', prefix = ''] = process.argv.slice(2)
if (role === 'api') await api()
else if (role === 'worker') await worker()
else await operator()

// #region queue
/** One function makes the queue, in every process. */
function ordersIn(storage: RedisStorage, handler?: Handler<Order, string>) {
  return QueueFactory.fifo<Order, string>({
    name: 'orders',
    storage,
    workers: 4,
    lease: '1s', // a dead worker is noticed within it; 30 s by default
    retry: { attempts: 2, baseDelay: '10ms' },
    keep: { completed: '1h' },
    ...(handler && { handler }),
  })
}
// #endregion

/** Takes orders: POST / with one. It starts no workers. */
async function api(): Promise<void> {
  const orders = ordersIn(new RedisStorage({ url, prefix }))
  // #region api
  const server = createServer(async (request, response) => {
    const order: Order = JSON.parse(String((await request.toArray())[0]))
    // With the id of the order, a request that is sent twice is one job.
    const job = await orders.put(order, { id: order.id })
    response.writeHead(202).end(job.state)
  })
  // #endregion
  server.listen(0, '127.0.0.1', () => {
    process.send?.({ port: (server.address() as AddressInfo).port })
  })
}

/** Sends what was ordered. */
async function worker(): Promise<void> {
  const storage = new RedisStorage({ url, prefix })
  // #region worker
  const orders = ordersIn(storage, async ({ to }, { delivery }) => {
    // This order ends the process that takes it first, as a power cut would.
    if (to === 'house 12' && delivery === 1) process.kill(process.pid, 'SIGKILL')
    if (to === 'nowhere' && !(await storage.exists('nowhere found')))
      throw new Error('no such address')
    await sleep(50)
    return `sent to ${to}`
  })
  await orders.start()
  process.once('SIGTERM', async () => {
    await orders.stop() // finishes what runs, gives the rest back
    await storage.close()
  })
  // #endregion
  process.send?.({})
}

/** The operator. */
async function operator(): Promise<void> {
  await using redis = await findRedis()
  if (redis === undefined) {
    console.log('Skipped: there is no Redis. Set REDIS_URL, or put redis-server on the PATH.')
    return
  }
  const run = `example-${process.pid}`
  await using storage = new RedisStorage({ url: redis.url, prefix: run, timeout: '10s' })
  await using orders = ordersIn(storage)
  const [shop, one, two] = await Promise.all(
    ['api', 'worker', 'worker'].map((role) => hire(role, redis.url, run)),
  )
  try {
    const states: string[] = []
    for (let n = 1; n <= 24; n++) {
      const order: Order = { id: `order-${n}`, to: n === 7 ? 'nowhere' : `house ${n}` }
      states.push(await post(shop?.port, order))
    }
    states.push(await post(shop?.port, { id: 'order-24', to: 'house 24' })) // sent twice
    console.log(`${states.filter((state) => state === 'waiting').length} accepted`) // => 24 accepted
    console.log(`${states.filter((state) => state === 'duplicate').length} known`) // => 1 known

    await Promise.race([one?.ended, two?.ended])
    console.log('one worker killed in the middle of its jobs') // => one worker killed in the middle of its jobs

    await orders.onIdle()
    const { completed, dead } = await orders.counts()
    console.log(`${completed} done, ${dead} dead`) // => 23 done, 1 dead
    const { jobs } = await orders.jobs({ state: 'completed' })
    const again = jobs.filter(({ deliveries }) => deliveries > 1).length
    console.log(`${again > 0 ? 'some' : 'none'} begun again by the other one`) // => some begun again by the other one

    // #region dead
    for (const { error, count } of await orders.deadByError()) {
      console.log(`${count} died of: ${error}`) // => 1 died of: no such address
    }
    await storage.set('nowhere found', true) // what was wrong is mended
    console.log(`${await orders.redrive({ error: 'no such address' })} redriven`) // => 1 redriven
    await orders.onIdle()
    const job = await orders.job('order-7')
    console.log(`${job?.state}: ${job?.result}`) // => completed: sent to nowhere
    // #endregion
    for (const hand of [one, two]) hand?.process.kill('SIGTERM')
    await Promise.all([one?.ended, two?.ended])
  } finally {
    for (const hand of [shop, one, two]) hand?.process.kill('SIGKILL')
    await Promise.all([shop?.ended, one?.ended, two?.ended])
  }
}

interface Hand {
  process: ChildProcess
  port: number | undefined
  ended: Promise<unknown>
}

/** This program again, in a process of its own. */
async function hire(role: string, url: string, prefix: string): Promise<Hand> {
  const args = [...process.execArgv, fileURLToPath(import.meta.url), role, url, prefix]
  const stdio = ['ignore', 'inherit', 'inherit', 'ipc'] as const
  const child = spawn(process.execPath, args, { stdio: [...stdio] })
  const ended = once(child, 'exit')
  const [ready] = await Promise.race([once(child, 'message'), ended])
  child.disconnect()
  return { process: child, port: (ready as { port?: number }).port, ended }
}

async function post(port: number | undefined, order: Order): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}/`, {
    method: 'POST',
    body: JSON.stringify(order),
  })
  return response.text()
}
