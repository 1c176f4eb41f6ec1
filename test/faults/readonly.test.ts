import { createLimiter, tokenBucket } from 'aioflux'
import { RedisStorage } from 'aioflux/redis'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { clients, libraries } from '../support/clients.ts'
import { figure } from '../support/figure.ts'
import { canStartRedis, type RedisServer, startRedis } from '../support/redis-server.ts'
import { machineTime } from '../support/time.ts'
import { until } from '../support/until.ts'

const possible = await canStartRedis()
/** The breaker's longest pause, and some. */
const HEALS_WITHIN = 2_500

describe.skipIf(!possible)('a server that has become a replica', () => {
  let master: RedisServer
  let redis: RedisServer
  beforeAll(async () => {
    const quick = ['--repl-diskless-sync-delay', '0']
    ;[master, redis] = await Promise.all([startRedis({ args: quick }), startRedis({ args: quick })])
  })
  afterAll(async () => {
    await redis?.stop()
    await master?.stop()
  })

  it.each(libraries)('is an outage until it is a master again: %s', async (library) => {
    const { client, end } = await clients[library](redis.url)
    const storage = new RedisStorage({ client, prefix: `readonly-${library}` })
    const rule = tokenBucket({ rate: 1e6 })
    const make = (onStorageError: 'deny' | 'allow' | 'throw') =>
      createLimiter(rule, { storage, onStorageError, scope: onStorageError })
    const [deny, allow, rethrow] = [make('deny'), make('allow'), make('throw')]
    await deny.acquire('k')
    let reason = ''
    deny.on('storageError', ({ error }) => {
      reason = error.message
    })
    await redis.command('REPLICAOF', master.host, master.port)
    await until('in step', async () => {
      const [role, , , state] = (await redis.command('ROLE')) as string[]
      return role === 'slave' && state === 'connected'
    })
    const answers = []
    for (let i = 0; i < 200; i++) answers.push(await deny.consume('k'), await allow.consume('k'))
    const byPolicy = answers.filter(
      ({ degraded, allowed }, i) => degraded && allowed === (i % 2 === 1),
    ).length
    figure(`readonly: ${library}, answered by policy`, byPolicy, '= 400', byPolicy === 400)
    const code = await rethrow.consume('k').catch((error) => error.code)
    figure(
      `readonly: ${library}, told why`,
      `${code}: ${/READONLY/.exec(reason)?.[0]}`,
      'STORAGE_DOWN: READONLY',
      code === 'STORAGE_DOWN' && reason.includes('READONLY'),
    )
    await redis.command('REPLICAOF', 'NO', 'ONE')
    const began = machineTime()
    await until('healing', async () => !(await deny.consume('k')).degraded)
    const took = machineTime() - began
    figure(
      `readonly: ${library}, healed after`,
      `${Math.round(took)} ms`,
      `<= ${HEALS_WITHIN} ms`,
      took <= HEALS_WITHIN,
    )
    end()
  })
})
