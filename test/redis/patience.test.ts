import { Coordinator, type Limiter, LimiterFactory, QueueFactory } from 'aioflux'
import { RedisStorage } from 'aioflux/redis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RedisServer, startRedis } from '../support/redis-server.ts'
import { until } from '../support/until.ts'

// A Redis that hangs holds up nobody for longer than the caller allows. The timeouts of the storage are longer than any test may take, so
// a wait that goes by those fails; and what Redis grants when it goes on, to callers that have left, comes back.

let redis: RedisServer
beforeAll(async () => {
  redis = await startRedis()
})
afterAll(() => redis.stop())

const patiences = {
  timeout: () => ({ timeout: '20ms' }) as const,
  signal: () => ({ signal: AbortSignal.timeout(20) }),
}
const reasons = { timeout: { code: 'WAIT_TIMEOUT' }, signal: { name: 'TimeoutError' } }

function makers(storage: RedisStorage): Record<string, () => Limiter> {
  const bucket = (scope: string) =>
    LimiterFactory.tokenBucket({ rate: 1, burst: 5, per: '1h', storage, scope })
  const permits = (scope: string) => LimiterFactory.concurrency({ limit: 5, storage, scope })
  return {
    bucket: () => bucket('a'),
    permits: () => permits('b'),
    'composite of one storage': () => LimiterFactory.composite(bucket('c'), bucket('d')),
    'composite with permits': () => LimiterFactory.composite(bucket('e'), permits('f')),
    'composite with memory': () =>
      LimiterFactory.composite(bucket('g'), LimiterFactory.tokenBucket({ rate: 5, per: '1h' })),
  }
}

/** Lets Redis stand still while `work` goes on. */
async function frozen(work: () => Promise<void>): Promise<void> {
  redis.pause()
  try {
    await work()
  } finally {
    redis.resume()
  }
}

describe.each(['timeout', 'signal'] as const)('patience by %s', (by) => {
  const names = Object.keys(makers(undefined as never))

  it.each(names)('%s: waits end in time, and what came too late comes back', async (name) => {
    const prefix = `${by} ${name}`
    const storage = new RedisStorage({ url: redis.url, prefix, timeout: '1h' })
    const limiter = makers(storage)[name]?.() as Limiter
    // Redis knows the scripts from now on, so what it is asked is answered in order.
    await limiter.wait('another')
    expect((await limiter.peek('k')).remaining).toBe(5)
    await frozen(async () => {
      const first = limiter.wait('k', { cost: 2, ...patiences[by]() })
      const second = limiter.schedule('k', () => 'ran', patiences[by]())
      for (const settled of await Promise.allSettled([first, second])) {
        expect(settled).toMatchObject({ status: 'rejected', reason: reasons[by] })
      }
    })
    await until('what came too late is back', async () => (await limiter.peek('k')).remaining === 5)
    // Nothing of those that have left is given back twice either.
    expect((await limiter.consume('k', 5)).allowed).toBe(true)
    expect((await limiter.consume('k')).allowed).toBe(false)
    await limiter.close()
    await storage.close()
  })

  it('reservations', async () => {
    const storage = new RedisStorage({ url: redis.url, prefix: `held ${by}`, timeout: '1h' })
    const limiter = makers(storage)['composite of one storage']?.() as Limiter
    await limiter.reserve('another', 1)
    expect((await limiter.peek('k')).remaining).toBe(5)
    await frozen(async () => {
      const made = limiter.reserve('k', 3, { timeout: '20ms', ...patiences[by]() })
      if (by === 'timeout') expect(await made).toBeUndefined()
      else await made.catch((error) => expect(error).toMatchObject(reasons.signal))
    })
    await until('what came too late is back', async () => (await limiter.peek('k')).remaining === 5)
    await storage.close()
  })

  it('locks, and the leadership', async () => {
    const storage = new RedisStorage({ url: redis.url, prefix: `lock ${by}`, timeout: '1h' })
    const coordinator = new Coordinator({ storage, ttl: '1h' })
    await (await coordinator.lock('x')).release()
    await frozen(async () => {
      await expect(coordinator.lock('x', patiences[by]())).rejects.toMatchObject(reasons[by])
      const led = coordinator.waitForLeadership(patiences[by]())
      await expect(led).rejects.toMatchObject(reasons[by])
    })
    await storage.close()
  })

  it('queues: what is asked for by hand', async () => {
    const storage = new RedisStorage({ url: redis.url, prefix: `queue ${by}`, timeout: '1h' })
    const queue = QueueFactory.fifo<string>({ name: 'q', storage, lease: '1h' })
    expect(await queue.size()).toBe(0)
    await frozen(async () => {
      const got = queue.get(patiences[by]())
      const claimed = queue.claim(patiences[by]())
      const idle = queue.onIdle(patiences[by]())
      const left = { status: 'rejected', reason: reasons[by] }
      const nothing = by === 'timeout' ? { status: 'fulfilled', value: [] } : left
      const settled = await Promise.allSettled([got, claimed, idle])
      expect(settled).toMatchObject([left, nothing, left])
    })
    // The calls that have left take no job along.
    await queue.put('job')
    expect(await queue.get({ timeout: '20s' })).toBe('job')
    await queue.stop()
    await storage.close()
  })
})
