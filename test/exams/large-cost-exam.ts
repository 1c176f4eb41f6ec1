import {
  type Adaptive,
  type AdaptivePermits,
  type Decision,
  type Duration,
  isAioFluxError,
  type Limiter,
  LimiterFactory,
  type LimiterStorage,
} from 'aioflux'
import { ManualClock } from 'aioflux/testing'
import { expect, it } from 'vitest'
import { until } from '../support/until.ts'

/**
 * Costs above what a limit holds now, where the limit moves: they wait or are denied, and nobody waits behind them. Above the most that it
 * may ever hold they are refused.
 */
export function largeCostExam(make: (clock: ManualClock) => LimiterStorage): void {
  const world = () => {
    const clock = new ManualClock('1h')
    const storage = make(clock)
    const common = () => ({ clock, storage, scope: crypto.randomUUID() })
    /** Resolves when all replies have come: they come in the order in which they were asked for. */
    const answered = async () => {
      if ('get' in storage) await (storage as { get(name: string): unknown }).get('nothing')
    }
    /** Lets time pass while replies arrive, until `look` sees it. */
    const happens = (
      what: string,
      look: () => boolean | Promise<boolean>,
      step: Duration = '100ms',
    ) => until(what, () => clock.advanceAsync(step).then(answered).then(look), { every: 1 })
    return { clock, common, happens }
  }
  const refusal = (call: Promise<unknown>) =>
    call.then(
      () => undefined,
      (error: unknown) => (isAioFluxError(error) ? `${error.code} ${error.message}` : error),
    )
  /** What has become of a wait. */
  const watched = (wait: Promise<Decision>) => {
    const seen: { passed?: boolean; error?: unknown } = {}
    wait.then(
      () => {
        seen.passed = true
      },
      (error: unknown) => {
        seen.error = error
      },
    )
    return seen
  }
  const passes = (wait: { passed?: boolean }) => wait.passed === true
  type World = ReturnType<typeof world>

  async function slower({ happens }: World, limiter: Adaptive, rate: number): Promise<void> {
    await happens(`falls to ${rate}`, async () => {
      for (let i = 0; i < 10; i++) if (await limiter.acquire('other')) limiter.reportError()
      await limiter.peek('other')
      return limiter.currentRate <= rate
    })
  }
  async function faster({ happens }: World, limiter: Adaptive, rate: number): Promise<void> {
    await happens(`rises to ${rate}`, async () => {
      for (let i = 0; i < 30; i++) if (await limiter.acquire('other')) limiter.reportSuccess()
      await limiter.peek('other')
      return limiter.currentRate >= rate
    })
  }
  async function fewer(world: World, limiter: AdaptivePermits, limit: number): Promise<void> {
    await world.happens(`falls to ${limit}`, async () => {
      for (let i = 0; i < 12; i++) limiter.reportError()
      await limiter.peek('other')
      return limiter.currentLimit <= limit
    })
  }
  async function more(world: World, limiter: AdaptivePermits, limit: number): Promise<void> {
    await world.happens(`rises to ${limit}`, async () => {
      let taken = 0
      while (await limiter.acquire('other')) taken += 1
      for (let i = 0; i < 12; i++) limiter.reportSuccess('50ms')
      if (taken > 0) await limiter.release('other', taken)
      return limiter.currentLimit >= limit
    })
  }
  const rates = {
    initialRate: 40,
    minRate: 5,
    maxRate: 100,
    increaseStep: 50,
    window: '1s',
  } as const
  const limits = { initialLimit: 10, minLimit: 4, maxLimit: 40 } as const
  const classes = { critical: 1, batch: 0.5 }

  it('adaptive: above the present rate is denied or waits, above the highest is refused', async () => {
    const here = world()
    const limiter = LimiterFactory.adaptive({ ...rates, classes, ...here.common() })
    await slower(here, limiter, 5)
    expect(await limiter.consume('a', 20)).toMatchObject({ allowed: false, limit: 5 })
    expect(await limiter.acquire('a', 20)).toBe(false)
    expect(await limiter.peek('a', 20)).toMatchObject({ allowed: false, limit: 5, remaining: 5 })
    const batch = { cost: 4, class: 'batch' }
    expect(await limiter.consume('a', batch)).toMatchObject({ allowed: false, limit: 2.5 })
    // Nothing of that was taken, and nothing is by what is refused.
    expect(await refusal(limiter.consume('a', 101))).toMatch(/^COST_TOO_LARGE .*at most 100/)
    expect(await refusal(limiter.wait('a', { cost: 101 }))).toMatch(/^COST_TOO_LARGE .*at most 100/)
    const tooMuch = { cost: 51, class: 'batch' }
    expect(await refusal(limiter.consume('a', tooMuch))).toMatch(/^COST_TOO_LARGE .*at most 50/)
    expect((await limiter.peek('a')).remaining).toBe(5)

    // 20 tokens have come after 3 s at this rate.
    const began = here.clock.now()
    const big = watched(limiter.wait('a', { cost: 20 }))
    await here.happens('has waited', () => big.passed === true)
    expect(here.clock.now() - began).toBeGreaterThanOrEqual(3000)
    expect(here.clock.now() - began).toBeLessThanOrEqual(3200)

    // A class waits until its share is large enough, and keeps nobody.
    const shares = watched(limiter.wait('b', batch))
    const timely = watched(limiter.wait('b', { ...batch, timeout: '1s' }))
    const small = watched(limiter.wait('b', { class: 'batch' }))
    await here.happens('others pass', () => small.passed === true)
    await here.happens('its time is up', () => timely.error !== undefined)
    expect(isAioFluxError(timely.error, 'WAIT_TIMEOUT')).toBe(true)
    expect(shares).toEqual({})
    await faster(here, limiter, 8)
    await here.happens('the class passes', () => shares.passed === true)
    await limiter.close()
  })

  it('adaptive: a rate that has risen lets through at once what it was too small for', async () => {
    const here = world()
    const limiter = LimiterFactory.adaptive({ ...rates, ...here.common() })
    await slower(here, limiter, 5)
    await faster(here, limiter, 50)
    await here.clock.advanceAsync('10s')
    const { allowed, limit } = await limiter.consume('a', 20)
    expect(allowed).toBe(true)
    expect(limit).toBeGreaterThanOrEqual(50)
    await limiter.close()
  })

  it('adaptiveConcurrency: what is above the present limit waits beside the line until it has risen', async () => {
    const here = world()
    const limiter = LimiterFactory.adaptiveConcurrency({ ...limits, classes, ...here.common() })
    await fewer(here, limiter, 5)
    const limit = limiter.currentLimit
    expect(await limiter.consume('a', 8)).toMatchObject({ allowed: false, limit })
    expect(await limiter.peek('a', 8)).toMatchObject({ allowed: false, remaining: limit })
    expect(await refusal(limiter.acquire('a', 41))).toMatch(/^COST_TOO_LARGE .*at most 40/)
    const tooMuch = { cost: 21, class: 'batch' }
    expect(await refusal(limiter.wait('a', tooMuch))).toMatch(/^COST_TOO_LARGE .*at most 20/)

    const left = new AbortController()
    const big = watched(limiter.wait('a', { cost: 8, group: 'one' }))
    const gone = watched(limiter.wait('a', { cost: 8, signal: left.signal }))
    const timely = watched(limiter.wait('a', { cost: 8, timeout: '3s' }))
    const small = watched(limiter.wait('a', { group: 'two' }))
    await here.happens('others pass', () => small.passed === true)
    await here.happens('and those who do not wait', () => limiter.acquire('a'))
    await limiter.release('a', 2)
    left.abort('gone')
    await here.happens('it has left', () => gone.error === 'gone')
    await here.happens('its time is up', () => timely.error !== undefined)
    expect(isAioFluxError(timely.error, 'WAIT_TIMEOUT')).toBe(true)
    expect(big).toEqual({})

    await more(here, limiter, 8)
    await here.happens('it passes', () => big.passed === true)
    expect((await limiter.peek('a')).remaining).toBe(limiter.currentLimit - 8)
    expect((await limiter.getStats('a')).waiting).toBe(0)
    await limiter.release('a', 8)

    await fewer(here, limiter, 4)
    const late = watched(limiter.wait('a', { cost: 30 }))
    await here.clock.advanceAsync('2s')
    await limiter.close()
    await here.happens('closed', () => late.error !== undefined)
    expect(isAioFluxError(late.error, 'CLOSED')).toBe(true)
  })

  it('who only waits hears what other limiters of the same limit have learnt', async () => {
    const here = world()
    const common = here.common()
    const [one, other] = [0, 1].map(() =>
      LimiterFactory.adaptiveConcurrency({ ...limits, ...common }),
    ) as [AdaptivePermits, AdaptivePermits]
    await fewer(here, other, 5)
    await here.happens('heard', async () => (await one.peek()).limit <= 5)
    const big = watched(one.wait('a', { cost: 8 }))
    await more(here, other, 8)
    await here.happens('it passes', () => passes(big))
    await one.release('a', 8)

    const rated = here.common()
    const [first, second] = [0, 1].map(() =>
      LimiterFactory.adaptive({ ...rates, classes, ...rated }),
    ) as [Adaptive, Adaptive]
    await slower(here, second, 5)
    await here.happens('heard', async () => (await first.consume('other')).limit === 5)
    const share = watched(first.wait('a', { cost: 4, class: 'batch' }))
    await faster(here, second, 8)
    await here.happens('it passes too', () => passes(share))
    for (const limiter of [one, other, first, second]) await limiter.close()
  })

  it('a limit that is made smaller refuses who waits for more than it will hold, and nobody else', async () => {
    type Common = { clock: ManualClock; storage: LimiterStorage; scope: string }
    type Made = [limiter: Limiter, change: (size: number) => Promise<void>]
    const permits = (common: () => Common): Made => {
      const limiter = LimiterFactory.concurrency({ limit: 10, classes, ...common() })
      return [limiter, (limit) => limiter.reconfigure({ limit })]
    }
    const bucket = (common: () => Common): Made => {
      const limiter = LimiterFactory.tokenBucket({ rate: 10, classes, ...common() })
      return [limiter, (rate) => limiter.reconfigure({ rate })]
    }
    const leaky = (common: () => Common): Made => {
      const limiter = LimiterFactory.leakyBucket({ rate: 10, classes, ...common() })
      return [limiter, (rate) => limiter.reconfigure({ rate })]
    }
    const beside = (common: () => Common, [limiter, change]: Made, priced: boolean): Made => {
      const part = priced ? { limiter, cost: (cost: number) => cost } : limiter
      const other = LimiterFactory.tokenBucket({ rate: 1000, ...common() })
      return [LimiterFactory.composite(part, other), change]
    }
    const all: ((common: () => Common) => Made)[] = [
      permits,
      (common) => beside(common, permits(common), false),
      (common) => beside(common, permits(common), true),
      (common) => beside(common, bucket(common), false),
      (common) => beside(common, bucket(common), true),
      bucket,
      leaky,
      (common) => beside(common, leaky(common), false),
    ]
    for (const [i, make] of all.entries()) {
      const here = world()
      const [limiter, change] = make(here.common)
      expect(await limiter.acquire('a', 10)).toBe(true)
      const large = [
        { cost: 8 },
        { cost: 7, group: 'one' },
        { cost: 6, class: 'critical' },
        { cost: 4, class: 'batch' },
      ].map((options) => watched(limiter.wait('a', options)))
      const small = watched(limiter.wait('a'))
      const batch = watched(limiter.wait('a', { class: 'batch', group: 'two' }))
      await here.clock.advanceAsync('50ms')
      await change(5)
      if (i < 3) await limiter.release('a', 10)
      const about = `the limit at ${i}`
      await here.happens(`${about}: others pass`, () => passes(small) && passes(batch))
      await here.happens(`${about}: they are told`, () =>
        large.every(({ error }) => error !== undefined),
      )
      for (const { error } of large) {
        expect(isAioFluxError(error, 'COST_TOO_LARGE') && error.message, about).toMatch(
          /at most (5|2.5),/,
        )
      }
      await here.happens(`${about}: and those who do not wait`, () => limiter.acquire('a'))
      expect((await limiter.getStats('a')).waiting).toBe(0)
      await limiter.close()
    }
  })

  it('so do windows, in which an empty one would take it once; a quota of its own is large enough', async () => {
    type Common = { clock: ManualClock; storage: LimiterStorage; scope: string }
    const windows: ((common: () => Common) => Limiter)[] = [
      (common) => LimiterFactory.slidingWindow({ rate: 10, ...common() }),
      (common) => LimiterFactory.fixedWindow({ rate: 10, ...common() }),
      (common) => LimiterFactory.fixedWindow({ rate: 10, align: 'minute', ...common() }),
    ]
    for (const [i, make] of windows.entries()) {
      for (const composed of [false, true]) {
        const here = world()
        const window = make(here.common)
        const beside = LimiterFactory.tokenBucket({ rate: 1000, classes, ...here.common() })
        const part = { limiter: window, quota: true as const }
        const limiter = composed ? LimiterFactory.composite(part, beside) : window
        expect(await limiter.acquire('a', 10)).toBe(true)
        const wanted = [{ cost: 8 }, { cost: 7, group: 'one' }]
        const critical = composed ? [{ cost: 6, class: 'critical' }] : []
        const large = [...wanted, ...critical].map((options) => watched(limiter.wait('a', options)))
        const small = watched(limiter.wait('a', { group: 'two' }))
        const planned = watched(limiter.wait('b', { cost: 20, quota: { rate: 20 } }))
        await here.clock.advanceAsync('50ms')
        await window.reconfigure({ rate: 5 })
        const about = `the window at ${i}, ${composed ? 'composed' : 'alone'}`
        const told = () => large.every(({ error }) => error !== undefined)
        await here.happens(`${about}: they are told`, told, '2s')
        for (const { error } of large) {
          expect(isAioFluxError(error, 'COST_TOO_LARGE') && error.message, about).toMatch(
            /at most 5,/,
          )
        }
        await here.happens(`${about}: others pass`, () => passes(small) && passes(planned), '2s')
        expect((await limiter.getStats('a')).waiting).toBe(0)
        await limiter.close()
      }
    }
  })

  it('composites: a member is too small for now, or never large enough', async () => {
    for (const shares of [true, false]) {
      const here = world()
      const bucket = LimiterFactory.tokenBucket({ rate: 1000, ...here.common() })
      const rate = LimiterFactory.adaptive({ ...rates, classes, ...here.common() })
      const permits = LimiterFactory.adaptiveConcurrency({ ...limits, classes, ...here.common() })
      await slower(here, rate, 5)
      await fewer(here, permits, 5)
      const member: Limiter = shares ? rate : permits
      const cost = (one: number) => one
      for (const both of [
        LimiterFactory.composite(bucket, member),
        LimiterFactory.composite(bucket, { limiter: member, cost }),
      ]) {
        expect(await both.consume('a', 20)).toMatchObject({
          allowed: false,
          deniedBy: member.name,
        })
        const batch = { cost: 4, class: 'batch' }
        expect(await both.consume('a', batch)).toMatchObject({ allowed: false })
        expect(await refusal(both.consume('a', shares ? 101 : 41))).toMatch(/^COST_TOO_LARGE/)
        const tooMuch = { cost: shares ? 51 : 21, class: 'batch' }
        expect(await refusal(both.consume('a', tooMuch))).toMatch(/^COST_TOO_LARGE/)
        expect((await bucket.peek('a')).remaining).toBe(1000)
      }
      const both = LimiterFactory.composite(bucket, member)
      const big = watched(both.wait('a', { cost: 7 }))
      const small = watched(both.wait('a'))
      await here.happens('others pass', () => small.passed === true)
      expect(big).toEqual({})
      await both.release('a')
      if (shares) await faster(here, rate, 40)
      else await more(here, permits, 10)
      await here.happens('it passes', () => big.passed === true)
      for (const one of [both, bucket, rate, permits]) await one.close()
    }
  })

  it('adaptive learns from calls that a composite lets through', async () => {
    const here = world()
    const limiter = LimiterFactory.adaptive({ ...rates, ...here.common() })
    const twice = LimiterFactory.tokenBucket({ rate: 12, per: '1d', ...here.common() })
    const both = LimiterFactory.composite(limiter, twice)
    // What it did not let through does not count.
    await twice.acquire('none', 12)
    for (let i = 0; i < 30; i++) expect(await both.acquire('none')).toBe(false)
    for (let i = 0; i < 30; i++) limiter.reportError()
    await here.clock.advanceAsync('2s')
    await limiter.acquire('other')
    await limiter.peek('other')
    expect(limiter.currentRate).toBe(40)
    let passed = 0
    for (let i = 0; i < 30; i++) if (await both.acquire('a')) passed += 1
    expect(passed).toBe(12)
    for (let i = 0; i < 30; i++) limiter.reportError()
    await here.happens('falls, once', async () => {
      await limiter.peek('a')
      return limiter.currentRate === 20
    })
    await here.clock.advanceAsync('2s')
    expect(limiter.currentRate).toBe(20)
    for (const one of [both, limiter, twice]) await one.close()
  })
}
