import { Coordinator, createLimiter, tokenBucket } from 'aioflux'
import { RedisStorage } from 'aioflux/redis'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { clients, libraries } from '../support/clients.ts'
import { figure } from '../support/figure.ts'
import { canStartRedis, type RedisServer, startRedis } from '../support/redis-server.ts'
import { machineTime } from '../support/time.ts'
import { until } from '../support/until.ts'

const possible = await canStartRedis()
const HEALS_WITHIN = 2_500

describe.skipIf(!possible)('a server whose memory is full, under noeviction', () => {
  let redis: RedisServer
  beforeAll(async () => {
    redis = await startRedis({ args: ['--maxmemory-policy', 'noeviction'] })
  })
  afterAll(() => redis?.stop())

  it.each(libraries)('is an outage until there is room: %s', async (library) => {
    const { client, end } = await clients[library](redis.url)
    const storage = new RedisStorage({ client, prefix: `oom-${library}` })
    const limiter = createLimiter(tokenBucket({ rate: 5, per: '1h' }), { storage })
    for (let i = 0; i < 5; i++) await limiter.acquire('used up')
    let reason = ''
    limiter.on('storageError', ({ error }) => {
      reason = error.message
    })
    const used = /used_memory:(\d+)/.exec(String(await redis.command('INFO', 'memory')))?.[1]
    await redis.command('CONFIG', 'SET', 'maxmemory', Number(used) + 4e6)
    try {
      // Somebody else fills it up.
      await redis.command('SETRANGE', 'filler', 8e6, 'x')
      const answers = []
      for (let i = 0; i < 200; i++) answers.push(await limiter.consume(`new ${i}`))
      const byPolicy = answers.filter(({ degraded, allowed }) => degraded && !allowed).length
      figure(`oom: ${library}, answered by policy`, byPolicy, '= 200', byPolicy === 200)
      figure(
        `oom: ${library}, told why`,
        /OOM/.exec(reason)?.[0] ?? reason,
        'OOM',
        reason.includes('OOM'),
      )
      // What needs no memory goes on: a denial is a denial.
      const denied = await until('an answer', async () => {
        const decision = await limiter.consume('used up')
        return decision.degraded ? undefined : decision
      })
      figure(
        `oom: ${library}, a key without tokens`,
        `allowed ${denied.allowed}`,
        'denied by the limit itself',
        !denied.allowed && denied.retryAfter > 60,
      )
      await limiter.consume('one more')
    } finally {
      await redis.command('DEL', 'filler')
    }
    const began = machineTime()
    await until('healing', async () => !(await limiter.consume(`again ${machineTime()}`)).degraded)
    const took = machineTime() - began
    figure(
      `oom: ${library}, healed after`,
      `${Math.round(took)} ms`,
      `<= ${HEALS_WITHIN} ms`,
      took <= HEALS_WITHIN,
    )
    await redis.command('CONFIG', 'SET', 'maxmemory', 0)
    end()
  })

  it.each(libraries)(
    'leases: none is taken, those that are held end in order: %s',
    async (library) => {
      const { client, end } = await clients[library](redis.url)
      const storage = new RedisStorage({ client, prefix: `oom-lease-${library}` })
      const coordinator = new Coordinator({ storage, ttl: '1s' })
      const errors: string[] = []
      coordinator.on('error', ({ error }) => errors.push(String((error as Error).message)))
      const lost: string[] = []
      coordinator.on('lost', ({ reason }) => lost.push(reason))
      const given = await coordinator.lock('given back', { ttl: '1h', renew: false })
      const held = await coordinator.lock('renewed')
      const used = /used_memory:(\d+)/.exec(String(await redis.command('INFO', 'memory')))?.[1]
      await redis.command('CONFIG', 'SET', 'maxmemory', Number(used) + 4e6)
      let signalled = false
      held.signal.addEventListener('abort', () => {
        signalled = true
      })
      try {
        await redis.command('SETRANGE', 'filler', 8e6, 'x')
        const took = await coordinator.tryLock('new').catch((error: Error) => error.message)
        figure(
          `oom: ${library}, a new lock`,
          /OOM/.exec(String(took))?.[0] ?? String(took),
          'OOM',
          /OOM/.test(String(took)),
        )
        const denied = await coordinator
          .tryLock('given back')
          .catch((error: Error) => error.message)
        figure(
          `oom: ${library}, a lock that another caller has`,
          String(denied),
          'undefined',
          denied === undefined,
        )
        await until('the end of a lease', () => lost.length > 0, { within: 5_000 })
        figure(
          `oom: ${library}, a lease that is not renewed`,
          lost.join(),
          'expired',
          lost.join() === 'expired' && signalled && !held.held,
        )
        figure(
          `oom: ${library}, renewals that failed`,
          errors.length,
          '> 0, all of OOM',
          errors.length > 0 && errors.every((message) => message.includes('OOM')),
        )
        const back = await given.release()
        figure(`oom: ${library}, given back`, String(back), 'false: it ends by itself', !back)
      } finally {
        await redis.command('DEL', 'filler')
        await redis.command('CONFIG', 'SET', 'maxmemory', 0)
      }
      const again = await coordinator.lock('renewed', { timeout: '5s' })
      figure(
        `oom: ${library}, its next fence`,
        `+${again.token - held.token}`,
        '> 0',
        again.token > held.token,
      )
      await coordinator.close()
      end()
    },
  )
})
