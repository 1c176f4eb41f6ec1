import { createLimiter, tokenBucket } from 'aioflux'
import { RedisStorage } from 'aioflux/redis'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { worstExcess } from '../support/bound.ts'
import { clients, libraries } from '../support/clients.ts'
import { figure, short } from '../support/figure.ts'
import { canStartRedis, type RedisServer, startRedis } from '../support/redis-server.ts'
import { proxy, type TcpProxy } from '../support/tcp-proxy.ts'
import { machineTime, sleep } from '../support/time.ts'

const possible = await canStartRedis()
const TIMEOUT = 200

describe.skipIf(!possible)('a server that accepts and never answers', () => {
  let redis: RedisServer
  let between: TcpProxy
  beforeAll(async () => {
    redis = await startRedis()
    between = await proxy(redis.port)
  })
  afterAll(async () => {
    await between?.close()
    await redis?.stop()
  })

  it.each(libraries)('costs one timeout, then hardly anything: %s', async (library) => {
    const { client, end } = await clients[library](between.url)
    const storage = new RedisStorage({ client, prefix: `hole-${library}`, timeout: '10s' })
    const rate = 200
    const rule = tokenBucket({ rate, burst: 10 })
    const limiter = createLimiter(rule, {
      storage,
      onStorageError: 'local',
      storageTimeout: TIMEOUT / 1000,
    })
    for (let i = 0; i < 20; i++) await limiter.acquire(`warm ${i}`)
    between.blackhole(true)
    const began = machineTime()
    const latencies: number[] = []
    const grants: { sent: number; received: number }[] = []
    const over = began + (short ? 1_000 : 3_000)
    try {
      const caller = async () => {
        while (machineTime() < over) {
          const sent = machineTime()
          const { allowed } = await limiter.consume('k')
          const received = machineTime()
          latencies.push(received - sent)
          if (allowed) grants.push({ sent, received })
          await sleep(1)
        }
      }
      await Promise.all(Array.from({ length: 20 }, caller))
    } finally {
      between.blackhole(false)
    }
    const took = machineTime() - began
    latencies.sort((a, b) => a - b)
    const slowest = latencies.at(-1) as number
    // The first twenty did not know, and of the others one goes through now and then to see.
    const timeouts = latencies.filter((ms) => ms >= TIMEOUT - 2).length
    const median = latencies[latencies.length >> 1] as number
    figure(
      `blackhole: ${library}, slowest call`,
      `${Math.round(slowest)} ms`,
      `<= ${TIMEOUT} ms + 400`,
      slowest <= TIMEOUT + 400,
    )
    figure(
      `blackhole: ${library}, calls that met the timeout`,
      `${timeouts} of ${latencies.length}`,
      '<= 20 at first, 5 to look',
      timeouts <= 25,
    )
    figure(`blackhole: ${library}, median call`, `${median.toFixed(3)} ms`, '<= 1 ms', median <= 1)
    const bound = 10 + (rate * took) / 1000
    figure(
      `blackhole: ${library}, admitted by 'local'`,
      grants.length,
      `<= ${Math.floor(bound)}, and >= half of it`,
      grants.length <= bound && grants.length >= bound / 2,
    )
    const excess = worstExcess(grants, (ms) => 10 + (rate * ms) / 1000)
    figure(`blackhole: ${library}, worst stretch`, excess, '<= 0 above its bound', excess <= 0)
    end()
  })
})
