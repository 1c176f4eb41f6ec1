import { LimiterFactory } from 'aioflux'
import { rateLimitFetch } from 'aioflux/http'
import { RedisStorage } from 'aioflux/redis'
import { Redis } from 'ioredis'
import { afterAll, describe, expect, inject, it } from 'vitest'

const client = new Redis(inject('redisUrl'))
afterAll(() => client.disconnect())

describe('a guard of several limits over Redis', () => {
  it('asks all of them in one trip, each by its own key and cost', async () => {
    const storage = new RedisStorage({ client, prefix: `parts:${crypto.randomUUID()}` })
    const make = (name: string, rate: number) =>
      LimiterFactory.tokenBucket({ rate, per: '1d', name, scope: name, storage })
    const [user, all] = [make('user', 10), make('all', 3)]
    const guard = rateLimitFetch([
      {
        limiter: user,
        key: (request) => request.headers.get('user') ?? '',
        cost: (request) => Number(request.headers.get('tokens')),
      },
      { limiter: all, key: () => 'everybody' },
    ])(async () => new Response('ok'))
    const ask = async (name: string, tokens: number) => {
      const headers = { user: name, tokens: String(tokens) }
      return (await guard(new Request('http://x/', { headers }))).status
    }
    expect(await ask('ann', 4)).toBe(200)
    const trips = await monitored(async () => expect(await ask('ann', 6)).toBe(200))
    expect(trips).toBe(1)
    expect(await ask('ann', 1)).toBe(429)
    expect((await all.peek('everybody')).remaining).toBe(1)
    expect(await ask('bob', 0)).toBe(200)
    expect(await ask('bob', 1)).toBe(429)
    expect((await user.peek('bob')).remaining).toBe(10)
  })

  it('asks all of them in one trip, one by the plan of the request', async () => {
    const storage = new RedisStorage({ client, prefix: `plans:${crypto.randomUUID()}` })
    const make = (name: string, rate: number) =>
      LimiterFactory.tokenBucket({ rate, per: '1d', name, scope: name, storage })
    const [user, all] = [make('user', 1), make('all', 30)]
    const guard = rateLimitFetch([
      {
        limiter: user,
        key: (request) => request.headers.get('user') ?? '',
        quota: (request) => ({ rate: Number(request.headers.get('plan')), per: '1d' }),
      },
      { limiter: all, key: () => 'everybody' },
    ])(async () => new Response('ok'))
    const ask = async (plan: number) => {
      const headers = { user: 'ann', plan: String(plan) }
      return (await guard(new Request('http://x/', { headers }))).status
    }
    expect(await ask(2)).toBe(200)
    const trips = await monitored(async () => expect(await ask(2)).toBe(200))
    expect(trips).toBe(1)
    expect(await ask(2)).toBe(429)
    expect(await ask(3)).toBe(200)
    expect((await all.peek('everybody')).remaining).toBe(27)
  })
})

/** How many scripts this client has run meanwhile. */
async function monitored(work: () => Promise<void>): Promise<number> {
  const send = client.sendCommand.bind(client)
  let trips = 0
  client.sendCommand = (command, ...rest) => {
    if (command.name.startsWith('eval')) trips += 1
    return send(command, ...rest)
  }
  await work()
  client.sendCommand = send
  return trips
}
