import { LimiterFactory, rateLimit } from 'aioflux'
import { ManualClock } from 'aioflux/testing'
import { describe, expect, expectTypeOf, it } from 'vitest'

describe('rateLimit', () => {
  it('round a function: keeps this, name, length, types, and waits by default', async () => {
    const clock = new ManualClock()
    const wrapped = rateLimit({ rate: 1, per: '1s', clock })(function twice(
      this: { factor: number },
      n: number,
    ) {
      return n * this.factor
    })
    expect([wrapped.name, wrapped.length]).toEqual(['twice', 1])
    expectTypeOf(wrapped).parameters.toEqualTypeOf<[number]>()
    expect(await wrapped.call({ factor: 2 }, 4)).toBe(8)
    let second: number | undefined
    const call = wrapped.call({ factor: 3 }, 4).then((value) => {
      second = value
    })
    await clock.advanceAsync('900ms')
    expect(second).toBeUndefined()
    await clock.advanceAsync('100ms')
    await call
    expect(second).toBe(12)
  })

  it('as a decorator of methods, static ones and fields', async () => {
    class Api {
      readonly base = 10
      @rateLimit({ rate: 2, per: '1h', onLimit: 'throw', keyFn: (user: string) => user })
      async load(user: string, n = 1): Promise<string> {
        return `${user} ${this.base + n}`
      }
      @rateLimit({ rate: 1, per: '1h', onLimit: 'throw' })
      static async ping(): Promise<string> {
        return 'pong'
      }
      @rateLimit({ rate: 1, per: '1h', onLimit: 'throw' })
      field = async () => this.base
    }
    const api = new Api()
    expect(await api.load('a')).toBe('a 11')
    expect(await api.load('a', 5)).toBe('a 15')
    await expect(api.load('a')).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED', key: 'a' })
    expect(await api.load('b')).toBe('b 11')
    expect(await Api.ping()).toBe('pong')
    await expect(Api.ping()).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' })
    expect(await api.field()).toBe(10)
    await expect(api.field()).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' })
    expect(api.load.name).toBe('load')
  })

  it('as a legacy decorator', async () => {
    const target = {
      async greet(name: string) {
        return `hello ${name}`
      },
    }
    const descriptor = Object.getOwnPropertyDescriptor(target, 'greet') as TypedPropertyDescriptor<
      typeof target.greet
    >
    const limited = rateLimit({ rate: 1, per: '1h', onLimit: 'throw' })(target, 'greet', descriptor)
    expect(await limited.value?.('you')).toBe('hello you')
    await expect(limited.value?.('you')).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' })
  })

  it('every strategy, and a limiter of your own', async () => {
    const strategies = ['token-bucket', 'sliding-window', 'leaky-bucket', 'fixed-window'] as const
    for (const strategy of strategies) {
      const call = rateLimit({ rate: 2, per: '1h', strategy, onLimit: 'throw' })(() => 1)
      expect([await call(), await call()]).toEqual([1, 1])
      await expect(call()).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' })
    }
    const limiter = LimiterFactory.tokenBucket({ rate: 1, per: '1h' })
    const call = rateLimit({ limiter, timeout: '1s' })(async () => 'done')
    expect(await call()).toBe('done')
    await expect(call()).rejects.toMatchObject({ code: 'WAIT_TIMEOUT' })
  })

  it('refuses what cannot work, when it is made', () => {
    expect(() => rateLimit({} as never)).toThrow(/rate must be/)
    expect(() => rateLimit({ rate: 1, strategy: 'magic' as never })).toThrow(
      /strategy must be one of/,
    )
    expect(() => rateLimit({ rate: 1, onLimit: 'drop' as never })).toThrow(/onLimit must be one of/)
    expect(() => rateLimit({ rate: 1, burst: 2, strategy: 'fixed-window' })).toThrow(/burst is for/)
    const limiter = LimiterFactory.tokenBucket({ rate: 1 })
    expect(() => rateLimit({ limiter, rate: 1 })).toThrow(/exclude each other/)
  })
})
