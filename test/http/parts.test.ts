import { type Limiter, LimiterFactory } from 'aioflux'
import { type GuardPart, rateLimitFetch } from 'aioflux/http'
import { ManualClock } from 'aioflux/testing'
import { describe, expect, it } from 'vitest'
import { LateStorage, SharedStates } from '../support/late-storage.ts'

const header = (request: Request, name: string) => request.headers.get(name) ?? ''
const ok = async () => new Response('ok')

describe('a guard of several limits', () => {
  const make = () => {
    const clock = new ManualClock('1h')
    const bucket = (name: string, rate: number) =>
      LimiterFactory.tokenBucket({ rate, per: '1d', name, clock })
    return { clock, bucket }
  }
  const ask = (parts: readonly GuardPart<Request>[], headers: Record<string, string> = {}) =>
    rateLimitFetch(parts, { key: () => 'guard' })(ok)(new Request('http://x/', { headers }))

  it('takes keys and costs that come as promises', async () => {
    const { bucket } = make()
    const [user, all] = [bucket('user', 5), bucket('all', 5)]
    const parts: GuardPart<Request>[] = [
      { limiter: user, key: async (request) => header(request, 'user'), cost: async () => 2 },
      all,
    ]
    expect((await ask(parts, { user: 'ann' })).status).toBe(200)
    expect((await user.peek('ann')).remaining).toBe(3)
    // One without functions of its own is asked with the key and the cost of the guard.
    expect((await all.peek('guard')).remaining).toBe(4)
  })

  it('takes composites in composites, over limiters of any kind', async () => {
    const { bucket, clock } = make()
    const [user, all] = [bucket('user', 2), bucket('all', 5)]
    const storage = new LateStorage(new SharedStates(clock), clock)
    const remote = LimiterFactory.fixedWindow({
      rate: 3,
      per: '1d',
      storage,
      name: 'remote',
      clock,
    })
    for (const inner of [user, remote] as Limiter[]) {
      const nested = LimiterFactory.composite<Request>({
        limiter: inner,
        key: (request) => header(request, 'user'),
      })
      const parts = [nested, { limiter: all, key: () => 'all' }]
      const before = (await all.peek('all')).remaining
      const asked = async () => {
        const answering = ask(parts, { user: 'ann' })
        clock.advance('1s')
        return (await answering).status
      }
      const rate = inner === user ? 2 : 3
      for (let i = 0; i < rate; i++) expect(await asked()).toBe(200)
      expect(await asked()).toBe(429)
      expect((await all.peek('all')).remaining).toBe(before - rate)
    }
  })

  it('tells what is no key, no cost and no limiter', async () => {
    const { bucket } = make()
    const one = bucket('one', 5)
    const wrong = (part: object) => ask([{ limiter: one, ...part } as never])
    await expect(wrong({ key: () => 5 })).rejects.toMatchObject({ option: 'key' })
    await expect(wrong({ cost: () => -1 })).rejects.toMatchObject({ option: 'cost' })
    await expect(wrong({ cost: () => Number.NaN })).rejects.toMatchObject({ option: 'cost' })
    expect(() => rateLimitFetch([])).toThrow(/at least one limiter/)
    expect(() => rateLimitFetch([{} as never])).toThrow(/limiters must be limiters/)
    expect(() => rateLimitFetch([{ limiter: one, keys: () => '' } as never])).toThrow(/keys/)
    expect((await one.peek('guard')).remaining).toBe(5)
  })
})
