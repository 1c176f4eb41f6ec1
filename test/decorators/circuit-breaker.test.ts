import { CircuitBreaker, circuitBreaker, OptionTypeError } from 'aioflux'
import { describe, expect, expectTypeOf, it } from 'vitest'
import { ManualClock } from '../../src/testing/manual-clock.ts'

describe('circuitBreaker', () => {
  it('wraps a function and keeps its types, name and length', async () => {
    async function load(id: string, _deep = false): Promise<number> {
      if (id === 'bad') throw new Error('down')
      return id.length
    }
    const clock = new ManualClock()
    const guarded = circuitBreaker({ failureThreshold: 2, timeout: '30s', clock })(load)
    expectTypeOf(guarded).toEqualTypeOf<typeof load>()
    expect(guarded.name).toBe('load')
    expect(guarded.length).toBe(1)
    expect(await guarded('abc')).toBe(3)
    await expect(guarded('bad')).rejects.toThrow('down')
    await expect(guarded('bad')).rejects.toThrow('down')
    await expect(guarded('abc')).rejects.toMatchObject({ code: 'CIRCUIT_OPEN', retryAfter: 30 })
    clock.advance('30s')
    expect(await guarded('abc')).toBe(3)
  })

  it('is a decorator of methods, one breaker for all instances, with this', async () => {
    class Api {
      up = true
      @circuitBreaker({ failureThreshold: 1, fallback: (_error, user: string) => `cached ${user}` })
      async load(user: string): Promise<string> {
        if (!this.up) throw new Error('down')
        return `fresh ${user}`
      }
    }
    const [one, two] = [new Api(), new Api()]
    expect(await one.load('ann')).toBe('fresh ann')
    one.up = false
    expect(await one.load('ann')).toBe('cached ann')
    expect(await two.load('bob')).toBe('cached bob')
  })

  it("finds the caller's signal, so that his cancellation does not count", async () => {
    const breaker = new CircuitBreaker({ failureThreshold: 1 })
    const load = circuitBreaker({ breaker, signalFn: (signal: AbortSignal) => signal })(
      async (signal: AbortSignal) => {
        await new Promise((_, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason))
        })
      },
    )
    const controller = new AbortController()
    const outcome = load(controller.signal)
    controller.abort(new Error('left'))
    await expect(outcome).rejects.toThrow('left')
    expect(breaker.stats()).toMatchObject({ state: 'closed', ignored: 1, failed: 0 })
  })

  it('a function that returned a value returns a promise of it', async () => {
    const guarded = circuitBreaker()((a: number, b: number) => a + b)
    expectTypeOf(guarded).returns.toEqualTypeOf<Promise<number>>()
    expect(await guarded(1, 2)).toBe(3)
  })

  it('takes a breaker or the options of one, not both', () => {
    const breaker = new CircuitBreaker()
    expect(() => circuitBreaker({ breaker, timeout: '1s' })).toThrow(OptionTypeError)
  })
})
