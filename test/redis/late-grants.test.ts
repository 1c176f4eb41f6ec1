import { Coordinator, LimiterFactory, QueueFactory } from 'aioflux'
import { type IoredisLike, RedisStorage } from 'aioflux/redis'
import { ManualClock } from 'aioflux/testing'
import { Redis } from 'ioredis'
import { afterAll, describe, expect, inject, it } from 'vitest'
import { until } from '../support/until.ts'

// A grant whose answer was long under way holds since it was asked for, so its first renewal is due at once. Time is the test's; scripts
// go by it too.

const TTL = 10
const redis = new Redis(inject('redisUrl'))
afterAll(() => redis.disconnect())

/** Replies that wait while `hold` is set: the server has done what they tell. */
function world() {
  const clock = new ManualClock('1h')
  let hold = false
  let held: (() => void)[] = []
  const through = (reply: Promise<unknown>) =>
    reply.then((value) =>
      hold ? new Promise((resolve) => held.push(() => resolve(value))) : value,
    )
  const slow: IoredisLike = {
    evalsha: (sha, keys, ...args) => through(redis.evalsha(sha, keys, ...args)),
    eval: (text, keys, ...args) => through(redis.eval(text, keys, ...args)),
  }
  const prefix = `late:${crypto.randomUUID()}`
  const storageOf = (client: IoredisLike) =>
    new RedisStorage({ client, clock, prefix, timeout: '1h' })
  const pass = async (seconds: number) => {
    // In steps, as time passes: timers that are due in between come in between.
    for (let left = seconds; left > 0; left -= 0.5) {
      await clock.advanceAsync(Math.min(0.5, left))
      await settled()
    }
  }
  const settled = async () => {
    for (let i = 0; i < 3; i++) await redis.ping()
    await new Promise((resolve) => setImmediate(resolve))
  }
  return {
    clock,
    pass,
    settled,
    here: storageOf(slow),
    there: storageOf(redis),
    /** What `ask` is granted, answered `seconds` later. */
    async late<T>(seconds: number, ask: () => Promise<T>): Promise<T> {
      hold = true
      const answer = ask()
      await until('the server has granted', () => held.length > 0)
      await pass(seconds)
      hold = false
      for (const release of held) release()
      held = []
      const given = await answer
      await settled()
      return given
    },
  }
}

describe('a grant that comes late is renewed in time', () => {
  it.each([4, 8])('locks, %f s of 10 s late', async (seconds) => {
    const { clock, here, there, late, pass } = world()
    const holder = new Coordinator({ storage: here, clock, ttl: TTL })
    const other = new Coordinator({ storage: there, clock, ttl: TTL })
    await (await holder.lock('warm up')).release()
    const lease = await late(seconds, () => holder.lock('x'))
    for (let i = 0; i < 4; i++) {
      expect(lease.held).toBe(true)
      expect(await other.tryLock('x')).toBeUndefined()
      await pass(TTL * 0.6)
    }
    await lease.release()
    expect(await other.tryLock('x')).toBeDefined()
    await Promise.all([holder.close(), other.close()])
  })

  it.each([4, 8])('leadership, %f s of 10 s late', async (seconds) => {
    const { clock, here, there, late, pass } = world()
    const holder = new Coordinator({ storage: here, clock, ttl: TTL })
    const other = new Coordinator({ storage: there, clock, ttl: TTL })
    await (await holder.lock('warm up')).release()
    expect(await late(seconds, () => holder.acquireLeadership())).toBe(true)
    for (let i = 0; i < 4; i++) {
      expect(holder.isLeader).toBe(true)
      expect(await other.acquireLeadership()).toBe(false)
      await pass(TTL * 0.6)
    }
    await Promise.all([holder.close(), other.close()])
  })

  it.each([4, 8, 9.5])('permits, %f s of 10 s late', async (seconds) => {
    const { clock, here, there, late, pass } = world()
    const options = { limit: 1, ttl: TTL, scope: 'late', clock } as const
    const holder = LimiterFactory.concurrency({ ...options, storage: here })
    const other = LimiterFactory.concurrency({ ...options, storage: there })
    await holder.acquire('warm up')
    expect(await late(seconds, () => holder.acquire('k'))).toBe(true)
    for (let i = 0; i < 4; i++) {
      expect(await other.acquire('k')).toBe(false)
      await pass(TTL * 0.6)
    }
    await holder.release('k')
    expect(await other.acquire('k')).toBe(true)
    await Promise.all([holder.close(), other.close()])
  })

  it.each([4, 8, 9])('claims of a queue by hand, %f s of 10 s late', async (seconds) => {
    const { clock, here, there, late, pass } = world()
    const options = { name: 'late', lease: `${TTL}s`, clock } as const
    const holder = QueueFactory.fifo<string>({ ...options, storage: here })
    const other = QueueFactory.fifo<string>({ ...options, storage: there })
    await holder.put('job')
    await other.counts()
    const [claim] = await late(seconds, () => holder.claim())
    for (let i = 0; i < 4; i++) {
      expect(claim?.signal.aborted).toBe(false)
      expect(await other.counts()).toMatchObject({ running: 1, waiting: 0 })
      expect((await other.job(claim?.id ?? ''))?.deliveries).toBe(1)
      await pass(TTL * 0.6)
    }
    expect(await claim?.complete()).toBe(true)
    await Promise.all([holder.stop(), other.stop()])
  })

  it.each([4, 8, 9])('claims of a worker, %f s of 10 s late', async (seconds) => {
    const { clock, here, there, late, pass } = world()
    const options = { name: 'late', lease: `${TTL}s`, clock } as const
    const signals: AbortSignal[] = []
    let end = () => {}
    const holder = QueueFactory.fifo<string>({
      ...options,
      storage: here,
      handler: (_, { signal }) => {
        signals.push(signal)
        return new Promise<void>((resolve) => {
          end = resolve
        })
      },
    })
    const other = QueueFactory.fifo<string>({ ...options, storage: there })
    const job = await other.put('job')
    // From now on nothing else is asked before the claim.
    await holder.counts()
    await late(seconds, async () => {
      await holder.start()
    })
    await until('begun', () => signals.length > 0)
    for (let i = 0; i < 4; i++) {
      expect(signals.map(({ aborted }) => aborted)).toEqual([false])
      expect((await other.job(job.id))?.deliveries).toBe(1)
      await pass(TTL * 0.6)
    }
    end()
    await until('done', async () => (await other.counts()).completed === 1)
    await Promise.all([holder.stop(), other.stop()])
  })
})
