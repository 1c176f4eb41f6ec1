import { createLimiter, type Limiter, tokenBucket } from 'aioflux'
import { RedisStorage } from 'aioflux/redis'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { clients } from '../support/clients.ts'
import { figure, seeded, short } from '../support/figure.ts'
import { canStartRedis, type RedisServer, startRedis } from '../support/redis-server.ts'
import { proxy, type TcpProxy } from '../support/tcp-proxy.ts'
import { sleep } from '../support/time.ts'
import { until } from '../support/until.ts'

const possible = await canStartRedis()
const TOKENS = 1_000_000
const rule = tokenBucket({ rate: 1, per: '1h', burst: TOKENS })
const random = seeded('drop-replies')

const ways = {
  'node-redis': (url: string) => over(clients['node-redis'](url)),
  'ioredis, its own resend off': (url: string) =>
    over(clients.ioredis(url, { autoResendUnfulfilledCommands: false })),
  'ioredis, as it comes': (url: string) => over(clients.ioredis(url)),
  'ioredis, pipelining': (url: string) =>
    over(clients.ioredis(url, { enableAutoPipelining: true })),
  'from url': async (url: string) => {
    const storage = new RedisStorage({ url, prefix: 'drop', timeout: '1s' })
    return { storage, end: () => storage.close() }
  },
}

async function over(opening: ReturnType<(typeof clients)['ioredis']>) {
  const { client, end } = await opening
  return { storage: new RedisStorage({ client, prefix: 'drop', timeout: '1s' }), end }
}

describe.skipIf(!possible)('replies that get lost after the server has done its work', () => {
  let redis: RedisServer
  let between: TcpProxy
  let direct: Awaited<ReturnType<(typeof clients)['ioredis']>>
  beforeAll(async () => {
    redis = await startRedis()
    between = await proxy(redis.port, { random })
    direct = await clients.ioredis(redis.url)
  })
  afterAll(async () => {
    direct?.end()
    await between?.close()
    await redis?.stop()
  })

  afterEach(() => {
    redis.resume()
    between.dropReplies(false)
  })

  /** How many tokens are gone, by the server. */
  const taken = async (scope: string) => {
    const storage = new RedisStorage({ client: direct.client, prefix: 'drop' })
    return TOKENS - (await createLimiter(rule, { storage, scope }).peek('k')).remaining
  }
  const healed = (limiter: Limiter) =>
    until('healing', async () => (await limiter.peek('k')).degraded === undefined, { every: 50 })

  for (const [name, open] of Object.entries(ways)) {
    it(`no call happens twice: ${name}`, async () => {
      const { storage, end } = await open(between.url)
      const limiter = createLimiter(rule, { storage, scope: name })
      // One of each kind, so that the server knows the scripts: the news that it does not would be lost like any reply.
      await limiter.acquire('k', 999)
      await limiter.acquire('k')

      // Every reply is lost, and then the connection.
      between.dropReplies(true)
      const calls = 50
      const answers = []
      redis.pause() // so that all are under way before the first reply
      for (let i = 0; i < calls; i++) {
        answers.push(limiter.consume('k'))
        await new Promise((resolve) => setImmediate(resolve))
      }
      await sleep(30)
      redis.resume()
      await until('all calls done', async () => (await taken(name)) >= 1000 + calls)
      await sleep(30) // the replies are on their way
      between.dropReplies(false)
      const unanswered = (await Promise.all(answers)).filter(({ degraded }) => degraded)
      expect(unanswered).toHaveLength(calls)
      await healed(limiter)
      await sleep(50)
      const consumed = (await taken(name)) - 1000
      figure(
        `drop-replies: ${name}, taken by ${calls} calls`,
        consumed,
        `= ${calls}`,
        consumed === calls,
      )

      // The same with what is given back, which would let too many through.
      between.dropReplies(true)
      const refund = limiter.release('k', 100).catch(() => {})
      await until('given back', async () => (await taken(name)) < 1000 + calls)
      await sleep(30)
      between.dropReplies(false)
      await refund
      await healed(limiter)
      await sleep(50)
      const left = await taken(name)
      figure(
        `drop-replies: ${name}, given back once`,
        1000 + calls - left,
        '= 100',
        1000 + calls - left === 100,
      )
      end()
    })

    it(`a bad line under load: ${name}`, async () => {
      const { storage, end } = await open(between.url)
      const scope = `${name}, bad line`
      const limiter = createLimiter(rule, { storage, scope })
      await limiter.acquire('k')
      let unanswered = 0
      let answered = 1
      limiter.on('storageError', () => {
        unanswered += 1
      })
      const lost = between.lost
      between.dropReplies(0.05)
      const over = performance.now() + (short ? 500 : 2_500)
      await Promise.all(
        Array.from({ length: 10 }, async () => {
          while (performance.now() < over) {
            if (!(await limiter.consume('k')).degraded) answered += 1
            await sleep(5 * random())
          }
        }),
      )
      between.dropReplies(false)
      await healed(limiter)
      await sleep(50)
      const sum = await taken(scope)
      figure(
        `drop-replies: ${name}, bad line, taken`,
        sum,
        `${answered} to ${answered + unanswered} (${between.lost - lost} replies lost)`,
        sum >= answered && sum <= answered + unanswered && between.lost > lost,
      )
      end()
    })
  }
})
