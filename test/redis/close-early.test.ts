import { Coordinator, LimiterFactory } from 'aioflux'
import { HybridStorage, RedisStorage } from 'aioflux/redis'
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest'
import { clients, libraries } from '../support/clients.ts'
import { proxy, type TcpProxy } from '../support/tcp-proxy.ts'
import { sleep } from '../support/time.ts'
import { until } from '../support/until.ts'

// What is closed while it connects leaves no connection behind, wherever in the attempt it was.

let between: TcpProxy
beforeAll(async () => {
  between = await proxy(Number(new URL(inject('redisUrl')).port))
})
afterAll(() => between.close())
afterEach(() => between.blackhole(false))

/** Lets so many milliseconds pass; below 0, as many microtasks. */
async function after(moment: number): Promise<void> {
  for (let i = moment; i < 0; i++) await Promise.resolve()
  if (moment >= 0) await sleep(moment)
}
const MOMENTS = [-1, -3, -10, -30, -100, 0, 1, 2, 3, 5, 10, 20, 50]
const gone = (left = 0) => until('no connection is left', () => between.connections === left)

describe.each([
  ['a server that answers', false, 'redis:'],
  ['a server that hangs', true, 'redis:'],
  ['a server that hangs, by TLS', true, 'rediss:'],
])('a storage of a url, with %s', (_, hangs, protocol) => {
  const url = () => between.url.replace('redis:', protocol)
  const open = {
    RedisStorage: () => new RedisStorage({ url: url(), timeout: '200ms' }),
    HybridStorage: () => new HybridStorage({ redis: url() }),
  }
  it.each(Object.entries(open))('%s', async (name, make) => {
    for (const moment of MOMENTS) {
      between.blackhole(hangs)
      const storage = make()
      const limiter = LimiterFactory.tokenBucket({ rate: 5, storage, scope: `close ${name}` })
      // A lock that is taken is waited for by a second connection.
      const coordinator = new Coordinator({ storage, lockName: `close ${name} ${moment}` })
      const asked = [
        limiter.consume('a'),
        storage.get('v'),
        coordinator.lock('x', { timeout: '10ms' }),
        coordinator.lock('x', { timeout: '10ms' }),
      ]
      const settled = Promise.allSettled(asked)
      await after(moment)
      await storage.close()
      await settled
      await gone()
      await expect(storage.get('v')).rejects.toMatchObject({ code: 'CLOSED' })
      await coordinator.close()
      expect(between.connections).toBe(0)
    }
  })
})

describe.each(libraries)('the second connection of a client, %s', (library) => {
  it('ends with the storage, also while it connects', async () => {
    const { client, end } = await clients[library](between.url)
    for (const moment of MOMENTS) {
      const storage = new RedisStorage({ client, prefix: `second-${library}` })
      storage.listen('channel', () => {})
      await after(moment)
      await storage.close()
      await gone(1)
    }
    end()
    await gone()
  })
})
