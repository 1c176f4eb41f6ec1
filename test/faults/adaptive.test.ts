import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { LimiterFactory } from 'aioflux'
import { RedisStorage } from 'aioflux/redis'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { clients } from '../support/clients.ts'
import { type Crew, crew, type Hand } from '../support/crew.ts'
import { figure, short } from '../support/figure.ts'
import { jain } from '../support/jain.ts'
import { canStartRedis, startRedis } from '../support/redis-server.ts'
import { machineTime, sleep } from '../support/time.ts'
import { until } from '../support/until.ts'
import type { AdaptersReport, AdaptersTask } from './workers/adapters.ts'
import { LIMITS, RATES, TTL } from './workers/bounds.ts'

const possible = await canStartRedis()
/** How long a phase is measured, and how long what has moved may take to be found again. */
const MEASURED = short ? 2_000 : 4_000
const FOUND_WITHIN = 15_000
/** In short, other tests run beside this one. */
const [NEAR, POOREST] = short ? [0.2, 0.2] : [0.1, 0.4]
/** Milliseconds for one call of those who are limited at once. */
const SERVICE = 100

/** What stands behind the limiters: so many calls a second, or so many at once. What it can do is told to nobody. */
class Backend {
  perSecond = 0
  workers = 0
  server!: Server
  url = ''
  #left = 0
  #at = machineTime()
  #working = 0
  readonly #waiting: (() => void)[] = []
  /** Of the calls that were at work with others since {@link forget}. */
  #count = 0
  #took = 0

  /** How many it can do in a second at once, timers being late by as much as they are. */
  get atBest(): number {
    const service = this.#count === 0 ? SERVICE : this.#took / this.#count
    return (this.workers * 1000) / service
  }

  forget(): void {
    this.#count = 0
    this.#took = 0
  }

  async open(): Promise<void> {
    this.server = createServer((request, response) => {
      if (request.url === '/rate') {
        response.statusCode = this.#serves() ? 200 : 503
        response.end()
      } else this.#queue(() => response.end())
    })
    this.server.keepAliveTimeout = 60_000
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve))
    this.url = `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`
  }

  #serves(): boolean {
    const now = machineTime()
    const more = ((now - this.#at) * this.perSecond) / 1000
    this.#at = now
    this.#left = Math.min(this.#left + more, this.perSecond / 10)
    if (this.#left < 1) return false
    this.#left -= 1
    return true
  }

  #queue(done: () => void): void {
    this.#waiting.push(done)
    this.#work()
  }

  #work(): void {
    while (this.#working < this.workers && this.#waiting.length > 0) {
      const done = this.#waiting.shift() as () => void
      this.#working += 1
      const began = machineTime()
      setTimeout(() => {
        this.#count += 1
        this.#took += machineTime() - began
        this.#working -= 1
        done()
        this.#work()
      }, SERVICE)
    }
  }
}

describe.skipIf(!possible)(
  'adaptive limiters of four processes, killed, over a Redis that is killed',
  () => {
    const backend = new Backend()
    beforeAll(() => backend.open())
    afterAll(() => {
      backend.server.closeAllConnections()
      backend.server.close()
    })

    const kinds = ['rate', 'concurrency'] as const
    const ways = short ? [false] : [false, true]
    const all = kinds.flatMap((kind) => ways.map((persistent) => ({ kind, persistent })))

    it.each(all)('$kind, what Redis knew is kept: $persistent', async ({ kind, persistent }) => {
      const args = persistent ? ['--appendonly', 'yes'] : []
      await using redis = await startRedis({ args })
      const prefix = 'adaptive'
      const taskOf = (i: number): AdaptersTask => ({
        url: redis.url,
        library: i % 2 === 0 ? 'node-redis' : 'ioredis',
        prefix,
        kind,
        backend: `${backend.url}/${kind}`,
        callers: kind === 'rate' ? 10 : 12,
      })
      const begin = async (from: number, to: number): Promise<Crew> => {
        const some = await crew(
          'adapters',
          Array.from({ length: to - from }, (_, i) => taskOf(from + i)),
        )
        some.tell({ go: true })
        return some
      }
      const ask = async (hands: readonly Hand[]) => {
        for (const hand of hands) hand.send({ report: true })
        return Promise.all(hands.map((hand) => hand.next<AdaptersReport>()))
      }
      const capacity = () => (kind === 'rate' ? backend.perSecond : backend.atBest)
      const [min, max] =
        kind === 'rate' ? [RATES.minRate, RATES.maxRate] : [LIMITS.minLimit, LIMITS.maxLimit]
      const name = `adaptive ${kind}${persistent ? ', kept' : ''}`

      /** How the fleet does while nothing moves, once it has found what there is. */
      async function measured(what: string, hands: readonly Hand[]): Promise<void> {
        const moved = machineTime()
        let told: AdaptersReport[] = []
        const off = () => Math.max(...told.map((one) => Math.abs(one.learnt / capacity() - 1)))
        const near = (seconds: number) => {
          const served = told.reduce((sum, one) => sum + one.served, 0) / seconds
          return { served, near: Math.abs(served / capacity() - 1) < NEAR }
        }
        await ask(hands)
        for (let found = false; !found && machineTime() - moved < FOUND_WITHIN; ) {
          await sleep(1_000)
          told = await ask(hands)
          found = near(1).near && (kind === 'concurrency' || off() < 0.8 * NEAR)
        }
        const found = machineTime() - moved
        const began = machineTime()
        backend.forget()
        await sleep(MEASURED)
        told = await ask(hands)
        const { served, near: holds } = near((machineTime() - began) / 1000)
        const shares = told.map((one) => one.served)
        const learnt = told.map((one) => Math.round(one.learnt))
        console.log(
          `${name}, ${what}: each did ${shares} (Jain ${jain(shares).toFixed(3)}), learnt ${learnt}`,
        )
        const all = shares.reduce((sum, one) => sum + one, 0)
        const poorest = (Math.min(...shares) * shares.length) / all
        figure(
          `${name}, ${what}: done a second`,
          `${Math.round(served)}, found after ${Math.round(found / 1000)} s`,
          `${Math.round(capacity())}, within ${100 * NEAR} %`,
          holds,
        )
        figure(
          `${name}, ${what}: of its part, the poorest`,
          poorest,
          `>= ${POOREST}`,
          poorest >= POOREST,
        )
        const least = Math.min(...told.map((one) => one.least))
        const most = Math.max(...told.map((one) => one.most))
        const within = least >= min && most <= max
        figure(`${name}, ${what}: learnt`, `${least} to ${most}`, `${min} to ${max}`, within)
        if (kind === 'rate') {
          figure(`${name}, ${what}: the rate is off by`, off(), `< ${NEAR}`, off() < NEAR)
        }
        const unasked = told.reduce((sum, one) => sum + one.unasked, 0)
        figure(`${name}, ${what}: let through unasked`, unasked, '0', unasked === 0)
      }

      backend.perSecond = 160
      backend.workers = 16
      await using first = await begin(0, 4)
      await measured('at first', first.hands)

      await Promise.all([first.hands[0]?.kill(), first.hands[1]?.kill()])
      backend.perSecond = 110
      backend.workers = 8
      const rest = first.hands.slice(2)
      await measured('two killed, less capacity', rest)

      await using second = await begin(4, 6)
      const four = [...rest, ...second.hands]
      await sleep(500)
      await redis.kill()
      backend.perSecond = 170
      backend.workers = 14
      await sleep(1_200)
      await ask(four)
      await sleep(500)
      const down = await ask(four)
      const through = down.reduce((sum, one) => sum + one.unasked, 0)
      figure(`${name}, without Redis: let through`, through, '0', through === 0)
      await redis.restart()
      await measured('Redis is back, more capacity', four)

      // All are killed: what they held comes back.
      await Promise.all(four.map((hand) => hand.kill()))
      if (kind === 'rate') return
      const { client, end } = await clients.ioredis(redis.url)
      const storage = new RedisStorage({ client, prefix })
      const permits = LimiterFactory.concurrency({
        limit: 100,
        ttl: TTL / 1000,
        storage,
        scope: 'fleet',
      })
      const began = machineTime()
      const held = 100 - (await permits.peek('')).remaining
      await until('all permits are back', async () => (await permits.peek('')).remaining === 100)
      const back = machineTime() - began
      figure(
        `${name}: permits of killed processes`,
        `${held}, back in ${Math.round(back)} ms`,
        '> 0',
        held > 0,
      )
      figure(`${name}: back within`, `${Math.round(back)} ms`, `${TTL + 200} ms`, back <= TTL + 200)
      await permits.close()
      await storage.close()
      end()
    })

    it('the limiter that answers in an outage goes on with what was learnt', async () => {
      await using redis = await startRedis()
      const { client, end } = await clients.ioredis(redis.url)
      const storage = new RedisStorage({ client, timeout: 0.2 })
      const common = { storage, onStorageError: 'local', window: '100ms' } as const
      const rate = LimiterFactory.adaptive({ ...common, initialRate: 100 })
      const permits = LimiterFactory.adaptiveConcurrency({ ...common, initialLimit: 10 })
      for (let i = 0; i < 30; i++) await rate.acquire()
      for (let i = 0; i < 30; i++) rate.reportError()
      await until('both have fallen', async () => {
        for (let i = 0; i < 12; i++) permits.reportError()
        await permits.peek()
        await rate.peek()
        return rate.currentRate === 50 && permits.currentLimit < 10
      })
      const limit = permits.currentLimit
      await redis.kill()
      for (const [limiter, learnt] of [
        [rate, 50],
        [permits, limit],
      ] as const) {
        const { degraded, limit } = await limiter.consume('new')
        figure(
          `adaptive, without Redis: the limit of ${limiter.name}`,
          `${limit}`,
          `${learnt}`,
          degraded === true && limit === learnt,
        )
      }
      for (const one of [rate, permits]) await one.close()
      await storage.close()
      end()
    })
  },
)
