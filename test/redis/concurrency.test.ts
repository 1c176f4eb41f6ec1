import { LimiterFactory, type Rule, type State } from 'aioflux'
import { RedisStorage } from 'aioflux/redis'
import { ManualClock } from 'aioflux/testing'
import { Redis } from 'ioredis'
import { afterAll, describe, expect, inject, it } from 'vitest'
import { permits } from '../../src/rules/permits.ts'
import { sleep } from '../support/time.ts'
import { until } from '../support/until.ts'

const client = new Redis(inject('redisUrl'))
afterAll(() => client.disconnect())

/** Two processes, as far as Redis can tell; `clock` is the server's, and theirs unless they have one of their own. */
function processes(limit: number, ttl: number, clockOfB?: ManualClock) {
  const clock = new ManualClock('1h')
  const prefix = `permits:${crypto.randomUUID()}`
  const make = (own: ManualClock) =>
    LimiterFactory.concurrency({
      limit,
      ttl,
      clock: own,
      storage: new RedisStorage({ client, clock, prefix }),
    })
  return { clock, a: make(clock), b: make(clockOfB ?? clock) }
}

describe('concurrency over Redis', () => {
  it('in a composite with others it is given back when what was scheduled has ended', async () => {
    const { a } = processes(1, 30)
    const limiter = LimiterFactory.composite(LimiterFactory.tokenBucket({ rate: 9 }), a)
    expect(await limiter.schedule('k', async () => (await a.peek('k')).remaining)).toBe(0)
    await until('given back', async () => (await a.peek('k')).remaining === 1)
    await a.close()
  })

  it('holds over processes, and what one gives back the other can have', async () => {
    const { a, b } = processes(2, 30)
    expect([await a.acquire('k'), await b.acquire('k'), await a.acquire('k')]).toEqual([
      true,
      true,
      false,
    ])
    expect(await a.consume('k')).toMatchObject({
      allowed: false,
      remaining: 0,
      limit: 2,
      retryAfter: 0,
    })
    expect(await b.acquire('other')).toBe(true)
    await b.release('k')
    expect(await a.acquire('k')).toBe(true)
    await b.release('k')
    expect(await b.acquire('k')).toBe(false)
    await a.close()
    expect((await b.peek('k')).remaining).toBe(2)
  })

  it('a call that waits for the end of a block is told when another process ends it', async () => {
    const { a, b } = processes(1, 30)
    await a.block('k', '1h')
    let passed = false
    const waiting = b.wait('k').then(() => {
      passed = true
    })
    // Long enough to listen. The clock stands still: no timer makes it ask again.
    await sleep(200)
    expect(passed).toBe(false)
    await a.unblock('k')
    await until('told', () => passed)
    await waiting
    await Promise.all([a.close(), b.close()])
  })

  it('fractions fill the limit', async () => {
    const { a } = processes(1, 30)
    for (const cost of [0.1, 0.3, 0.01]) {
      const key = `${cost}`
      let inside = 0
      while (await a.acquire(key, cost)) inside += 1
      expect(inside, key).toBe(Math.floor(1 / cost + 1e-9))
    }
    await a.close()
  })

  it('a permit released twice is released once', async () => {
    const { a } = processes(3, 30)
    const permit = await a.permit('k', { cost: 2 })
    expect(await a.tryPermit('k', 2)).toBeUndefined()
    permit.release()
    permit.release()
    await permit[Symbol.asyncDispose]()
    while ((await a.peek('k')).remaining < 3) await new Promise((resolve) => setImmediate(resolve))
    expect(await a.acquire('k', 3)).toBe(true)
    await a.release('k', 1)
    expect((await a.peek('k')).remaining).toBe(1)
  })

  it('close waits for what was released and is on its way back', async () => {
    const options = { client, clock: new ManualClock('1h'), prefix: `left:${crypto.randomUUID()}` }
    const [storage, other] = [new RedisStorage(options), new RedisStorage(options)]
    const a = LimiterFactory.concurrency({ limit: 1, storage })
    const permit = await a.permit('k')
    permit.release()
    await a.close()
    await storage.close()
    const b = LimiterFactory.concurrency({ limit: 1, storage: other })
    expect(await b.acquire('k')).toBe(true)
    await b.close()
  })

  it('permits of the living are renewed, those of the dead come back', async () => {
    // The process of b has died: its clock never moves again, so nobody renews what it holds.
    const { clock, a, b } = processes(2, 9, new ManualClock())
    await a.acquire('k')
    await b.acquire('k')
    expect((await a.peek('k')).remaining).toBe(0)
    for (let i = 0; i < 4; i++) {
      await clock.advanceAsync('3s')
      // The beat has been sent when this, sent after it, is answered.
      await a.peek('k')
    }
    expect((await a.peek('k')).remaining).toBe(1)
    await a.close()
    expect((await a.peek('k').catch((error) => error.code)).toString()).toBe('CLOSED')
    await b.close()
  })

  it('schedule gives back, and whoever waits comes in', async () => {
    const { clock, a, b } = processes(1, 30)
    let inside = 0
    let most = 0
    const job = async () => {
      most = Math.max(most, ++inside)
      await new Promise((resolve) => setImmediate(resolve))
      inside--
    }
    const jobs = Array.from({ length: 10 }, (_, i) => (i % 2 ? a : b).schedule('k', job))
    let done = false
    const all = Promise.all(jobs).then(() => {
      done = true
    })
    while (!done) {
      await clock.advanceAsync('50ms')
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    await all
    expect(most).toBe(1)
  })
})

describe('the permits rule', () => {
  const rule: Rule = permits({ limit: 2, ttl: 10 })
  const inside = (state: State, now: number) => 2 - rule.remaining(state, now)

  it('counts a number once, renews it when it is asked again, and drops it when its time is over', () => {
    const state = rule.fresh(0)
    expect(rule.reserve(state, 0, 1, 7)).toBe(0)
    expect(rule.reserve(state, 5e6, 1, 7)).toBe(0)
    expect(inside(state, 5e6)).toBe(1)
    expect(rule.reserve(state, 5e6, 1, 8)).toBe(0)
    expect(rule.reserve(state, 5e6, 1, 9)).toBe(-Infinity)
    expect(inside(state, 14e6)).toBe(2)
    expect(inside(state, 15e6)).toBe(0)
    expect(rule.reserve(state, 15e6, 2, 9)).toBe(0)
    expect(state).toHaveLength(3)
  })

  it('gives back from one permit only, and no more than it holds', () => {
    const state = rule.fresh(0)
    rule.reserve(state, 0, 1, 7)
    rule.reserve(state, 0, 1, 8)
    rule.refund(state, 0, 5, 7)
    expect(inside(state, 0)).toBe(1)
    rule.refund(state, 0, 1, 7)
    expect(inside(state, 0)).toBe(1)
    rule.refund(state, 0, 1, 8)
    expect(rule.idleAfter(state, 0)).toBe(0)
  })
})
