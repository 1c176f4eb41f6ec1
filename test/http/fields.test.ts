import { type CreateLimiter, type Limiter, LimiterFactory, type Quota } from 'aioflux'
import { rateLimitFetch, rateLimitMiddleware } from 'aioflux/http'
import { ManualClock } from 'aioflux/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readRateLimit } from './structured-fields.ts'

const ask = async (limiter: Limiter, cost = 1) => {
  const guard = rateLimitFetch(limiter, { key: () => 'k', cost: () => cost })
  return guard(() => new Response('ok'))(new Request('http://x'))
}

describe('RateLimit and RateLimit-Policy', () => {
  it('are structured fields, whatever the names and the numbers', async () => {
    const quota = fc.record({
      name: fc.oneof(
        fc.string({ unit: 'binary', maxLength: 12 }),
        fc.string({ unit: fc.constantFrom('"', '\\', ',', ' ', 'é'), maxLength: 4 }),
      ),
      rate: fc.oneof(fc.integer({ min: 1, max: 1e9 }), fc.double({ min: 1, max: 50, noNaN: true })),
      per: fc.double({ min: 0.001, max: 1e9, noNaN: true }),
      kind: fc.constantFrom<CreateLimiter<Quota>[]>(
        LimiterFactory.tokenBucket,
        LimiterFactory.leakyBucket,
        LimiterFactory.slidingWindow,
        LimiterFactory.fixedWindow,
      ),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(quota, { minLength: 1, maxLength: 4 }), async (quotas) => {
        const clock = new ManualClock()
        const parts = quotas.map(({ kind, ...rest }) => kind({ ...rest, clock }))
        const limiter = LimiterFactory.composite(parts)
        for (let i = 0; i < 3; i++) {
          const { headers } = await ask(limiter)
          const { policies, limits } = readRateLimit(headers)
          expect(Object.keys(policies).length).toBe(quotas.length)
          expect(Object.keys(limits)).toEqual(Object.keys(policies))
          clock.advance(0.37)
        }
      }),
      { numRuns: 300 },
    )
  })

  it('t is when there is more: after that long r has grown, and not before', async () => {
    for (const kind of [LimiterFactory.tokenBucket, LimiterFactory.fixedWindow]) {
      const clock = new ManualClock()
      const limiter = kind({ rate: 6, per: '1m', clock })
      const left = async () => (await limiter.peek('k')).remaining
      for (let i = 0; i < 20; i++) {
        const { headers } = await ask(limiter)
        const { r, t } = Object.values(readRateLimit(headers).limits)[0] as { r: number; t: number }
        expect(await left()).toBe(r)
        if (i % 3 !== 0) {
          clock.advance(0.37)
          continue
        }
        clock.advance(t - 1)
        expect(await left()).toBe(r)
        clock.advance(1)
        expect(await left()).toBeGreaterThan(r)
      }
    }
  })

  it('Retry-After is when the same call passes: not before, and in the second after', async () => {
    const clock = new ManualClock()
    const limiter = LimiterFactory.tokenBucket({ rate: 7, per: '1m', clock })
    for (let cost = 1; cost <= 7; cost++) {
      limiter.allow('k', 1 + Math.floor((await limiter.peek('k')).remaining - 1))
      const denied = await ask(limiter, cost)
      expect(denied.status).toBe(429)
      const after = Number(denied.headers.get('retry-after'))
      clock.advance(after - 1)
      expect((await limiter.peek('k', cost)).allowed).toBe(false)
      clock.advance(1)
      expect((await limiter.peek('k', cost)).allowed).toBe(true)
    }
  })

  it('follow a limit that is changed', async () => {
    const limiter = LimiterFactory.tokenBucket({ rate: 5, per: '1m', name: 'a' })
    expect((await ask(limiter)).headers.get('ratelimit-policy')).toBe('"a";q=5;w=60')
    await limiter.reconfigure({ rate: 9, per: '3m', burst: 9 })
    expect((await ask(limiter)).headers.get('ratelimit-policy')).toBe('"a";q=9;w=180')
  })

  it('two limits of one name are told apart', async () => {
    const clock = new ManualClock()
    const limiter = LimiterFactory.composite(
      LimiterFactory.tokenBucket({ rate: 1, clock }),
      LimiterFactory.composite(
        LimiterFactory.tokenBucket({ rate: 5, per: '1m', clock }),
        LimiterFactory.fixedWindow({ rate: 9, per: '1h', clock }),
      ),
    )
    const { headers } = await ask(limiter)
    expect(headers.get('ratelimit-policy')).toBe(
      '"token-bucket";q=1;w=1, "token-bucket-2";q=5;w=60, "fixed-window";q=9;w=3600',
    )
    expect(headers.get('ratelimit')).toBe(
      '"token-bucket";r=0;t=1, "token-bucket-2";r=4;t=12, "fixed-window";r=8;t=3600',
    )
  })

  it('a limiter of somebody else is told of by what it decides', async () => {
    const own = LimiterFactory.tokenBucket({ rate: 3, per: '1m', name: 'own' })
    const consume = own.consume.bind(own)
    const { headers } = await ask({ name: 'theirs', consume } as unknown as Limiter)
    expect(headers.get('ratelimit-policy')).toBe('"theirs";q=3')
    expect(readRateLimit(headers).limits).toEqual({ theirs: { r: 2, t: 20 } })
  })
})

describe('options', () => {
  const limiter = LimiterFactory.tokenBucket({ rate: 1 })
  it.each([
    [{ key: 'ip' }, 'key must be a function'],
    [{ cost: 5 }, 'cost must be a function'],
    [{ skip: true }, 'skip must be a function'],
    [{ onLimited: 429 }, 'onLimited must be a function'],
    [{ headers: 'draft-5' }, "headers must be one of 'draft-8'"],
    [null, 'options must be an object'],
  ])('%j is refused by name', (options, message) => {
    expect(() => rateLimitMiddleware(limiter, options as never)).toThrow(message)
    expect(() => rateLimitFetch(limiter, options as never)).toThrow(message)
  })

  it('a key that is none is an error, and nobody else’s count', async () => {
    expect(() => rateLimitFetch('limiter' as never)).toThrow('limiter must be a limiter')
    const guard = rateLimitFetch(limiter, { key: () => undefined as never })
    const answer = guard(() => new Response())(new Request('http://x'))
    await expect(answer).rejects.toThrow('key must return a string')
  })

  it('may answer later', async () => {
    const guard = rateLimitFetch(LimiterFactory.fixedWindow({ rate: 2, per: '1m' }), {
      key: async () => 'k',
      cost: async () => 2,
      skip: async (request) => request.url.endsWith('/free'),
    })(() => new Response())
    const statuses = []
    for (const path of ['free', 'a', 'b', 'free']) {
      statuses.push((await guard(new Request(`http://x/${path}`))).status)
    }
    expect(statuses).toEqual([200, 200, 429, 200])
  })
})
