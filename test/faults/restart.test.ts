import { createLimiter, tokenBucket } from 'aioflux'
import { RedisStorage } from 'aioflux/redis'
import { afterAll, afterEach, beforeAll, beforeEach, describe, it } from 'vitest'
import { clients } from '../support/clients.ts'
import { figure, seeded, short } from '../support/figure.ts'
import { canStartRedis, type RedisServer, startRedis } from '../support/redis-server.ts'
import { machineTime, sleep } from '../support/time.ts'

const possible = await canStartRedis()
const TIMEOUT = 200
/** The client's own reconnecting waits for up to 2 s, and so does the breaker. */
const HEALS_WITHIN = 5_000

/** Clients as users make them, and the storage's own. */
const ways = {
  'node-redis': async (url: string) => of(await clients['node-redis'](url)),
  ioredis: async (url: string) => of(await clients.ioredis(url)),
  'from url': async (url: string) => {
    const storage = new RedisStorage({ url, timeout: TIMEOUT / 1000, prefix: 'restart' })
    return { storage, end: () => storage.close() }
  },
}

function of({ client, end }: Awaited<ReturnType<(typeof clients)['ioredis']>>) {
  return { storage: new RedisStorage({ client, timeout: TIMEOUT / 1000, prefix: 'restart' }), end }
}

describe.skipIf(!possible)('a server that is killed and comes back under load', () => {
  let redis: RedisServer
  const unhandled: unknown[] = []
  const note = (reason: unknown) => void unhandled.push(reason)
  beforeAll(async () => {
    redis = await startRedis()
  })
  afterAll(() => redis?.stop())
  beforeEach(() => {
    unhandled.length = 0
    process.on('unhandledRejection', note)
  })
  afterEach(() => {
    process.off('unhandledRejection', note)
  })

  it.each(Object.keys(ways) as (keyof typeof ways)[])('heals by itself: %s', async (way) => {
    const random = seeded(`restart: ${way}`)
    const { storage, end } = await ways[way](redis.url)
    const limiter = createLimiter(tokenBucket({ rate: 1e6 }), { storage, scope: way })
    await limiter.acquire('warm')

    let running = true
    let open = 0
    let slowest = 0
    let serving = true
    let answeredWhileDown = 0
    let degradedWhileDown = 0
    let whole: (() => void) | undefined
    const errors: unknown[] = []
    const callers = Array.from({ length: 20 }, async (_, i) => {
      while (running) {
        const sent = machineTime()
        const down = !serving
        open += 1
        try {
          const { degraded } = await limiter.consume(`key ${i}`)
          if (down && !serving) {
            answeredWhileDown += 1
            if (degraded) degradedWhileDown += 1
          }
          if (!degraded && serving) whole?.()
        } catch (error) {
          errors.push(error)
        }
        open -= 1
        slowest = Math.max(slowest, machineTime() - sent)
        await sleep(2 + 6 * random())
      }
    })
    const healing: number[] = []
    try {
      for (let round = 0; round < (short ? 1 : 3); round++) {
        await sleep(200 + 200 * random())
        await redis.kill()
        serving = false
        await sleep(500 + 700 * random())
        await redis.restart()
        serving = true
        const back = machineTime()
        await new Promise<void>((resolve, reject) => {
          const timer = setTimeout(() => reject(new Error('does not heal')), 3 * HEALS_WITHIN)
          whole = () => {
            clearTimeout(timer)
            resolve()
          }
        })
        whole = undefined
        healing.push(machineTime() - back)
      }
    } finally {
      running = false
      await Promise.race([Promise.all(callers), sleep(3_000)])
      await sleep(20)
      end()
    }

    figure(`restart: ${way}, errors`, errors.length, '0', errors.length === 0)
    const rejected = unhandled.length
    figure(`restart: ${way}, unhandled rejections`, rejected, '0', rejected === 0)
    figure(`restart: ${way}, promises that hang`, open, '0', open === 0)
    figure(
      `restart: ${way}, degraded while down`,
      `${degradedWhileDown} of ${answeredWhileDown}`,
      'all',
      degradedWhileDown === answeredWhileDown && answeredWhileDown > 0,
    )
    figure(
      `restart: ${way}, slowest call`,
      `${Math.round(slowest)} ms`,
      `<= ${TIMEOUT + 400} ms`,
      slowest <= TIMEOUT + 400,
    )
    figure(
      `restart: ${way}, healed after`,
      healing.map((ms) => `${Math.round(ms)} ms`).join(', '),
      `<= ${HEALS_WITHIN} ms`,
      Math.max(...healing) <= HEALS_WITHIN,
    )
  })
})
