import { LimiterFactory } from 'aioflux'
import { RedisStorage } from 'aioflux/redis'
import { ManualClock } from 'aioflux/testing'
import { Redis } from 'ioredis'
import { afterAll, describe, expect, inject, it } from 'vitest'

const client = new Redis(inject('redisUrl'))
afterAll(() => client.disconnect())
const prefix = () => `calendar:${crypto.randomUUID()}`
const berlin = { rate: 2, align: 'day', timezone: 'Europe/Berlin' } as const

describe('windows of the calendar over Redis', () => {
  it('end when those in memory do, by the clock of the storage', async () => {
    const clock = new ManualClock('5m')
    clock.setWall('2026-10-24T20:00:00Z')
    const storage = new RedisStorage({ client, prefix: prefix(), clock })
    const here = LimiterFactory.fixedWindow({ ...berlin, clock })
    const there = LimiterFactory.fixedWindow({ ...berlin, name: 'daily', storage, clock })
    const plan = { quota: { rate: 5 } }
    for (const step of ['1h', '1h', '30m', '24h', '30m', '1m'] as const) {
      for (const call of [1, plan, 2, 1]) {
        expect(await there.consume('a', call)).toEqual(await here.consume('a', call))
      }
      clock.advance(step)
    }
    // Beside another rule, in one script.
    const both = LimiterFactory.composite(
      there,
      LimiterFactory.tokenBucket({ rate: 9, per: '1d', storage, clock }),
    )
    expect(await both.consume('b', 2)).toMatchObject({ allowed: true, remaining: 0 })
    expect(await both.consume('b')).toMatchObject({
      allowed: false,
      deniedBy: 'daily',
      retryAfter: (await there.peek('b')).retryAfter,
    })
  })

  it("end when the server's day ends", async () => {
    const storage = new RedisStorage({ client, prefix: prefix() })
    const there = LimiterFactory.fixedWindow({ ...berlin, storage })
    const here = LimiterFactory.fixedWindow(berlin)
    await Promise.all([there.consume('a', 2), here.consume('a', 2)])
    const [one, other] = await Promise.all([there.peek('a'), here.peek('a')])
    // One machine, two clocks, and a moment between the questions.
    expect(Math.abs(one.retryAfter - other.retryAfter) % 86_400).toBeLessThan(60)
    expect(one.retryAfter).toBeGreaterThan(0)
  })
})
