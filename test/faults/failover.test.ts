import { createLimiter, tokenBucket } from 'aioflux'
import { type RedisClientLike, RedisStorage } from 'aioflux/redis'
import { Redis } from 'ioredis'
import { createSentinel } from 'redis'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { type Grant, worstExcess } from '../support/bound.ts'
import type { OpenClient } from '../support/clients.ts'
import { figure } from '../support/figure.ts'
import { type RedisSentinel, startSentinel } from '../support/redis-sentinel.ts'
import { canStartRedis } from '../support/redis-server.ts'
import { machineTime, sleep } from '../support/time.ts'

const possible = await canStartRedis()
const RATE = 300
const BURST = 100
/** Until the sentinels agree (0.5 s and an election), and then the client's and the breaker's own pauses. */
const RECOVERS_WITHIN = 12_000

const libraries = {
  async 'node-redis'({ name, sentinels }: RedisSentinel): Promise<OpenClient> {
    const sentinelRootNodes = sentinels.map(({ host, port }) => ({ host, port }))
    const client = createSentinel({ name, sentinelRootNodes })
    client.on('error', () => {})
    await client.connect()
    return { client: client as unknown as RedisClientLike, end: () => void client.destroy() }
  },
  async ioredis({ name, sentinels }: RedisSentinel): Promise<OpenClient> {
    const addresses = sentinels.map(({ host, port }) => ({ host, port }))
    const client = new Redis({ name, sentinels: addresses, lazyConnect: true })
    client.on('error', () => {})
    await client.connect()
    return { client, end: () => client.disconnect() }
  },
}

describe.skipIf(!possible)('a fail-over under load', () => {
  let sentinel: RedisSentinel
  const unhandled: unknown[] = []
  const note = (reason: unknown) => void unhandled.push(reason)
  beforeAll(async () => {
    sentinel = await startSentinel()
    process.on('unhandledRejection', note)
  })
  afterAll(async () => {
    process.off('unhandledRejection', note)
    await sentinel?.stop()
  })

  it('lets at most one burst more through, and heals by itself', async () => {
    let running = true
    let killed = Infinity
    const runs = await Promise.all(
      Object.entries(libraries).map(async ([library, open]) => {
        const opened = await open(sentinel)
        const storage = new RedisStorage({
          client: opened.client,
          prefix: library,
          timeout: '200ms',
        })
        const limiter = createLimiter(tokenBucket({ rate: RATE, burst: BURST }), { storage })
        const run = {
          library,
          opened,
          grants: [] as Grant[],
          errors: [] as unknown[],
          degraded: 0,
          recovered: Infinity,
          slowest: 0,
          began: machineTime(),
          users: [] as Promise<void>[],
        }
        const user = async () => {
          while (running) {
            const sent = machineTime()
            try {
              const { allowed, degraded } = await limiter.consume('k')
              const received = machineTime()
              run.slowest = Math.max(run.slowest, received - sent)
              if (degraded) run.degraded += 1
              else if (run.degraded > 0) run.recovered = Math.min(run.recovered, received)
              if (allowed) run.grants.push({ sent, received })
            } catch (error) {
              run.errors.push(error)
            }
            await sleep(3)
          }
        }
        run.users = Array.from({ length: 20 }, user)
        return run
      }),
    )
    await sleep(1_000)
    killed = machineTime()
    const failing = sentinel.failover('kill')
    await failing
    const elected = machineTime()
    const patience = elected + RECOVERS_WITHIN
    while (runs.some(({ recovered }) => recovered === Infinity) && machineTime() < patience) {
      await sleep(20)
    }
    await sleep(1_000)
    running = false
    const ended = machineTime()
    await Promise.all(runs.flatMap(({ users }) => users))
    await sleep(20)
    figure('failover: a new master', `${Math.round(elected - killed)} ms`, 'by the sentinels', true)
    for (const { library, opened, grants, errors, recovered, degraded, slowest, began } of runs) {
      figure(`failover: ${library}, errors`, errors.length, '0', errors.length === 0)
      figure(
        `failover: ${library}, slowest call`,
        `${Math.round(slowest)} ms`,
        '<= 600 ms',
        slowest <= 600,
      )
      const excess = worstExcess(grants, (ms) => BURST + (RATE * ms) / 1000)
      figure(
        `failover: ${library}, worst stretch`,
        `${Math.round(excess)} over its bound`,
        `<= one burst, ${BURST}`,
        excess <= BURST,
      )
      const bound = 2 * BURST + (RATE * (ended - began)) / 1000
      figure(
        `failover: ${library}, admitted in ${Math.round(ended - began)} ms`,
        `${grants.length} (${degraded} by policy)`,
        `<= ${Math.floor(bound)}`,
        grants.length <= bound,
      )
      figure(
        `failover: ${library}, recovered after`,
        `${Math.round(recovered - killed)} ms`,
        `<= ${RECOVERS_WITHIN} ms`,
        recovered - killed <= RECOVERS_WITHIN,
      )
      opened.end()
    }
    figure('failover: unhandled rejections', unhandled.length, '0', unhandled.length === 0)
  })
})
