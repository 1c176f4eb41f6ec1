// Lock and unlock, and a lock that many callers want, beside redlock on the same server. One caller that awaits each answer
// measures two round trips, which every library pays: calls that travel together pay less.
import { Redis } from 'ioredis'
import { createClient } from 'redis'
import Redlock from 'redlock'
import { Coordinator, MemoryStorage } from '../dist/index.js'
import { RedisStorage } from '../dist/redis/index.js'
import { compare } from './harness.mjs'
import { startRedis } from './redis-server.mjs'

const TTL = 10_000
const MANY = 500
const WAITERS = 20
/** A lone caller holds no object between two locks. Short rounds, since the two differ by less than the machine drifts in a second. */
const ALONE = { n: 200, rounds: 101, warmup: 20, collects: false }

export async function locks() {
  const server = await startRedis()
  const connected = []
  const ioredis = () => {
    const client = new Redis(server.port)
    connected.push(() => client.disconnect())
    return client
  }
  const nodeRedis = createClient({ url: server.url })
  await nodeRedis.connect()
  const coordinator = (client) => {
    const storage = client === undefined ? new MemoryStorage() : new RedisStorage({ client })
    return new Coordinator({ storage, ttl: TTL / 1000 })
  }
  // A caller that waits asks every 200 ms by default; the hasty one asks as often as redlock can be told to.
  const redlock = new Redlock([ioredis()], { retryCount: -1 })
  const hasty = new Redlock([ioredis()], { retryCount: -1, retryDelay: 1, retryJitter: 1 })
  const peer = (name) => redlock.acquire([name], TTL)
  const hastyPeer = (name) => hasty.acquire([name], TTL)
  const viaIoredis = coordinator(ioredis())
  const viaNodeRedis = coordinator(nodeRedis)
  const memory = coordinator()
  const loads = {
    'One caller, two round trips a lock': { load: oneByOne, ...ALONE },
    [`${MANY} callers, a lock of his own each`]: { load: eachHisOwn, n: 20_000 },
    [`${WAITERS} callers, one lock`]: { load: oneForAll, n: 500, fewer: 40 },
  }
  try {
    for (const [title, { load, n, fewer, ...turns }] of Object.entries(loads)) {
      for (const [library, ours] of Object.entries({
        ioredis: viaIoredis,
        'node-redis': viaNodeRedis,
      })) {
        await compare(
          `${title}, ${library}`,
          [
            { name: 'aioflux', run: load((name) => ours.lock(name)) },
            { name: 'redlock over ioredis', run: load(peer), n: fewer },
            ...(fewer === undefined
              ? []
              : [{ name: 'redlock, asking every millisecond', run: load(hastyPeer) }]),
          ],
          { n, rounds: 5, warmup: 3, unit: 'lock', ...turns },
        )
      }
    }
    const inMemory = { name: 'aioflux', run: oneByOne((name) => memory.lock(name)) }
    await compare('One caller: lock and unlock, in memory', [inMemory], { n: 20_000, unit: 'lock' })
  } finally {
    for (const end of connected) end()
    nodeRedis.destroy()
    server.stop()
  }
}

function oneByOne(lock) {
  return async (n) => {
    for (let i = 0; i < n; i++) await (await lock('one')).release()
  }
}

function eachHisOwn(lock) {
  return callers(MANY, lock, (i) => `own-${i}`)
}

function oneForAll(lock) {
  return callers(WAITERS, lock, () => 'all')
}

function callers(count, lock, name) {
  return async (n) => {
    let left = n
    const caller = async (i) => {
      while (left-- > 0) await (await lock(name(i))).release()
    }
    await Promise.all(Array.from({ length: count }, (_, i) => caller(i)))
  }
}
