import { LimiterFactory } from 'aioflux'
import { Metrics } from 'aioflux/metrics'
import { HybridStorage, RedisStorage } from 'aioflux/redis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RedisServer, startRedis } from '../support/redis-server.ts'

let redis: RedisServer
beforeAll(async () => {
  redis = await startRedis()
})
afterAll(() => redis.stop())

describe('what is counted of a storage elsewhere', () => {
  it('its trips, its failures, and what limiters decide meanwhile', async () => {
    const metrics = new Metrics()
    await using storage = new RedisStorage({ url: redis.url, name: 'main', timeout: '2s', metrics })
    const limiter = LimiterFactory.tokenBucket({
      rate: 2,
      per: '1h',
      storage,
      name: 'api',
      metrics,
    })
    for (let i = 0; i < 3; i++) await limiter.acquire('user')
    const counted = (name: string) => metrics.getStats().counters[`aioflux_${name}`]
    const down = () => metrics.getStats().gauges['aioflux_limiter_storage_down{limiter="api"}']
    expect(counted('limiter_decisions_total{limiter="api",outcome="allowed"}')).toBe(2)
    expect(counted('limiter_decisions_total{limiter="api",outcome="denied"}')).toBe(1)
    const trips = metrics.getStats().histograms['aioflux_storage_call_seconds{storage="main"}']
    expect(trips?.count).toBe(3)
    expect(trips?.p99).toBeLessThan(2)
    expect(down()).toBe(0)
    await redis.kill()
    expect(await limiter.acquire('user')).toBe(false)
    expect(down()).toBe(1)
    expect(counted('storage_errors_total{storage="main"}')).toBe(1)
    expect(counted('limiter_storage_errors_total{limiter="api"}')).toBe(1)
    expect(counted('limiter_decisions_total{limiter="api",outcome="denied"}')).toBe(2)
  })

  it('HybridStorage counts through the RedisStorage it makes, or is given', async () => {
    const metrics = new Metrics()
    await using own = new HybridStorage({ redis: redis.url, name: 'lent', metrics })
    expect([...metrics.histogram('aioflux_storage_call_seconds')].map(({ text }) => text)).toEqual([
      'storage="lent"',
    ])
    await using given = new RedisStorage({ url: redis.url })
    expect(() => new HybridStorage({ redis: given, metrics })).toThrow(
      'metrics must be given to the RedisStorage',
    )
    expect(own).toBeDefined()
  })
})
