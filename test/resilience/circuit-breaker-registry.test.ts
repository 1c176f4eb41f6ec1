import {
  CircuitBreaker,
  CircuitBreakerRegistry,
  type CircuitBreakerRegistryOptions,
  OptionRangeError,
  OptionTypeError,
} from 'aioflux'
import { Metrics } from 'aioflux/metrics'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { exposition } from '../../src/metrics/exposition.ts'
import { ManualClock } from '../../src/testing/manual-clock.ts'
import { begin, fail, succeed } from './calls.ts'

const make = (options: CircuitBreakerRegistryOptions = {}) => {
  const clock = new ManualClock(1000)
  const breakers = new CircuitBreakerRegistry({ clock, failureThreshold: 1, ...options })
  return { clock, breakers }
}
const keys = (breakers: CircuitBreakerRegistry) => [...breakers].map(([key]) => key)

describe('a breaker for each key', () => {
  it('is the same one for the same key, and knows nothing of the others', async () => {
    const { breakers } = make({ name: 'hosts' })
    const a = breakers.for('a')
    expect(a).toBeInstanceOf(CircuitBreaker)
    expect(breakers.for('a')).toBe(a)
    await fail(a)
    await expect(breakers.for('a').call(() => 1)).rejects.toMatchObject({
      code: 'CIRCUIT_OPEN',
      message: expect.stringContaining('hosts:a'),
    })
    expect(await breakers.for('b').call(() => 1)).toBe(1)
    expect(breakers.stats()).toEqual({
      name: 'hosts',
      keys: 2,
      states: { closed: 1, open: 1, half_open: 0, isolated: 0 },
      expired: 0,
      evicted: 0,
    })
  })

  it('get makes none, and delete forgets one', async () => {
    const { breakers } = make()
    expect(breakers.get('a')).toBeUndefined()
    expect(breakers.size).toBe(0)
    const a = breakers.for('a')
    await fail(a)
    expect(breakers.get('a')).toBe(a)
    expect([breakers.delete('a'), breakers.delete('a')]).toEqual([true, false])
    expect(breakers.for('a')).not.toBe(a)
    expect(breakers.for('a').state).toBe('closed')
  })
})

describe('idle breakers', () => {
  it('are forgotten when for is called, a tenth of idleTimeout late at most', () => {
    const { breakers, clock } = make({ idleTimeout: '10s' })
    breakers.for('old')
    clock.advance(9.5)
    breakers.for('new')
    expect(keys(breakers)).toEqual(['old', 'new'])
    clock.advance(1)
    breakers.for('new')
    expect(keys(breakers)).toEqual(['new'])
    expect(breakers.stats().expired).toBe(1)
  })

  it('are kept while they are open, isolated, or have a call running', async () => {
    const { breakers, clock } = make({ idleTimeout: '1s', timeout: '1m' })
    await fail(breakers.for('open'))
    const hold = breakers.for('isolated').isolate()
    const call = await begin(breakers.for('running'))
    clock.advance(100)
    breakers.for('x')
    expect(keys(breakers)).toEqual(['open', 'isolated', 'running', 'x'])
    hold[Symbol.dispose]()
    await call.succeed()
    clock.advance(100)
    breakers.for('x')
    expect(keys(breakers)).toEqual(['open', 'x'])
    await succeed(breakers.for('open'))
    expect(breakers.for('open').state).toBe('closed')
    clock.advance(100)
    breakers.for('x')
    expect(keys(breakers)).toEqual(['x'])
  })

  it('idleTimeout is maxTimeout where that is longer than 10 minutes', () => {
    const { breakers, clock } = make({ maxTimeout: '1h' })
    breakers.for('a')
    clock.advance('59m')
    breakers.for('b')
    expect(breakers.size).toBe(2)
    clock.advance('10m')
    breakers.for('b')
    expect(keys(breakers)).toEqual(['b'])
  })
})

describe('maxKeys', () => {
  it('forgets the least recently used that is closed', async () => {
    const { breakers } = make({ maxKeys: 3 })
    await fail(breakers.for('open'))
    breakers.for('a')
    breakers.for('b')
    breakers.for('a')
    breakers.for('c')
    expect(keys(breakers).sort()).toEqual(['a', 'c', 'open'])
    expect(breakers.stats()).toMatchObject({ evicted: 1, expired: 0 })
  })

  it('forgets an open one where all are open, and an isolated one never', async () => {
    const { breakers } = make({ maxKeys: 20 })
    for (let i = 0; i < 20; i++) await fail(breakers.for(`open ${i}`))
    breakers.for('new')
    expect(breakers.size).toBe(20)
    expect(breakers.get('new')).toBeDefined()
    const { breakers: shut } = make({ maxKeys: 20 })
    for (let i = 0; i < 20; i++) shut.for(`isolated ${i}`).isolate()
    shut.for('new')
    expect(shut.stats().states).toMatchObject({ isolated: 20, closed: 1 })
  })

  it('holds whatever comes', async () => {
    const step = fc.record({
      key: fc.integer({ min: 0, max: 30 }).map(String),
      verb: fc.constantFrom('succeed', 'fail', 'begin', 'pass', 'delete'),
    })
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 8 }),
        fc.array(step, { maxLength: 80 }),
        async (maxKeys, steps) => {
          const { breakers, clock } = make({ maxKeys, idleTimeout: '5s', timeout: '2s' })
          let [made, deleted] = [0, 0]
          for (const { key, verb } of steps) {
            const known = breakers.get(key)
            if (verb === 'delete') {
              if (breakers.delete(key)) deleted += 1
              continue
            }
            if (verb === 'pass') {
              clock.advance(1)
              continue
            }
            const breaker = breakers.for(key)
            if (breaker !== known) made += 1
            expect(breakers.get(key)).toBe(breaker)
            expect(breakers.size).toBeLessThanOrEqual(maxKeys)
            if (verb === 'begin') (await begin(breaker)).outcome.catch(() => {})
            else await (verb === 'fail' ? fail(breaker) : succeed(breaker).catch(() => {}))
          }
          const { expired, evicted, states, keys } = breakers.stats()
          expect(made).toBe(breakers.size + expired + evicted + deleted)
          expect(keys).toBe(Object.values(states).reduce((sum, n) => sum + n, 0))
        },
      ),
    )
  })
})

describe('metrics', () => {
  const lines = async (metrics: Metrics, part: string) => {
    let text = ''
    for await (const slice of exposition(metrics, 'text')) text += slice
    return text.split('\n').filter((line) => line.includes(part) && !line.startsWith('#'))
  }
  const run = async (options: CircuitBreakerRegistryOptions) => {
    const metrics = new Metrics()
    const { breakers, clock } = make({ name: 'hosts', idleTimeout: '10s', metrics, ...options })
    await succeed(breakers.for('a'))
    await succeed(breakers.for('b'))
    await fail(breakers.for('c'))
    return { metrics, breakers, clock }
  }

  it('has the same series however many keys there are', async () => {
    const { metrics, breakers, clock } = await run({ timeout: '1h' })
    const few = (await lines(metrics, 'breaker="hosts')).length
    expect(await lines(metrics, 'state="')).toEqual([
      'aioflux_breaker_state{breaker="hosts",state="closed"} 2',
      'aioflux_breaker_state{breaker="hosts",state="open"} 1',
      'aioflux_breaker_state{breaker="hosts",state="half_open"} 0',
      'aioflux_breaker_state{breaker="hosts",state="isolated"} 0',
    ])
    for (let i = 0; i < 50; i++) await succeed(breakers.for(`key ${i}`))
    expect((await lines(metrics, 'breaker="hosts')).length).toBe(few)
    expect(await lines(metrics, 'outcome="succeeded"')).toEqual([
      'aioflux_breaker_calls_total{breaker="hosts",outcome="succeeded"} 52',
    ])
    clock.advance(20)
    breakers.for('c')
    expect(breakers.size).toBe(1)
    // What was counted stays counted; the states are of the breakers that are kept.
    expect((await lines(metrics, 'outcome="succeeded"'))[0]).toMatch(/ 52$/)
    expect((await lines(metrics, 'state="closed"'))[0]).toMatch(/ 0$/)
    expect((await lines(metrics, 'opened_total'))[0]).toMatch(/ 1$/)
  })

  it('seriesPerKey gives each key series of its own, removed with the key', async () => {
    const { metrics, breakers } = await run({ seriesPerKey: true })
    expect(await lines(metrics, 'outcome="succeeded"')).toEqual([
      'aioflux_breaker_calls_total{breaker="hosts",key="a",outcome="succeeded"} 1',
      'aioflux_breaker_calls_total{breaker="hosts",key="b",outcome="succeeded"} 1',
      'aioflux_breaker_calls_total{breaker="hosts",key="c",outcome="succeeded"} 0',
    ])
    const gone = breakers.for('a')
    breakers.delete('a')
    expect(await lines(metrics, 'key="a"')).toEqual([])
    // Somebody holds it still: it works, and counts nowhere.
    await succeed(gone)
    expect(await lines(metrics, 'key="a"')).toEqual([])
    expect((await lines(metrics, 'key="b"')).length).toBeGreaterThan(0)
  })
})

describe('options', () => {
  it('refuses what cannot work, when it is made', () => {
    const bad: [object, string, typeof OptionRangeError | typeof OptionTypeError][] = [
      [{ maxKeys: 0 }, 'maxKeys', OptionRangeError],
      [{ maxKeys: '5' }, 'maxKeys', OptionTypeError],
      [{ idleTimeout: 0 }, 'idleTimeout', OptionRangeError],
      [{ seriesPerKey: 'yes' }, 'seriesPerKey', OptionTypeError],
      [{ seriesPerKey: 'yes', metrics: new Metrics() }, 'seriesPerKey', OptionTypeError],
      [{ failureThreshold: 0 }, 'failureThreshold', OptionRangeError],
      [{ maxkeys: 5 }, 'maxkeys', OptionTypeError],
    ]
    for (const [options, option, error] of bad) {
      const made = () => new CircuitBreakerRegistry(options as CircuitBreakerRegistryOptions)
      expect(made, option).toThrow(error)
      expect(made).toThrow(expect.objectContaining({ option, code: 'INVALID_OPTION' }))
    }
  })

  it('refuses a key that is no string, and makes nothing', () => {
    const { breakers } = make()
    expect(() => breakers.for(5 as never)).toThrow(OptionTypeError)
    expect(breakers.size).toBe(0)
  })
})
