// One server, one connection, many callers: decisions a second beside the peer and beside the server's own limit.
import { spawnSync } from 'node:child_process'
import { Redis } from 'ioredis'
import { RateLimiterRedis } from 'rate-limiter-flexible'
import { createClient } from 'redis'
import { LimiterFactory } from '../dist/index.js'
import { RedisStorage } from '../dist/redis/index.js'
import { median } from './harness.mjs'
import { startRedis } from './redis-server.mjs'

const CALLERS = 500
const SECONDS = 1
const ROUNDS = 5
/** One decision a call, as a server is asked without batching: the arithmetic of a bucket in one string. */
const GCRA = `local t = redis.call('TIME') local now = t[1] * 1000000 + t[2]
local tat = tonumber(redis.call('GET', KEYS[1])) or now
if tat < now then tat = now end
if tat + 60 - now > 60000000 then return -1 end
redis.call('SET', KEYS[1], string.format('%.0f', tat + 60), 'PX', 60000)
return 1`

export async function redis() {
  const server = await startRedis()
  const { port } = server
  const ioredis = new Redis(port)
  const nodeRedis = createClient({ url: server.url })
  try {
    await nodeRedis.connect()
    const quota = { rate: 1e6, per: '1m' }
    const limiter = (client, prefix, more) =>
      LimiterFactory.tokenBucket({
        ...quota,
        ...more,
        storage: new RedisStorage({ client, prefix, timeout: '10s' }),
      })
    const flexible = new RateLimiterRedis({ storeClient: ioredis, points: 1e9, duration: 60 })
    const viaIoredis = limiter(ioredis, 'a')
    const viaNodeRedis = limiter(nodeRedis, 'b')
    const distinct = (call) => (i) => call(`user-${i % 10_000}`)
    const hot = (call) => () => call('hot')
    console.log(`\nRedis, ${CALLERS} callers, one connection each`)
    await rates('10,000 keys', [
      ['rate-limiter-flexible, ioredis', distinct((key) => flexible.consume(key))],
      ['aioflux, ioredis', distinct((key) => viaIoredis.acquire(key))],
      ['aioflux, node-redis', distinct((key) => viaNodeRedis.acquire(key))],
    ])
    benchmark(port)
    await rates('one hot key', [
      ['rate-limiter-flexible, ioredis', hot((key) => flexible.consume(key))],
      ['aioflux, ioredis', hot((key) => viaIoredis.acquire(key))],
      ['aioflux, node-redis', hot((key) => viaNodeRedis.acquire(key))],
    ])
    await budgets(ioredis, viaIoredis)
    await latency(ioredis, viaIoredis)
  } finally {
    ioredis.disconnect()
    nodeRedis.destroy()
    server.stop()
  }
}

/** Quotas and budgets settled afterwards, beside plain calls. */
async function budgets(client, limiter) {
  const key = (i) => `team-${i % 10_000}`
  const own = { rate: 2e6, per: '1m' }
  await rates('10,000 keys, a quota for each call', [
    ['consume', (i) => limiter.consume(key(i))],
    ['consume with a quota of its own', (i) => limiter.consume(key(i), { quota: own })],
  ])
  const reserveAndSettle = async (i) => {
    const reservation = await limiter.reserve(key(i), 5)
    await reservation.settle(4)
  }
  await rates('10,000 keys, a budget settled afterwards', [
    [
      'two calls of consume',
      async (i) => {
        await limiter.consume(key(i))
        await limiter.consume(key(i))
      },
    ],
    ['reserve and settle', reserveAndSettle],
  ])
  const scripts = async () => {
    const told = await client.info('commandstats')
    const calls = [...told.matchAll(/cmdstat_(?:eval|evalsha|fcall):calls=(\d+)/g)]
    return calls.reduce((sum, [, count]) => sum + Number(count), 0)
  }
  const before = await scripts()
  for (let i = 0; i < 100; i++) await reserveAndSettle(i)
  const trips = ((await scripts()) - before) / 100
  console.log(`    round trips of one of them: ${trips.toFixed(2)}`)
}

/** Decisions a second of each, in turn, and the ratio to the first. */
async function rates(title, contenders) {
  const perSecond = contenders.map(() => [])
  for (let round = -1; round < ROUNDS; round++) {
    for (const [i, [, call]] of contenders.entries()) {
      const rate = await load(call)
      if (round >= 0) perSecond[i].push(rate)
    }
  }
  console.log(`  ${title}`)
  for (const [i, [name]] of contenders.entries()) {
    const ratio = median(perSecond[i].map((rate, round) => rate / perSecond[0][round]))
    console.log(
      `    ${name.padEnd(32)} ${(median(perSecond[i]) / 1000).toFixed(0).padStart(6)} k/s   ${i === 0 ? '' : `${ratio.toFixed(1)} x`}`,
    )
  }
}

async function load(call) {
  let done = 0
  const end = performance.now() + SECONDS * 1000
  const caller = async (first) => {
    for (let i = first; performance.now() < end; i += CALLERS) {
      await call(i)
      done++
    }
  }
  await Promise.all(Array.from({ length: CALLERS }, (_, i) => caller(i)))
  return done / SECONDS
}

/** What the server can do when each decision is a call, asked by its own tool. */
function benchmark(port) {
  const { stdout } = spawnSync(
    'redis-benchmark',
    [
      '-p',
      port,
      '-n',
      200_000,
      '-r',
      10_000,
      '-P',
      64,
      '-q',
      'EVAL',
      GCRA,
      1,
      'gcra:__rand_int__',
    ].map(String),
    { encoding: 'utf8' },
  )
  const rate = /([\d.]+) requests per second/.exec(stdout?.split('\r').at(-1) ?? '')?.[1]
  console.log(
    `    redis-benchmark -P 64, one call each   ${rate ? (Number(rate) / 1000).toFixed(0) : '?'} k/s`,
  )
}

/** How much longer than a bare PING a decision takes, at a thousand calls a second. */
async function latency(client, limiter) {
  const kinds = { PING: () => client.ping(), acquire: () => limiter.acquire('latency') }
  const times = { PING: [], acquire: [] }
  for (let i = 0; i < 1500; i++) {
    await new Promise((resolve) => setTimeout(resolve, 1))
    const name = i % 2 === 0 ? 'PING' : 'acquire'
    const started = performance.now()
    await kinds[name]()
    times[name].push(performance.now() - started)
  }
  console.log('  one call each millisecond')
  for (const [name, list] of Object.entries(times)) {
    list.sort((a, b) => a - b)
    const at = (share) => list[Math.floor(list.length * share)].toFixed(2)
    console.log(`    ${name.padEnd(32)} p50 ${at(0.5)} ms   p99 ${at(0.99)} ms`)
  }
}
