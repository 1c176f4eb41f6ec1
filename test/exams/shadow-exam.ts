import { LimiterFactory, type LimiterStorage, Metrics } from 'aioflux'
import { ManualClock } from 'aioflux/testing'
import { expect, it } from 'vitest'
import { until } from '../support/until.ts'

/** What a shadow must hold to, wherever the states lie. */
export function shadowExam(make: (clock: ManualClock) => LimiterStorage): void {
  const world = () => {
    const clock = new ManualClock('1h')
    return { clock, storage: make(clock), scope: crypto.randomUUID() }
  }

  it('denies nothing, tells what it would have done, and counts that apart', async () => {
    const metrics = new Metrics()
    const limiter = LimiterFactory.tokenBucket({
      rate: 2,
      per: '1h',
      shadow: true,
      name: 'shadow',
      metrics,
      ...world(),
    })
    expect(await limiter.consume('a')).toMatchObject({
      allowed: true,
      shadow: true,
      wouldDeny: false,
      remaining: 1,
    })
    expect(await limiter.acquire('a')).toBe(true)
    expect(await limiter.consume('a')).toMatchObject({
      allowed: true,
      shadow: true,
      wouldDeny: true,
      retryAfter: 0,
    })
    expect(await limiter.acquire('a')).toBe(true)
    expect((await limiter.wait('a')).wouldDeny).toBe(true)
    expect(await limiter.schedule('a', () => 'ran')).toBe('ran')
    const held = await limiter.reserve('a', 2)
    await held?.settle(1)
    expect(await limiter.getStats('a')).toMatchObject({
      allowed: 7,
      denied: 0,
      wouldDeny: 5,
      remaining: 0,
    })
    const { counters } = metrics.getStats()
    expect(counters['aioflux_limiter_would_deny_total{limiter="shadow"}']).toBe(5)
    expect(counters['aioflux_limiter_decisions_total{limiter="shadow",outcome="allowed"}']).toBe(7)
  })

  it('in a composite keeps nobody out, and takes nothing it could not give', async () => {
    const common = world()
    const real = LimiterFactory.slidingWindow({ rate: 3, per: '1h', ...common })
    const shadow = LimiterFactory.tokenBucket({ rate: 1, per: '1h', shadow: true, ...common })
    const limiter = LimiterFactory.composite(shadow, real)
    for (const allowed of [true, true, true, false]) {
      expect(await limiter.acquire('a')).toBe(allowed)
    }
    expect((await shadow.peek('a')).remaining).toBe(0)
    expect((await shadow.getStats()).wouldDeny).toBeGreaterThanOrEqual(2)
  })

  it('of how many at once gives back only what it took', async () => {
    const limiter = LimiterFactory.concurrency({ limit: 1, shadow: true, ...world() })
    const inside = async () => 1 - (await limiter.peek('a')).remaining
    const ends: (() => void)[] = []
    const work = () => new Promise<void>((resolve) => ends.push(resolve))
    const first = limiter.schedule('a', work)
    await until('the first works', () => ends.length === 1)
    const second = limiter.schedule('a', work)
    await until('both work', () => ends.length === 2)
    ends[1]?.()
    await second
    expect(await inside()).toBe(1)
    for (const permit of [await limiter.permit('a'), await limiter.tryPermit('a')]) {
      permit?.release()
      expect(await inside()).toBe(1)
    }
    ends[0]?.()
    await first
    await until('all are back', async () => (await inside()) === 0)
    const permit = await limiter.tryPermit('a')
    expect(await inside()).toBe(1)
    permit?.release()
    await until('it is back', async () => (await inside()) === 0)
  })

  it('in a composite is told apart in the parts, and leaves what it did not give', async () => {
    const common = world()
    const shadow = LimiterFactory.concurrency({ limit: 1, shadow: true, ...common })
    const real = LimiterFactory.slidingWindow({ rate: 5, per: '1h', ...common, name: 'real' })
    const limiter = LimiterFactory.composite([shadow, { limiter: real, cost: () => 1 }])
    const inside = async () => 1 - (await shadow.peek('a')).remaining
    const first = await limiter.consume('a')
    expect(first.parts).toMatchObject([{ shadow: true, wouldDeny: false }, { allowed: true }])
    const second = await limiter.consume('a')
    expect(second).toMatchObject({ allowed: true })
    expect(second.parts?.[0]).toMatchObject({ allowed: true, shadow: true, wouldDeny: true })
    expect(second.parts?.[1]).not.toHaveProperty('shadow')
    limiter.leave?.('a', 1, second)
    await limiter.peek('a')
    expect(await inside()).toBe(1)
    limiter.leave?.('a', 1, first)
    await until('it is back', async () => (await inside()) === 0)
    for (let i = 0; i < 3; i++) await limiter.acquire('a')
    const denied = await limiter.consume('a')
    expect(denied).toMatchObject({ allowed: false, deniedBy: 'real' })
    expect(denied.parts).toMatchObject([{ shadow: true, allowed: true }, { allowed: false }])
  })

  it('in a composite keeps nobody out by a plan of 0 either, and the other limits count', async () => {
    const common = world()
    const options = { rate: 1, per: '1h', shadow: true, ...common } as const
    const shadow = LimiterFactory.tokenBucket(options)
    const real = LimiterFactory.leakyBucket({ rate: 4, per: '365d', ...common })
    const limiter = LimiterFactory.composite([{ limiter: shadow, quota: true }, real])
    const quota = { rate: 0 }
    const left = async () => (await real.peek('a')).remaining
    expect(await limiter.acquire('a', { quota })).toBe(true)
    expect(await left()).toBe(3)
    expect((await limiter.wait('a', { quota })).allowed).toBe(true)
    const reservation = await limiter.reserve('a', 2, { quota })
    expect(await left()).toBe(0)
    expect(await limiter.consume('a', { quota })).toMatchObject({ allowed: false })
    await reservation?.settle(1)
    expect(await left()).toBe(1)
  })

  it('lets through what costs more than it ever holds, alone and in composites', async () => {
    const common = world()
    const shadows = [
      LimiterFactory.tokenBucket({ rate: 2, per: '1d', shadow: true, ...common }),
      LimiterFactory.leakyBucket({ rate: 2, per: '1d', shadow: true, ...common }),
      LimiterFactory.slidingWindow({ rate: 2, per: '1d', shadow: true, ...common }),
      LimiterFactory.fixedWindow({ rate: 2, per: '1d', shadow: true, ...common }),
      LimiterFactory.fixedWindow({ rate: 2, align: 'month', shadow: true, ...common }),
      LimiterFactory.concurrency({ limit: 2, shadow: true, ...common }),
      LimiterFactory.adaptive({ initialRate: 2, minRate: 2, maxRate: 2, shadow: true, ...common }),
    ]
    const would = { allowed: true, wouldDeny: true }
    for (const shadow of shadows) {
      const { name } = shadow
      expect(await shadow.consume('a', 3), name).toMatchObject(would)
      expect(await shadow.peek('a', 3), name).toMatchObject(would)
      expect(await shadow.wait('a', { cost: 3 }), name).toMatchObject(would)
      expect(await shadow.acquire('a', 3), name).toBe(true)
      expect((await shadow.getStats()).wouldDeny, name).toBe(3)
      const real = LimiterFactory.tokenBucket({ rate: 9, ...common, scope: crypto.randomUUID() })
      for (const [key, limiter] of Object.entries({
        b: LimiterFactory.composite(shadow, real),
        c: LimiterFactory.composite({ limiter: shadow, cost: (cost: number) => cost * 2 }, real),
        d: LimiterFactory.composite(LimiterFactory.composite(shadow), real),
      })) {
        const { allowed, parts } = await limiter.consume(key, 3)
        expect([allowed, parts?.[1]?.remaining], name).toEqual([true, 6])
        expect((await limiter.wait(key, { cost: 3 })).allowed, name).toBe(true)
        // What it could not give it did not take.
        expect((await shadow.peek(key)).remaining, name).toBe(2)
        const tooMuch = await limiter.consume(key, 10).catch((error: unknown) => error)
        expect(tooMuch, name).toMatchObject({ code: 'COST_TOO_LARGE' })
      }
      const priced = { limiter: real, cost: (cost: number) => cost * 2 }
      for (const parts of [[real], [priced], [LimiterFactory.composite(real)]]) {
        const whole = LimiterFactory.composite(parts, { shadow: true })
        expect(await whole.consume('a', 10), name).toMatchObject(would)
      }
      expect(await shadow.consume('a', Number.NaN).catch(() => 'refused'), name).toBe('refused')
      await shadow.close()
    }
  })

  it('that is a composite lets through what a composite inside never holds, and tells how each part stands', async () => {
    const common = world()
    const real = LimiterFactory.tokenBucket({ rate: 9, per: '365d', name: 'real', ...common })
    const other = LimiterFactory.leakyBucket({ rate: 9, per: '365d', name: 'other', ...common })
    const priced = { limiter: real, cost: (cost: number) => cost * 10 }
    const inner = LimiterFactory.composite([other, priced], { name: 'inner' })
    const whole = LimiterFactory.composite([other, LimiterFactory.composite(inner)], {
      shadow: true,
    })
    const around = LimiterFactory.composite(whole, LimiterFactory.slidingWindow({ rate: 99 }))
    const denies = { deniedBy: 'real', parts: [{ allowed: true }, { allowed: false, cost: 20 }] }
    const told = { allowed: true, wouldDeny: true, parts: [{ allowed: true }, { parts: [denies] }] }
    expect(await whole.consume('a', 2)).toMatchObject(told)
    expect(await whole.peek('a', 2)).toMatchObject(told)
    expect(await whole.wait('a', { cost: 2 })).toMatchObject(told)
    expect(await whole.acquire('a', 2)).toBe(true)
    expect(await whole.schedule('a', () => 'ran', { cost: 2 })).toBe('ran')
    expect(await around.consume('a', 2)).toMatchObject({ allowed: true, parts: [told, {}] })
    await (await whole.reserve('a', 2))?.settle(1)
    expect((await whole.getStats()).wouldDeny).toBe(6)
    for (const limiter of [real, other]) expect((await limiter.peek('a')).remaining).toBe(9)
    // The same composites refuse it where they are no parts of a shadow, and take nothing.
    for (const limiter of [inner, LimiterFactory.composite(inner)]) {
      for (const call of [
        () => limiter.consume('a', 2),
        () => limiter.acquire('a', 2),
        () => limiter.peek('a', 2),
        () => limiter.wait('a', { cost: 2 }),
        () => limiter.reserve('a', 2),
      ]) {
        const error = await call().catch((reason: unknown) => reason)
        expect(error).toMatchObject({ code: 'COST_TOO_LARGE' })
        expect(String(error)).toMatch(/20/)
      }
    }
    expect((await other.peek('a')).remaining).toBe(9)
  })

  it('in a composite ends no reservation that it has nothing for', async () => {
    const common = world()
    const shadow = LimiterFactory.tokenBucket({ rate: 2, per: '365d', shadow: true, ...common })
    const real = LimiterFactory.leakyBucket({ rate: 9, per: '365d', ...common })
    for (const [key, limiter] of Object.entries({
      a: LimiterFactory.composite(shadow, real),
      b: LimiterFactory.composite(LimiterFactory.composite(shadow), real),
    })) {
      const left = async () => [
        (await shadow.peek(key)).remaining,
        (await real.peek(key)).remaining,
      ]
      const reservation = await limiter.reserve(key, 3)
      expect(await left()).toEqual([2, 6])
      await reservation?.extend('10m')
      await reservation?.settle(5)
      expect(await left()).toEqual([2, 4])
      const small = await limiter.reserve(key, 2)
      expect(await left()).toEqual([0, 2])
      await small?.extend('10m')
      await small?.settle(1)
      expect(await left()).toEqual([1, 3])
    }
    // Nor one that it has given back before the others.
    const brief = await LimiterFactory.composite(shadow).reserve('c', 1, { onExpire: 'release' })
    await shadow.reset('c')
    await brief?.extend('10m')
  })

  it('that is a composite settles what its parts have reserved, also where they are asked one by one', async () => {
    const common = world()
    const first = LimiterFactory.tokenBucket({ rate: 9, per: '365d', ...common })
    const second = LimiterFactory.leakyBucket({ rate: 9, per: '365d', ...common })
    for (const [key, inner, quota] of [
      ['a', first, undefined],
      ['b', LimiterFactory.composite(first), undefined],
      ['c', first, { rate: Infinity }],
    ] as const) {
      const parts = [{ limiter: inner, quota: true as const }, second]
      const limiter = LimiterFactory.composite(parts, { shadow: true })
      const left = async () => [
        (await first.peek(key)).remaining,
        (await second.peek(key)).remaining,
      ]
      const options = quota === undefined ? {} : { quota }
      const used = (amount: number) => [quota === undefined ? 9 - amount : 9, 9 - amount]
      const reservation = await limiter.reserve(key, 4, options)
      expect(await left()).toEqual(used(4))
      await reservation?.extend('10m')
      await reservation?.settle(1)
      expect(await left()).toEqual(used(1))
      // Nothing is held where it would have been denied.
      const denied = await limiter.reserve(key, 9, options)
      await denied?.extend('10m')
      await denied?.settle(3)
      expect(await left()).toEqual(used(1))
    }
  })

  it('a candidate is asked beside the real limit, and its worst hit keys are told', async () => {
    const common = world()
    const limiter = LimiterFactory.tokenBucket({ rate: 3, per: '1h', ...common })
    const candidate = LimiterFactory.slidingWindow({ rate: 2, per: '1h', ...common })
    const comparison = limiter.compare(candidate)
    for (let i = 0; i < 4; i++) await limiter.acquire('a')
    for (let i = 0; i < 2; i++) await limiter.consume('b', 3)
    await candidate.reset('c')
    await limiter.acquire('c', 2)
    await until('all are compared', () => comparison.agree + comparison.stricter === 7)
    // A cost of 3 is more than the candidate ever holds, so it never passes there.
    expect(comparison).toMatchObject({ agree: 5, stricter: 2, looser: 0, failed: 0 })
    expect(comparison.keys).toEqual([
      { key: 'a', stricter: 1 },
      { key: 'b', stricter: 1 },
    ])
    comparison.end()
    await limiter.acquire('d')
    // The candidate would have been asked before this.
    await candidate.peek('d')
    expect(comparison.agree).toBe(5)
    expect(() => limiter.compare({} as typeof limiter)).toThrow(/candidate/)
  })

  it('a candidate is asked with the quota and the class of the call, where it takes them', async () => {
    const common = world()
    const classes = { normal: 1, batch: 0.5 }
    const limiter = LimiterFactory.tokenBucket({ rate: 2, per: '1h', classes, ...common })
    const plan = { rate: 10, per: '1h' } as const
    const make = (name: string, more = {}) =>
      LimiterFactory.slidingWindow({ rate: 3, per: '1h', ...common, ...more, scope: name, name })
    const candidates = {
      plans: make('plans'),
      classes: LimiterFactory.tokenBucket({
        ...common,
        ...{ rate: 3, per: '1h', scope: 'classes', classes: { batch: 0.1 } },
      }),
      neither: LimiterFactory.adaptive({
        ...common,
        ...{ initialRate: 3, minRate: 1, maxRate: 3, scope: 'neither' },
      }),
      composite: LimiterFactory.composite([{ limiter: make('part'), quota: true }, make('other')]),
    }
    const all = Object.entries(candidates).map(
      ([name, candidate]) => [name, limiter.compare(candidate)] as const,
    )
    for (let i = 0; i < 5; i++) expect(await limiter.acquire('a', { quota: plan })).toBe(true)
    expect(await limiter.acquire('b', { quota: plan, class: 'batch', cost: 2 })).toBe(true)
    await until('all are compared', () =>
      all.every(([, { agree, stricter }]) => agree + stricter === 6),
    )
    const seen = Object.fromEntries(
      all.map(([name, { agree, stricter, failed }]) => [name, { agree, stricter, failed }]),
    )
    expect(seen).toEqual({
      plans: { agree: 6, stricter: 0, failed: 0 },
      // A share of a tenth holds less than the call of the batch.
      classes: { agree: 5, stricter: 1, failed: 0 },
      neither: { agree: 4, stricter: 2, failed: 0 },
      composite: { agree: 4, stricter: 2, failed: 0 },
    })
    for (const [, comparison] of all) comparison.end()
  })

  it('no candidate asks the limiter that it stands beside', async () => {
    const common = world()
    const limiter = LimiterFactory.tokenBucket({ rate: 3, per: '1h', name: 'real', ...common })
    const other = LimiterFactory.slidingWindow({ rate: 2, per: '1h', ...common })
    const third = LimiterFactory.fixedWindow({ rate: 2, per: '1h', ...common })
    const local = LimiterFactory.tokenBucket({ rate: 9, clock: common.clock })
    const within = LimiterFactory.composite(LimiterFactory.composite(local, limiter), third)
    const refusal = /candidate must be another limiter.*got/
    expect(() => limiter.compare(limiter)).toThrow(refusal)
    expect(() => limiter.compare(within)).toThrow(refusal)
    const comparison = limiter.compare(other)
    const onward = other.compare(third)
    expect(() => other.compare(limiter)).toThrow(refusal)
    expect(() => third.compare(limiter)).toThrow(refusal)
    const permits = LimiterFactory.concurrency({ limit: 2, ...common })
    for (const held of [permits, LimiterFactory.composite(other, permits)]) {
      expect(() => limiter.compare(held)).toThrow(/candidate must not hold permits/)
    }
    comparison.end()
    third.compare(limiter).end()
    onward.end()
    other.compare(limiter).end()
  })

  it('a peek tells what would be denied, denies nothing and counts nothing', async () => {
    const common = world()
    const options = { rate: 1, per: '1h', shadow: true, ...common } as const
    const limiter = LimiterFactory.tokenBucket(options)
    const real = LimiterFactory.slidingWindow({ rate: 9, per: '1h', ...common })
    const both = LimiterFactory.composite(limiter, real)
    await limiter.acquire('a')
    const foretold = { allowed: true, shadow: true, wouldDeny: true, retryAfter: 0 }
    expect(await limiter.peek('a')).toMatchObject(foretold)
    expect(await both.peek('a')).toMatchObject({ allowed: true })
    expect(await limiter.getStats('a')).toMatchObject({ allowed: 1, wouldDeny: 0, remaining: 0 })
  })
}
