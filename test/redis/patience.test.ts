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

  it('a broadcast: the item is kept all the same', async () => {
    const storage = new RedisStorage({ url: redis.url, prefix: `cast ${by}`, timeout: '1h' })
    const broadcast = QueueFactory.broadcast<string>({ name: 'b', storage })
    const group = broadcast.subscribe({ group: 'g' })
    await group.ready
    await broadcast.put('first', patiences[by]()).catch(() => {})
    await frozen(async () => {
      await expect(broadcast.put('late', patiences[by]())).rejects.toMatchObject(reasons[by])
    })
    expect([await group.get(), await group.get()]).toEqual(['first', 'late'])
    await broadcast.stop()
    await storage.close()
  })

  it('a submit: the job that is kept too late goes on after a timeout, and is cancelled after an abort', async () => {
    const storage = new RedisStorage({ url: redis.url, prefix: `submit ${by}`, timeout: '1h' })
    const queue = QueueFactory.fifo<string>({ name: 'q', storage, lease: '1h' })
    expect(await queue.size()).toBe(0)
    await frozen(async () => {
      const submitted = queue.submit('job', { id: 'late', ...patiences[by]() })
      await expect(submitted).rejects.toMatchObject(reasons[by])
    })
    if (by === 'timeout') expect(await queue.get({ timeout: '20s' })).toBe('job')
    else {
      // Its id is remembered: it was kept, and cancelled.
      await until('cancelled', async () => (await queue.size()) === 0)
      expect((await queue.put('job', { id: 'late' })).state).toBe('duplicate')
    }
    await queue.stop()
    await storage.close()
  })

  it('a submit whose job is kept: it is left where its cancel is not answered', async () => {
    const storage = new RedisStorage({ url: redis.url, prefix: `kept ${by}`, timeout: '1h' })
    const queue = QueueFactory.fifo<string>({ name: 'q', storage, lease: '1h' })
    const leaving = new AbortController()
    const patience = by === 'timeout' ? { timeout: '1s' } : { signal: leaving.signal }
    const submitted = queue.submit('job', patience as { timeout: '1s' })
    submitted.catch(() => {})
    await until('kept', async () => (await queue.size()) === 1)
    await frozen(async () => {
      leaving.abort(new DOMException('I leave', 'TimeoutError'))
      await expect(submitted).rejects.toMatchObject(reasons[by])
    })
    const left = by === 'timeout' ? 1 : 0
    await until('cancelled, or not', async () => (await queue.size()) === left)
    await queue.stop()
    await storage.close()
  })
})

describe('a put over a Redis that hangs', () => {
  const modes = [undefined, 'pending', 'coalesce'] as const

  it.each(modes)(
    'ends with its signal, and the job that is kept too late is cancelled: %s',
    async (mode) => {
      const storage = new RedisStorage({ url: redis.url, prefix: `put ${mode}`, timeout: '1h' })
      const options = { name: 'q', storage, lease: '1h' } as const
      const queue =
        mode === undefined
          ? QueueFactory.priority<string>(options)
          : QueueFactory.dedupe<string>({ ...options, mode })
      await queue.put('first')
      const leaving = new AbortController()
      const reason = new Error('I leave')
      const put = (item: string) => queue.put(item, { signal: leaving.signal })
      await frozen(async () => {
        // The first one is another caller's too; the second one is this caller's only.
        const puts = [put('first'), put('second')]
        leaving.abort(reason)
        expect(await Promise.allSettled(puts)).toEqual([
          { status: 'rejected', reason },
          { status: 'rejected', reason },
        ])
        // Nothing is sent for a signal that has aborted.
        await expect(put('third')).rejects.toBe(reason)
      })
      await until('only the first one is left', async () => (await queue.size()) === 1)
      expect(await queue.get({ timeout: '20s' })).toBe('first')
      await queue.stop()
      await storage.close()
    },
  )

  it('putMany: what has no signal that aborted stays', async () => {
    const storage = new RedisStorage({ url: redis.url, prefix: 'many', timeout: '1h' })
    const queue = QueueFactory.fifo<string>({ name: 'q', storage, lease: '1h' })
    await queue.put('0')
    const [leaving, staying] = [new AbortController(), new AbortController()]
    const reason = new Error('I leave')
    await frozen(async () => {
      const many = queue.putMany(['a', 'b', 'c'], (item) => ({
        ...(item === 'a' && { signal: leaving.signal }),
        ...(item === 'b' && { signal: staying.signal }),
      }))
      leaving.abort(reason)
      await expect(many).rejects.toBe(reason)
    })
    await until('a is cancelled', async () => (await queue.size()) === 3)
    const got = []
    for (let i = 0; i < 3; i++) got.push(await queue.get({ timeout: '20s' }))
    expect(got).toEqual(['0', 'b', 'c'])
    await queue.stop()
    await storage.close()
  })

  it('waits for room no longer than its timeout', async () => {
    const storage = new RedisStorage({ url: redis.url, prefix: 'room', timeout: '1h' })
    const queue = QueueFactory.fifo<string>({ name: 'q', storage, lease: '1h', maxSize: 1 })
    await queue.put('first')
    const waiting = queue.put('second', { timeout: '1s' })
    waiting.catch(() => {})
    await queue.counts()
    await frozen(() => expect(waiting).rejects.toMatchObject({ code: 'WAIT_TIMEOUT' }))
    // What was asked when Redis hung has found no room.
    expect(await queue.get({ timeout: '20s' })).toBe('first')
    await queue.put('third')
    expect(await queue.get({ timeout: '20s' })).toBe('third')
    await queue.stop()
    await storage.close()
  })
})
