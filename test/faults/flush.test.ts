import { LimiterFactory } from 'aioflux'
import { RedisStorage } from 'aioflux/redis'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { clients, libraries } from '../support/clients.ts'
import { figure, short } from '../support/figure.ts'
import { canStartRedis, type RedisServer, startRedis } from '../support/redis-server.ts'
import { machineTime, sleep } from '../support/time.ts'
import { limiters } from './workers/rules.ts'

const possible = await canStartRedis()

describe.skipIf(!possible)('SCRIPT FLUSH every 100 ms under load', () => {
  let redis: RedisServer
  beforeAll(async () => {
    redis = await startRedis()
  })
  afterAll(() => redis?.stop())

  it.each(libraries)('reaches no user of %s', async (library) => {
    const { client, end } = await clients[library](redis.url)
    const storage = new RedisStorage({ client, prefix: `flush-${library}` })
    const all = limiters(storage)
    const exact = LimiterFactory.tokenBucket({ rate: 300, per: '1h', storage, scope: 'exact' })
    let calls = 0
    const errors: unknown[] = []
    let granted = 0
    let asked = 0
    const over = machineTime() + (short ? 1_000 : 3_000)
    const user = async (ask: (i: number) => Promise<unknown>) => {
      for (let i = 0; machineTime() < over; i++) {
        calls += 1
        try {
          const answer = (await ask(i)) as { degraded?: true }
          if (answer?.degraded) errors.push('degraded')
        } catch (error) {
          errors.push(error)
        }
        if (i % 16 === 0) await sleep(1)
      }
    }
    const before = await noScripts(redis)
    let flushes = 0
    await Promise.all([
      (async () => {
        while (machineTime() < over) {
          await redis.command('SCRIPT', 'FLUSH')
          flushes += 1
          await sleep(100)
        }
      })(),
      ...Object.values(all).flatMap((limiter) => [
        user(() => limiter.consume('one')),
        user((i) => limiter.consume(`many ${i % 50}`)),
      ]),
      user(async () => {
        asked += 1
        if (await exact.acquire('exact')) granted += 1
      }),
      user((i) => all['token-bucket'].wait(`waiter ${i % 50}`)),
      user((i) => storage.set(`value ${i % 10}`, i, '1m')),
      user(() => storage.incr('count')),
    ])
    const healed = (await noScripts(redis)) - before
    figure(
      `flush: ${library}, errors that reached the user`,
      `${errors.length} of ${calls}`,
      `0 (${flushes} flushes, ${healed} NOSCRIPT)`,
      errors.length === 0 && healed >= flushes,
    )
    const due = Math.min(asked, 300)
    figure(`flush: ${library}, admitted of ${asked}`, granted, `= ${due}`, granted === due)
    end()
  })
})

/** How often the server was asked for a script it had forgotten. */
async function noScripts(redis: RedisServer): Promise<number> {
  const info = String(await redis.command('INFO', 'errorstats'))
  return Number(/errorstat_NOSCRIPT:count=(\d+)/.exec(info)?.[1] ?? 0)
}
