// Four programs as they stand in the world, in small: an API gateway, a job processor, a client of another company's API, and a
// data pipeline. The servers are real ones, on this machine. Run it: npx tsx examples/05-real-world.ts
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  backoff,
  CircuitBreaker,
  isAioFluxError,
  LimiterFactory,
  QueueFactory,
  WorkerPool,
} from 'aioflux'

await apiGateway()
await jobProcessor()
await externalApi()
await dataPipeline()

/** Each customer by its plan, and the service behind protected from all of them together. */
async function apiGateway(): Promise<void> {
  let healthy = true
  const service = await listen((_, response) => {
    response.writeHead(healthy ? 200 : 500).end('orders')
  })

  const plans = {
    free: LimiterFactory.tokenBucket({ rate: 3, per: '1m', name: 'free plan' }),
    pro: LimiterFactory.tokenBucket({ rate: 100, per: '1m', name: 'pro plan' }),
  }
  const inAll = LimiterFactory.slidingWindow({ rate: 1000, per: '1s', name: 'all customers' })
  // All or none: a user over the own plan costs the others nothing.
  const limits = {
    free: LimiterFactory.composite(plans.free, { limiter: inAll, key: () => '' }),
    pro: LimiterFactory.composite(plans.pro, { limiter: inAll, key: () => '' }),
  }
  const breaker = new CircuitBreaker({
    name: 'orders',
    failureThreshold: 3,
    timeout: '20s',
    failedResult: (answer) => (answer as Response).status >= 500,
  })

  const gateway = await listen(async (request, response) => {
    const customer = request.headers['x-api-key']
    if (typeof customer !== 'string') return void response.writeHead(401).end()
    const plan = customer.startsWith('pro-') ? 'pro' : 'free'
    const decision = await limits[plan].consume(customer)
    if (!decision.allowed) {
      response.writeHead(429, retryAfter(decision)).end(`over the ${decision.deniedBy}`)
      return
    }
    try {
      const answer = await breaker.call(() => fetch(service.url))
      response.writeHead(answer.status).end(await answer.text())
    } catch (error) {
      if (isAioFluxError(error, 'CIRCUIT_OPEN')) response.writeHead(503, retryAfter(breaker)).end()
      else response.writeHead(502).end()
    }
  })

  const ask = (key: string) => fetch(gateway.url, { headers: { 'x-api-key': key } })
  const statuses = async (key: string, times: number) => {
    const seen: number[] = []
    for (let i = 0; i < times; i++) seen.push((await ask(key)).status)
    return seen.join(' ')
  }
  console.log('free:', await statuses('free-ann', 4)) // => free: 200 200 200 429
  const denied = await ask('free-ann')
  console.log(`${await denied.text()}, retry after ${denied.headers.get('retry-after')} s`) // => over the free plan, retry after … s
  console.log('pro:', await statuses('pro-bob', 5)) // => pro: 200 200 200 200 200

  healthy = false
  console.log('broken:', await statuses('pro-bob', 5)) // => broken: 500 500 500 503 503

  await gateway.close()
  await service.close()
}

/** Urgent things first, no tenant in the way of another, and nothing lost without a word. */
async function jobProcessor(): Promise<void> {
  interface Mail {
    to: string
    tenant: string
    urgent?: boolean
  }
  const dead: string[] = []
  const begun: string[] = []
  const mails = QueueFactory.priority<Mail, string>({
    name: 'mails',
    workers: 2,
    maxSize: 1000, // beyond that, `put` waits: producers are slowed down
    priorityFn: (mail) => (mail.urgent ? 10 : 0),
    limiter: LimiterFactory.tokenBucket({ rate: 4, per: '1h' }),
    limiterKey: (mail) => mail.tenant,
    retry: { attempts: 3, backoff: '5ms' },
    timeout: '10s',
    deadLetter: ({ item, attempts }) => dead.push(`${item.to} after ${attempts} attempts`),
    handler: async (mail, { signal }) => {
      begun.push(mail.to)
      await sleep(5, undefined, { signal })
      if (mail.to === 'nobody') throw new Error('no such address')
      return `sent to ${mail.to}`
    },
  })
  const slow = ['ann', 'bob', 'cid', 'dan', 'eve', 'fay'].map((to) => ({ to, tenant: 'shop' }))
  for (const mail of slow) await mails.put(mail)
  await mails.put({ to: 'nobody', tenant: 'bank' })
  const receipt = mails.submit({ to: 'zoe', tenant: 'bank', urgent: true })
  mails.start()

  console.log(await receipt, '- begun first:', begun[0] === 'zoe') // => sent to zoe - begun first: true
  // The shop has used up its hour; the bank's letter fails three times meanwhile, and then for good.
  while (dead.length === 0) await sleep(5)
  console.log('dead:', dead.join()) // => dead: nobody after 3 attempts

  // A deployment: a moment to finish, then a report of what was not done, to be kept for the next start.
  const report = await mails.stop({ deadline: '20ms' })
  console.log(`${report.completed} sent, ${report.failed} failed`) // => 5 sent, 1 failed
  console.log('left for later:', report.notStarted.map(({ item }) => item.to).join()) // => left for later: eve,fay
}

/** Another company's API: at its pace, around its failures, and not once too often. */
async function externalApi(): Promise<void> {
  // It allows 5 calls in any 100 ms, refuses the rest, and fails now and then.
  const allowance = LimiterFactory.slidingWindow({ rate: 5, per: '100ms' })
  let served = 0
  const api = await listen((request, response) => {
    const decision = allowance.decide()
    if (!decision.allowed) {
      response.writeHead(429, retryAfter(decision)).end()
    } else if (++served % 4 === 0) response.writeHead(500).end()
    else response.end(`price of ${request.url?.slice(1)}`)
  })

  class ApiError extends Error {
    readonly retryAfter: number // in seconds: `backoff` waits at least that long
    constructor(response: Response) {
      super(`the API answered ${response.status}`)
      this.retryAfter = Number(response.headers.get('retry-after'))
    }
  }
  const pace = LimiterFactory.leakyBucket({ rate: 40, per: '1s' })
  const breaker = new CircuitBreaker({ failureRate: 0.8, window: { calls: 20 }, timeout: '1s' })
  const get = (path: string): Promise<string> =>
    backoff(
      // Each attempt takes a turn of its own.
      () =>
        pace.schedule('', () =>
          breaker.call(async () => {
            const response = await fetch(`${api.url}/${path}`)
            if (response.ok) return response.text()
            throw new ApiError(response)
          }),
        ),
      { maxRetries: 4, baseDelay: '10ms' },
    )
  // A call for the same thing as a call under way shares its answer.
  const prices = QueueFactory.dedupe({ mode: 'coalesce', workers: 4, handler: get }).start()

  const wanted = ['tea', 'milk', 'tea', 'bread', 'salt', 'milk', 'oil', 'rice', 'tea']
  const answers = await Promise.all(wanted.map((name) => prices.submit(name)))
  console.log(answers[0], '...', answers.at(-1)) // => price of tea ... price of tea
  // Six different things and one failure: seven calls, however many were refused on the way.
  console.log(`${answers.length} answers from ${served} calls`) // => 9 answers from 7 calls
  await prices.stop()
  await api.close()
}

/** A source that is faster than the sink: nothing piles up, and rows are written by the hundred. */
async function dataPipeline(): Promise<void> {
  let read = 0
  async function* source(): AsyncIterable<string> {
    for (; read < 1000; read++) yield `{"id":${read},"amount":${read % 10}}`
  }

  const table: { id: number; amount: number }[] = []
  let ahead = 0
  const sink = QueueFactory.fifo<{ id: number; amount: number }>({
    maxSize: 200, // when so many wait, `put` waits too, and with it everything before it
    batchSize: 100,
    batchTimeout: '20ms',
    batchFn: async (rows) => {
      await sleep(2)
      ahead = Math.max(ahead, read - table.length)
      table.push(...rows)
    },
  }).start()

  const progress = QueueFactory.broadcast<number>({ maxSize: 1 }) // a slow display sees the latest only
  const display = progress.subscribe()

  await using pool = new WorkerPool({ maxWorkers: 8 }).start()
  const parse = async (line: string) => JSON.parse(line) as { id: number; amount: number }
  for await (const row of pool.map(source(), parse)) {
    await sink.put(row)
    await progress.put(row.id + 1)
  }
  await sink.stop() // what was put is written first

  console.log(`${table.length} rows, in order: ${table.every(({ id }, i) => id === i)}`) // => 1000 rows, in order: true
  console.log(`the sum is ${table.reduce((sum, { amount }) => sum + amount, 0)}`) // => the sum is 4500
  console.log(`never more than 400 in memory: ${ahead <= 400}`) // => never more than 400 in memory: true
  console.log(`the display shows ${await display.get()}, and skipped ${display.dropped}`) // => the display shows 1000, and skipped 999
  await progress.stop()
}

/** The header that tells a caller when to come back. */
function retryAfter({ retryAfter }: { retryAfter: number }): { 'retry-after': string } {
  return { 'retry-after': String(Math.ceil(retryAfter)) }
}

/** A server on a free port of this machine. */
async function listen(
  handler: (request: IncomingMessage, response: ServerResponse) => unknown,
): Promise<{ url: string; close(): Promise<unknown> }> {
  const server = createServer((request, response) => void handler(request, response))
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    close: () => new Promise((closed) => server.close(closed).closeAllConnections()),
  }
}
