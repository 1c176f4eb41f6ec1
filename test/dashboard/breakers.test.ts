import { CircuitBreaker, CircuitBreakerRegistry } from 'aioflux'
import { dashboard } from 'aioflux/dashboard'
import { ManualClock } from 'aioflux/testing'
import { describe, expect, it } from 'vitest'
import { get, post } from './client.ts'
import { serve } from './servers.ts'

const access = () => 'all' as const
const fails = () => Promise.reject(Object.assign(new Error('away'), { code: 'ETIMEDOUT' }))

describe('a breaker tells what it did', () => {
  it('each opening, each probe that failed, and how many probes have succeeded', async () => {
    const clock = new ManualClock()
    const breaker = new CircuitBreaker({
      name: 'gateway',
      clock,
      failureThreshold: 2,
      timeout: '10s',
      timeoutFactor: 2,
      maxTimeout: '1h',
      halfOpenCalls: 3,
    })
    expect(breaker.changes()).toEqual([])
    for (let i = 0; i < 2; i++) await breaker.call(fails).catch(() => {})
    clock.advance('10s')
    const probe = breaker.call(async () => {
      clock.advance('3s')
      throw await fails().catch((error) => error)
    })
    await probe.catch(() => {})
    clock.advance('20s')
    await breaker.call(async () => {})
    clock.advance('5s')
    expect(breaker.changes()).toEqual([
      {
        state: 'open',
        ago: 38,
        retryAfter: 10,
        trips: 1,
        error: 'ETIMEDOUT away',
        calls: 2,
        failed: 2,
      },
      { state: 'half_open', ago: 28 },
      { state: 'open', ago: 25, retryAfter: 20, trips: 2, error: 'ETIMEDOUT away', took: 3 },
      { state: 'half_open', ago: 5 },
    ])
    await using server = await serve(dashboard({ breakers: [breaker], access }))
    const { breakers } = await get(server.url, 'api/state')
    expect(breakers.gateway).toMatchObject({ state: 'half_open', probes: { passed: 1, needed: 3 } })
    expect(breakers.gateway.changes.map(({ state }: { state: string }) => state)).toEqual([
      'open',
      'half_open',
      'open',
      'half_open',
    ])
  })

  it('remembers the latest 20 changes', async () => {
    const breaker = new CircuitBreaker()
    for (let i = 0; i < 30; i++) {
      breaker.trip()
      breaker.reset()
    }
    expect(breaker.changes()).toHaveLength(20)
    expect(breaker.changes().at(-1)).toMatchObject({ state: 'closed' })
  })
})

describe('a registry of breakers', () => {
  it('shows the breakers that are not closed first, at most 100, and acts on each by its name', async () => {
    const hosts = new CircuitBreakerRegistry({ name: 'hosts', failureThreshold: 1, timeout: '1h' })
    for (let i = 0; i < 150; i++) hosts.for(`h${i}`)
    await hosts
      .for('h7')
      .call(fails)
      .catch(() => {})
    await using server = await serve(dashboard({ breakers: [hosts], access }))
    const first = await get(server.url, 'api/state')
    expect(first.registries).toEqual({ hosts: { keys: 150, shown: 100 } })
    expect(Object.keys(first.breakers)).toHaveLength(100)
    expect(Object.keys(first.breakers).slice(0, 2)).toEqual(['hosts:h7', 'hosts:h149'])
    expect(first.breakers['hosts:h7']).toMatchObject({ state: 'open', key: 'h7' })
    expect(first.troubles[0]).toMatchObject({ name: 'hosts:h7', code: 'open' })
    await post(server.url, 'api/breakers/hosts%3Ah7/reset', {})
    expect(hosts.get('h7')?.state).toBe('closed')
    // One that is not shown can be acted on too; one that is not there is not made.
    await post(server.url, 'api/breakers/hosts%3Ah0/isolate', {})
    expect(hosts.get('h0')?.state).toBe('isolated')
    const none = await post(server.url, 'api/breakers/hosts%3Anone/isolate', {})
    expect(none.status).toBe(404)
    expect(hosts.size).toBe(150)
  })

  it('is followed when it forgets a breaker and makes another', async () => {
    const hosts = new CircuitBreakerRegistry({ name: 'hosts' })
    hosts.for('a').trip()
    await using server = await serve(dashboard({ breakers: [hosts], access }))
    expect((await get(server.url, 'api/state')).breakers['hosts:a'].state).toBe('open')
    hosts.delete('a')
    hosts.for('a')
    await post(server.url, 'api/breakers/hosts%3Aa/isolate', {})
    expect(hosts.get('a')?.state).toBe('isolated')
  })
})
