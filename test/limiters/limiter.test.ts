import {
  type CreateLimiter,
  createLimiter,
  isAioFluxError,
  LimiterFactory,
  MemoryStorage,
  type Quota,
  slidingWindow,
  tokenBucket,
} from 'aioflux'
import { ManualClock } from 'aioflux/testing'
import { describe, expect, expectTypeOf, it } from 'vitest'

const NO_NUMBERS = [Number.NaN, Infinity, -Infinity, -1, 0, '5', null, {}, [], true, 5n]

describe('construction', () => {
  const factories: Record<string, CreateLimiter<Quota>> = {
    tokenBucket: LimiterFactory.tokenBucket,
    slidingWindow: LimiterFactory.slidingWindow,
    leakyBucket: LimiterFactory.leakyBucket,
    fixedWindow: LimiterFactory.fixedWindow,
  }
  for (const [name, make] of Object.entries(factories)) {
    it.each(NO_NUMBERS)(`${name} refuses the rate %s, naming both`, (rate) => {
      const error = caught(() => make({ rate: rate as number }))
      expect(isAioFluxError(error, 'INVALID_OPTION')).toBe(true)
      expect(error).toMatchObject({ option: 'rate' })
      expect(error.message).toMatch(/^rate must be/)
    })

    it.each([
      '1 minute',
      '',
      '1',
      '-1s',
      '1w',
      'NaNs',
      'Infinitys',
      Number.NaN,
      -1,
      0,
      Infinity,
      {},
      '0s',
    ])(`${name} refuses the window %j`, (per) => {
      const error = caught(() => make({ rate: 1, per: per as number }))
      expect(isAioFluxError(error, 'INVALID_OPTION')).toBe(true)
      expect(error.message).toMatch(/^per must be/)
    })

    it(`${name} refuses options that are none`, () => {
      expect(() => make(undefined as never)).toThrow(/options must be/)
      expect(() => make(100 as never)).toThrow(/options must be/)
    })

    it(`${name} refuses a scope, a name or a clock that is none`, () => {
      expect(() => make({ rate: 1, scope: 1 as never })).toThrow(/scope must be/)
      expect(() => make({ rate: 1, name: {} as never })).toThrow(/name must be/)
      expect(() => make({ rate: 1, clock: {} as never })).toThrow(/clock must/)
      expect(() => make({ rate: 1, storage: {} as never })).toThrow(/storage must/)
    })

    it(`${name} refuses an outage policy or a deadline that is none, in memory too`, () => {
      expect(() => make({ rate: 1, onStorageError: 'maybe' as never })).toThrow(
        /^onStorageError must/,
      )
      expect(() => make({ rate: 1, storageTimeout: -1 })).toThrow(/^storageTimeout must/)
      expect(() => make({ rate: 1, storageTimeout: '5' as never })).toThrow(/^storageTimeout must/)
    })
  }

  it('misuse is a TypeError or a RangeError, and an AioFluxError', () => {
    expect(() => tokenBucket({ rate: '5' as never })).toThrow(TypeError)
    expect(() => tokenBucket({ rate: -5 })).toThrow(RangeError)
    expect(() => tokenBucket({ rate: 1, burst: 0 })).toThrow(
      'burst must be a finite number > 0, got 0',
    )
  })
})

describe('verbs', () => {
  it('acquire answers with a boolean, whatever it is given', async () => {
    const limiter = LimiterFactory.tokenBucket({ rate: 1, per: '1h' })
    expectTypeOf(limiter.acquire).returns.resolves.toEqualTypeOf<boolean>()
    expect([await limiter.acquire('k'), await limiter.acquire('k')]).toEqual([true, false])
  })

  it.each([1, null, {}, [], Symbol('k'), 1n, true])('refuses the key %s', async (key) => {
    const limiter = LimiterFactory.tokenBucket({ rate: 1, per: '1h' })
    for (const verb of [
      'acquire',
      'consume',
      'peek',
      'wait',
      'release',
      'reset',
      'getStats',
    ] as const) {
      await expect(limiter[verb](key as string)).rejects.toThrow(/key must be a string/)
    }
    await expect(limiter.block(key as string, 1)).rejects.toThrow(/key must be a string/)
    expect(() => limiter.allow(key as string)).toThrow(/key must be a string/)
    expect(() => limiter.decide(key as string)).toThrow(/key must be a string/)
    expect((await limiter.getStats()).keys).toBe(0)
  })

  it('refuses a cost that could never pass, with the most that can', async () => {
    const limiter = LimiterFactory.tokenBucket({ rate: 5, burst: 3 })
    await expect(limiter.wait('k', { cost: 4 })).rejects.toMatchObject({
      code: 'COST_TOO_LARGE',
      cost: 4,
      capacity: 3,
    })
    expect(limiter.allow('k', 3)).toBe(true)
  })

  it('takes fractions of a token', async () => {
    const clock = new ManualClock()
    const limiter = LimiterFactory.tokenBucket({ rate: 1, clock })
    for (let i = 0; i < 4; i++) expect(limiter.allow('k', 0.25)).toBe(true)
    expect(limiter.decide('k', 0.25)).toMatchObject({ allowed: false, retryAfter: 0.25 })
  })

  it('blocks for as long as one likes', async () => {
    const clock = new ManualClock()
    const limiter = LimiterFactory.tokenBucket({ rate: 1, clock })
    await limiter.block('k', 1e9)
    clock.advance(999_999_999)
    expect(limiter.decide('k')).toMatchObject({ allowed: false, retryAfter: 1 })
    clock.advance(1)
    expect(limiter.allow('k')).toBe(true)
    await expect(limiter.block('k', 0)).rejects.toThrow(
      /^duration must be at least one microsecond, got 0/,
    )
    await expect(limiter.block('k', Number.NaN)).rejects.toThrow(/duration/)
  })

  it('a block does not shorten what was used', async () => {
    const clock = new ManualClock()
    const limiter = LimiterFactory.tokenBucket({ rate: 1, per: '1h', clock })
    limiter.allow('k')
    await limiter.block('k', '1s')
    clock.advance('1s')
    expect(limiter.decide('k')).toMatchObject({ allowed: false, retryAfter: 3599 })
  })

  it.each([
    [{ rate: 0 }, /^rate must be/],
    [{ per: '1 day' }, /^per must be/],
    [{ limit: 5 }, /^limit is not an option of a token bucket/],
    [{ brust: 5 }, /^brust is not/],
    [undefined, /^quota must be/],
    [7, /^quota must be/],
  ])('refuses to reconfigure to %j, and stays as it was', async (quota, message) => {
    const limiter = LimiterFactory.tokenBucket({ rate: 2, per: '1h' })
    limiter.allow('k')
    await expect(limiter.reconfigure(quota as never)).rejects.toThrow(message)
    expect(await limiter.peek('k')).toMatchObject({ limit: 2, remaining: 1 })
  })

  it('counts what it did, and tells those who listen', async () => {
    const limiter = LimiterFactory.tokenBucket({ rate: 2, per: '1h', name: 'api' })
    const heard: string[] = []
    limiter.on('allowed', ({ key }) => heard.push(`allowed ${key}`))
    const stop = limiter.on('denied', ({ key, retryAfter }) =>
      heard.push(`denied ${key} ${retryAfter}`),
    )
    limiter.allow('a')
    await limiter.acquire('a')
    limiter.decide('a')
    stop()
    limiter.allow('a')
    expect(heard).toEqual(['allowed a', 'allowed a', expect.stringMatching(/^denied a 1[78]\d\d/)])
    expect(await limiter.getStats('a')).toMatchObject({
      name: 'api',
      allowed: 2,
      denied: 2,
      waiting: 0,
      keys: 1,
      limit: 2,
      remaining: 0,
    })
  })

  it('a listener that throws changes no answer', async () => {
    const limiter = LimiterFactory.tokenBucket({ rate: 1 })
    const { error } = console
    const reported: unknown[] = []
    console.error = (...args) => reported.push(args)
    try {
      limiter.on('allowed', () => {
        throw new Error('listener')
      })
      expect(limiter.allow('k')).toBe(true)
    } finally {
      console.error = error
    }
    expect(reported).toHaveLength(1)
  })
})

describe('createLimiter', () => {
  const shared = [
    { rule: tokenBucket({ rate: 10, per: '1h' }), more: { burst: 20 }, less: { burst: 4 } },
    { rule: slidingWindow({ rate: 10, per: '1h' }), more: { rate: 20 }, less: { rate: 4 } },
  ]
  it.each(shared)('$rule.kind: what one changes is changed for all who share', async (change) => {
    const storage = new MemoryStorage()
    const make = () => createLimiter(change.rule, { storage, scope: 's' })
    const [a, b] = [make(), make()]
    await a.reconfigure(change.more)
    expect(await b.consume('k', 15)).toMatchObject({ allowed: true, limit: 20 })
    await b.reconfigure(change.less)
    for (const limiter of [a, b]) {
      expect(caught(() => limiter.allow('x', 5))).toMatchObject({ code: 'COST_TOO_LARGE' })
    }
    expect(a.allow('x', 4)).toBe(true)
    expect(b.allow('x')).toBe(false)
  })

  it('limiters of one storage, rule and scope share; others do not', () => {
    const storage = new MemoryStorage()
    const rule = slidingWindow({ rate: 1, per: '1h' })
    const a = createLimiter(rule, { storage, scope: 's' })
    expect(a.allow('k')).toBe(true)
    expect(createLimiter(rule, { storage, scope: 's' }).allow('k')).toBe(false)
    expect(createLimiter(rule, { storage, scope: 't' }).allow('k')).toBe(true)
    expect(createLimiter(rule).allow('k')).toBe(true)
    expect(
      createLimiter(slidingWindow({ rate: 2, per: '1h' }), { storage, scope: 's' }).allow('k'),
    ).toBe(true)
  })
})

describe('a million distinct keys', () => {
  it('do not grow memory past the bound', async () => {
    const storage = new MemoryStorage({ maxKeys: 10_000 })
    const floods = [
      { make: LimiterFactory.tokenBucket, keys: 1_000_000 },
      { make: LimiterFactory.fixedWindow, keys: 200_000 },
    ]
    for (const { make, keys } of floods) {
      const limiter = make({ rate: 5, per: '1h', storage })
      for (let i = 0; i < keys; i++) limiter.allow(`k${i}`)
      expect(await limiter.getStats()).toMatchObject({ keys: 10_000, evicted: keys - 10_000 })
    }
  })
})

function caught(run: () => unknown): Error {
  try {
    run()
  } catch (error) {
    return error as Error
  }
  throw new Error('nothing was thrown')
}
