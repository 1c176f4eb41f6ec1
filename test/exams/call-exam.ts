import {
  type CallQuota,
  type Decision,
  isAioFluxError,
  type Limiter,
  LimiterFactory,
  type LimiterStorage,
  MemoryStorage,
  type Quota,
} from 'aioflux'
import { ManualClock, seeded } from 'aioflux/testing'
import { describe, expect, it } from 'vitest'
import { until } from '../support/until.ts'

/** What a call may bring, wherever the states lie: quotas, classes and blocks over `make`'s storage. */
export function callExam(make: (clock: ManualClock) => LimiterStorage): void {
  const world = () => {
    const clock = new ManualClock('1h')
    const storage = make(clock)
    return { clock, storage, common: { clock, storage, scope: crypto.randomUUID() } }
  }
  const error = (call: Promise<unknown>) =>
    call.then(
      () => undefined,
      (reason: unknown) => reason as Error,
    )
  /** Without when it is as new: where a part is asked alone and gets back what it gave, that is not told anew. */
  const plainly = ({ resetAfter: _, parts = [], ...rest }: Decision): object => ({
    ...rest,
    parts: parts.map(plainly),
  })
  /** Waits until `look` sees it, while replies arrive and time stands still. */
  const happens = (clock: ManualClock, what: string, look: () => boolean) =>
    until(what, () => clock.advanceAsync(0).then(look), { every: 1 })

  describe('quotas', () => {
    it('hold for the key, and what was used stays used when the plan changes', async () => {
      const { common } = world()
      const limiter = LimiterFactory.tokenBucket({ rate: 5, per: '1h', ...common })
      const free = { rate: 10, per: '1h' } as const
      const pro = { rate: 100, per: '1h', burst: 50 } as const
      for (let i = 0; i < 10; i++) {
        const { allowed, limit, remaining } = await limiter.consume('a', { quota: free })
        expect({ allowed, limit, remaining }).toEqual({
          allowed: true,
          limit: 10,
          remaining: 9 - i,
        })
      }
      const denied = await limiter.consume('a', { quota: free })
      expect(denied).toMatchObject({ allowed: false, remaining: 0, limit: 10, retryAfter: 360 })
      expect(await limiter.peek('a', { quota: pro })).toMatchObject({ allowed: true, limit: 50 })
      expect(await limiter.consume('a', { quota: pro, cost: 20 })).toMatchObject({
        allowed: true,
        remaining: 20,
      })
      expect(await limiter.acquire('a', { quota: free })).toBe(false)
      // Without a quota the limiter's own numbers judge the same state.
      expect(await limiter.acquire('a')).toBe(false)
      expect((await limiter.consume('b')).remaining).toBe(4)
      expect((await limiter.consume('b', { quota: free })).remaining).toBe(8)
      expect((await limiter.consume('b')).remaining).toBe(2)
      await limiter.release('a', 30)
      expect((await limiter.peek('a', { quota: free })).remaining).toBe(10)
    })

    const kinds = ['tokenBucket', 'leakyBucket', 'slidingWindow', 'fixedWindow'] as const
    for (const kind of kinds) {
      it(`of a ${kind}: what was taken under a plan is given back under it`, async () => {
        const { clock, common } = world()
        // By its own numbers, all that the key has used has drained after a second.
        const make = LimiterFactory[kind] as typeof LimiterFactory.tokenBucket
        const limiter = make({ rate: 1000, per: '1s', ...common })
        const quota = { rate: 5, per: '1d' } as const
        expect(await limiter.acquire('a', { cost: 5, quota })).toBe(true)
        clock.advance('2s')
        await limiter.release('a', { cost: 2, quota })
        expect((await limiter.peek('a', { quota })).remaining).toBe(2)
        expect(await limiter.acquire('a', { cost: 3, quota })).toBe(false)
        await limiter.release('a', { quota: { rate: 0 } })
        await limiter.release('a', { quota: { rate: Infinity } })
        expect((await limiter.peek('a', { quota })).remaining).toBe(2)
        const wrong = await error(limiter.release('a', { quota: { rate: Number.NaN } }))
        expect(wrong).toMatchObject({ code: 'INVALID_OPTION', option: 'quota.rate' })
        const misspelt = await error(limiter.release('a', { costs: 1 } as object))
        expect(misspelt).toMatchObject({ code: 'INVALID_OPTION' })
        // More than was used is all of it.
        await limiter.release('a', { cost: 1e6, quota })
        expect((await limiter.peek('a', { quota })).remaining).toBe(5)
      })
    }

    it('of the parts of a composite are given back by each part under its own', async () => {
      const { clock, common } = world()
      const quota = { rate: 5, per: '1d' } as const
      const make = (more = {}) => {
        const scope = crypto.randomUUID()
        return LimiterFactory.fixedWindow({ rate: 1000, per: '1s', ...common, ...more, scope })
      }
      const used = async (limiter: Limiter) => 5 - (await limiter.peek('a', { quota })).remaining
      for (const storage of [common.storage, new MemoryStorage({ clock: clock })]) {
        const plans = make()
        const once = make({ storage, rate: 1, per: '1d' })
        const members = [{ limiter: plans, quota: () => quota }, once]
        const both = LimiterFactory.composite(members)
        expect(await both.acquire('a')).toBe(true)
        expect(await plans.acquire('a', { cost: 3, quota })).toBe(true)
        clock.advance('2s')
        // The second part denies, and the first has got back what it gave, and no more.
        expect(await both.acquire('a')).toBe(false)
        expect(await used(plans)).toBe(4)
        clock.advance('2s')
        await both.release('a')
        expect(await used(plans)).toBe(3)
        expect(await once.acquire('a')).toBe(true)
      }
    })

    it('per is a second and the burst is the rate, whatever the limiter has', async () => {
      const { clock, common } = world()
      const limiter = LimiterFactory.tokenBucket({ rate: 5, per: '1h', burst: 90, ...common })
      expect((await limiter.consume('a', { quota: { rate: 4 } })).limit).toBe(4)
      expect((await limiter.consume('a', { cost: 4, quota: { rate: 4 } })).retryAfter).toBe(0.25)
      await clock.advanceAsync('250ms')
      expect(await limiter.acquire('a', { cost: 4, quota: { rate: 4 } })).toBe(true)
    })

    for (const kind of ['slidingWindow', 'fixedWindow'] as const) {
      it(`of a ${kind}`, async () => {
        const { clock, common } = world()
        const limiter = LimiterFactory[kind]({ rate: 2, per: '1m', ...common })
        const plan = { rate: 4, per: '1m' } as const
        expect(await limiter.acquire('a', { cost: 3, quota: plan })).toBe(true)
        expect(await limiter.acquire('a')).toBe(false)
        expect((await limiter.consume('a', { quota: plan })).remaining).toBe(0)
        expect((await limiter.consume('a', { quota: plan })).retryAfter).toBe(60)
        await clock.advanceAsync('60s')
        expect(await limiter.acquire('a', { cost: 4, quota: plan })).toBe(true)
        const refused = await error(limiter.acquire('a', { quota: { ...plan, burst: 3 } }))
        expect(refused?.message).toContain('burst')
      })
    }

    it('so slow that the call passes in no lifetime says Infinity, wherever that is told', async () => {
      const { common } = world()
      const limiter = LimiterFactory.tokenBucket({ rate: 1, per: '365d', burst: 1000, ...common })
      await limiter.acquire('a', 1000)
      const both = LimiterFactory.composite(limiter)
      const never = { retryAfter: Infinity, resetAfter: Infinity }
      expect(await limiter.consume('a', 500)).toMatchObject(never)
      expect(await limiter.peek('a', 500)).toMatchObject(never)
      expect(await both.consume('a', 500)).toMatchObject(never)
      const late = { code: 'WAIT_TIMEOUT', retryAfter: Infinity }
      expect(await error(limiter.wait('a', { cost: 500, timeout: '1s' }))).toMatchObject(late)
    })

    it('of 0 closes, of Infinity opens, and a block holds all the same', async () => {
      const { common } = world()
      const limiter = LimiterFactory.tokenBucket({ rate: 5, per: '1h', ...common })
      const closed = { quota: { rate: 0 } }
      const open = { quota: { rate: Infinity } }
      expect(await limiter.consume('a', closed)).toMatchObject({
        allowed: false,
        limit: 0,
        remaining: 0,
        retryAfter: Infinity,
      })
      const late = await error(limiter.wait('a', closed))
      expect(late).toMatchObject({ code: 'WAIT_TIMEOUT', retryAfter: Infinity })
      expect((await limiter.consume('a')).remaining).toBe(4)
      for (let i = 0; i < 20; i++) {
        expect(await limiter.consume('a', { ...open, cost: 1000 })).toMatchObject({
          allowed: true,
          limit: Infinity,
          remaining: Infinity,
          retryAfter: 0,
        })
      }
      expect((await limiter.wait('a', open)).allowed).toBe(true)
      expect(await limiter.acquire('a', { quota: { rate: 0, burst: 0 } })).toBe(false)
      expect(await limiter.acquire('a', { quota: { rate: Infinity, burst: Infinity } })).toBe(true)
      expect((await limiter.peek('a')).remaining).toBe(4)
      await limiter.block('a', '1h')
      expect(await limiter.consume('a', open)).toMatchObject({ allowed: false, remaining: 0 })
      expect(await limiter.acquire('b', open)).toBe(true)
    })

    it('are waited for by their own numbers', async () => {
      const { clock, common } = world()
      const limiter = LimiterFactory.tokenBucket({ rate: 1, per: '1h', ...common })
      const quota = { rate: 2 }
      await limiter.acquire('a', { cost: 2, quota })
      const waits = [0, 1, 2].map((i) => limiter.wait('a', { quota }).then(() => i))
      const served: number[] = []
      for (const wait of waits) void wait.then((i) => served.push(i))
      // All have asked before: replies come in order.
      await limiter.peek('a', { quota })
      for (const expected of [[0], [0, 1], [0, 1, 2]]) {
        await clock.advanceAsync('500ms')
        await happens(clock, 'served', () => served.length >= expected.length)
        expect(served).toEqual(expected)
      }
      const late = await error(limiter.wait('a', { cost: 2, quota, timeout: '900ms' }))
      expect(isAioFluxError(late, 'WAIT_TIMEOUT')).toBe(true)
    })

    it('that are wrong are told, and change nothing', async () => {
      const { common } = world()
      const limiter = LimiterFactory.tokenBucket({ rate: 5, per: '1h', ...common })
      await limiter.acquire('a')
      // Before the limiter has read any quota, too; also where it takes none.
      const permits = LimiterFactory.concurrency({ limit: 5, ...common })
      for (const one of [limiter, permits]) {
        const empty = await error(one.consume('a', { quota: {} as { rate: number } }))
        expect(empty).toMatchObject({ code: 'INVALID_OPTION' })
        expect(empty?.message).toContain('quota')
      }
      const wrong: [unknown, string][] = [
        [{ quota: { rate: 0, burst: -1 } }, 'quota.burst'],
        [{ quota: { rate: Number.NaN } }, 'rate'],
        [{ quota: { rate: -1 } }, 'rate'],
        [{ quota: { rate: '10' } }, 'rate'],
        [{ quota: { rate: 10, per: 'soon' } }, 'quota.per'],
        [{ quota: { rate: 10, per: 0 } }, 'quota.per'],
        [{ quota: { rate: 10, burst: 0 } }, 'quota.burst'],
        [{ quota: { rate: 10, brust: 20 } }, 'brust'],
        [{ quota: { rate: Infinity, burst: Number.NaN } }, 'quota.burst'],
        [{ quota: 10 }, 'quota'],
        [{ qouta: { rate: 10 } }, 'qouta'],
        [{ cost: Number.NaN, quota: { rate: 10 } }, 'cost'],
        [{ class: 'batch' }, 'class'],
        ['10', 'cost'],
        [null, 'cost'],
      ]
      for (const [call, name] of wrong) {
        for (const verb of ['acquire', 'consume', 'peek'] as const) {
          const refused = await error(limiter[verb]('a', call as number))
          expect(isAioFluxError(refused), `${verb} ${JSON.stringify(call)}`).toBe(true)
          expect(refused?.message).toContain(name)
        }
      }
      const large = await error(limiter.acquire('a', { cost: 11, quota: { rate: 10 } }))
      expect(isAioFluxError(large, 'COST_TOO_LARGE')).toBe(true)
      expect((await limiter.peek('a')).remaining).toBe(4)
    })

    it('are refused by name where there are none', async () => {
      const { common } = world()
      const quota = { rate: 10 }
      const others: Limiter[] = [
        LimiterFactory.concurrency({ limit: 5, ...common, name: 'permits' }),
        LimiterFactory.composite([
          LimiterFactory.concurrency({ limit: 5, ...common, name: 'some' }),
          LimiterFactory.concurrency({
            limit: 5,
            ...common,
            name: 'others',
            scope: `${common.scope} 2`,
          }),
        ]),
      ]
      for (const limiter of others) {
        const refused = await error(limiter.consume('a', { quota }))
        expect(refused).toMatchObject({ code: 'INVALID_OPTION', option: 'quota' })
        expect(refused?.message).toContain(limiter.name)
        await limiter.close()
      }
    })

    it('go to the part of a composite that they are for', async () => {
      const { common } = world()
      const make = (name: string, rate: number) =>
        LimiterFactory.tokenBucket({
          ...common,
          rate,
          per: '1h',
          name,
          scope: `${common.scope} ${name}`,
        })
      const [user, all, other] = [make('user', 2), make('all', 10), make('other', 10)]
      const permits = LimiterFactory.concurrency({ limit: 50, name: 'permits', ...common })
      const left = async (limiter: Limiter, key: string) => (await limiter.peek(key)).remaining
      const plan = { rate: 4, per: '1h' } as const

      // The only one that takes quotas.
      const alone = LimiterFactory.composite([user, permits])
      for (let i = 0; i < 4; i++) {
        expect((await alone.consume('ann', { quota: plan })).parts?.[0]?.limit).toBe(4)
      }
      expect(await alone.consume('ann', { quota: plan })).toMatchObject({
        allowed: false,
        deniedBy: 'user',
        limit: 4,
      })
      expect(await left(permits, 'ann')).toBe(46)

      // Several could be meant.
      const both = LimiterFactory.composite([user, all, permits])
      const refused = await error(both.consume('bob', { quota: plan }))
      expect(refused).toMatchObject({ code: 'INVALID_OPTION', option: 'quota' })
      expect(refused?.message).toMatch(/several parts.*user, all.*quota: true.*quota: \(key\)/)
      expect(await left(all, 'bob')).toBe(10)

      // Those that say so.
      const said = LimiterFactory.composite([{ limiter: user, quota: true }, all])
      expect(await said.acquire('cid', { quota: plan, cost: 4 })).toBe(true)
      expect(await said.acquire('cid', { quota: plan })).toBe(false)
      expect(await left(all, 'cid')).toBe(6)
      expect(await said.acquire('cid')).toBe(false)

      // Those that have their own, by key.
      const plans: Record<string, CallQuota> = {
        dan: plan,
        eve: { rate: 0 },
        fay: { rate: Infinity },
      }
      const asked: string[] = []
      const own = LimiterFactory.composite([
        {
          limiter: user,
          quota: (key) => {
            asked.push(key)
            return plans[key]
          },
        },
        { limiter: all, key: () => 'everybody' },
        { limiter: other, quota: (key) => (key === 'dan' ? { rate: 3, per: '1h' } : undefined) },
      ])
      expect((await own.consume('dan', 3)).parts).toMatchObject([
        { limit: 4, remaining: 1 },
        { limit: 10, remaining: 7 },
        { limit: 3, remaining: 0 },
      ])
      expect(await own.consume('dan')).toMatchObject({ allowed: false, deniedBy: 'other' })
      expect(await own.consume('eve')).toMatchObject({
        allowed: false,
        deniedBy: 'user',
        retryAfter: Infinity,
      })
      await expect(own.wait('eve')).rejects.toMatchObject({ code: 'WAIT_TIMEOUT' })
      for (let i = 0; i < 5; i++) expect(await own.acquire('fay')).toBe(true)
      // Nobody has lost a token by what was denied, and nothing is counted without a limit.
      expect(await left(all, 'everybody')).toBe(2)
      expect(await left(user, 'fay')).toBe(2)
      expect(await left(other, 'fay')).toBe(5)
      expect(await own.consume('gus', 3).catch(({ code }) => code)).toBe('COST_TOO_LARGE')
      expect(new Set(asked)).toEqual(new Set(['dan', 'eve', 'fay', 'gus']))

      // In a composite in a composite.
      const nested = LimiterFactory.composite([{ limiter: own, key: () => 'dan' }, permits])
      expect(await nested.consume('x')).toMatchObject({ allowed: false })
      const inner = LimiterFactory.composite([{ limiter: said, quota: true }, permits])
      expect(await inner.acquire('hal', { quota: plan, cost: 4 })).toBe(true)
      expect(await inner.acquire('hal', { quota: plan })).toBe(false)

      // What can take none is refused when it is made.
      for (const quota of [true, () => plan] as const) {
        const parts = [{ limiter: permits, quota }]
        expect(() => LimiterFactory.composite(parts)).toThrow(/quota is for .* part 'permits'/)
      }
      const wrong = [{ limiter: user, quota: plan as never }]
      expect(() => LimiterFactory.composite(wrong)).toThrow(/quota must be a function .* or true/)
      const bad = LimiterFactory.composite([{ limiter: user, quota: () => ({ rate: Number.NaN }) }])
      const nothing = await error(bad.consume('ivy'))
      expect(nothing).toMatchObject({ code: 'INVALID_OPTION', option: 'quota.rate' })
      expect(await left(user, 'ivy')).toBe(2)
    })

    it('hold for what is waited for, reserved and scheduled with a composite', async () => {
      const { common } = world()
      const make = (name: string, rate: number) =>
        LimiterFactory.tokenBucket({
          ...common,
          rate,
          per: '1h',
          name,
          scope: `${common.scope} ${name}`,
        })
      const [user, all] = [make('user', 2), make('all', 100)]
      const plan = { rate: 40, per: '1h' } as const
      const both = LimiterFactory.composite([{ limiter: user, quota: () => plan }, all])
      const left = async () => [
        (await user.peek('ann', { quota: plan })).remaining,
        (await all.peek('ann')).remaining,
      ]
      expect((await both.wait('ann', { cost: 10 })).allowed).toBe(true)
      expect(await both.schedule('ann', () => 'ran', { cost: 10 })).toBe('ran')
      expect(await left()).toEqual([20, 80])
      const reservation = await both.reserve('ann', 20)
      expect(await left()).toEqual([0, 60])
      expect(await both.reserve('ann', 1)).toBeUndefined()
      await reservation?.settle(5)
      expect(await left()).toEqual([15, 75])
      await (await both.reserve('ann', 15))?.cancel()
      expect(await left()).toEqual([15, 75])
      await both.close()
    })

    it('over the parts of a composite decide as they do in memory, call for call', async () => {
      const quotas = [
        undefined,
        { rate: 4 },
        { rate: 8, burst: 16 },
        { rate: 0 },
        { rate: Infinity },
      ]
      for (let seed = 0; seed < 6; seed++) {
        const random = seeded(seed)
        const { clock, common } = world()
        const plain = quotas.filter((quota) => quota?.burst === undefined)
        const draw = (from = quotas) => from[Math.floor(random() * from.length)]
        // A plan that changes drains at another pace from the last call that was counted, and a call that a part denies is not counted
        // alike everywhere: so each key has its plans.
        const keys = ['k', 'l', 'm', 'n', 'o'] as const
        const planOf = new Map(
          keys.map((key) => [key, { first: draw(), third: draw(plain), call: draw() }]),
        )
        const own = (key: string) => planOf.get(key as 'k')
        const parts = (where: object) => {
          const named = (name: string) => ({ ...where, name, scope: `${common.scope} ${name}` })
          return LimiterFactory.composite([
            {
              limiter: LimiterFactory.tokenBucket({ rate: 5, ...named('a') }),
              quota: (key) => own(key)?.first,
            },
            {
              limiter: LimiterFactory.fixedWindow({ rate: 9, per: '2s', ...named('b') }),
              key: () => 'all',
            },
            {
              limiter: LimiterFactory.slidingWindow({ rate: 6, ...named('c') }),
              cost: () => 1,
              quota: (key) => own(key)?.third,
            },
            { limiter: LimiterFactory.leakyBucket({ rate: 7, ...named('d') }), quota: true },
          ])
        }
        const [there, here] = [parts(common), parts({ clock })]
        for (let i = 0; i < 80; i++) {
          const key = keys[Math.floor(random() * keys.length)] as string
          const quota = own(key)?.call
          const call = { cost: 1 + Math.floor(random() * 3), ...(quota && { quota }) }
          const peek = random() < 0.3
          const ask = (limiter: Limiter) =>
            peek ? limiter.peek(key, call) : limiter.consume(key, call)
          expect(plainly(await ask(there))).toEqual(plainly(await ask(here)))
          if (random() < 0.5) clock.advance(`${125 * Math.floor(random() * 8)}ms`)
        }
      }
    })

    it('decide as a limiter of their own would, call for call', async () => {
      const quotas = [{ rate: 4 }, { rate: 8, burst: 16 }, { rate: 2, burst: 4 }] as const
      for (let seed = 0; seed < 5; seed++) {
        const random = seeded(seed)
        const { clock, common } = world()
        const shared = LimiterFactory.tokenBucket({ rate: 1, per: '1d', ...common })
        const apart = quotas.map((quota) => LimiterFactory.tokenBucket({ ...quota, clock }))
        for (let i = 0; i < 60; i++) {
          const at = Math.floor(random() * quotas.length)
          const cost = 1 + Math.floor(random() * 3)
          const quota = { ...(quotas[at] as (typeof quotas)[number]) }
          const given = await shared.consume(`user-${at}`, { cost, quota })
          expect(given).toEqual(await apart[at]?.consume(`user-${at}`, cost))
          if (random() < 0.5) clock.advance(`${125 * Math.floor(random() * 8)}ms`)
        }
      }
    })
  })

  for (const [name, longer, windowOf] of [
    ['1h', '1h', (o: object) => LimiterFactory.fixedWindow({ rate: 1, per: '1h', ...o })],
    ['day', '24h', (o: object) => LimiterFactory.fixedWindow({ rate: 1, align: 'day', ...o })],
  ] as const) {
    it(`a smaller plan begins with the next window of ${name}, and not when what a larger one has used would have been worked off`, async () => {
      const { clock, common } = world()
      const limiter = windowOf(common)
      const per = name === '1h' ? { per: name } : {}
      const pro = { rate: 100, ...per }
      const free = { rate: 10, ...per }
      expect(await limiter.acquire('a', { cost: 50, quota: pro })).toBe(true)
      const denied = await limiter.consume('a', { quota: free })
      expect(denied).toMatchObject({ allowed: false, remaining: 0 })
      expect(denied.retryAfter).toBeLessThanOrEqual(86_400)
      // What the larger plan has used stays used in this window.
      const waiting = limiter.wait('a', { quota: free })
      await limiter.peek('a')
      const still = await limiter.peek('a', { quota: pro })
      expect(still).toMatchObject({ remaining: 50, resetAfter: denied.retryAfter })
      await limiter.release('a', { cost: 10, quota: free })
      expect((await limiter.peek('a', { quota: pro })).remaining).toBe(60)
      expect(await limiter.acquire('a', { quota: free })).toBe(false)
      let served = false
      const passed = waiting.then(() => {
        served = true
      })
      await clock.advanceAsync(denied.retryAfter)
      await until('served', () => clock.advanceAsync('10s').then(() => served), { every: 1 })
      await passed
      expect((await limiter.peek('a', { quota: free })).remaining).toBe(9)

      // The same where the limit itself becomes smaller.
      const own = windowOf({ ...common, scope: crypto.randomUUID() })
      await own.reconfigure({ rate: 100 })
      expect(await own.acquire('a', 100)).toBe(true)
      await own.reconfigure({ rate: 10 })
      expect((await own.peek('a')).retryAfter).toBeLessThanOrEqual(86_400)
      await clock.advanceAsync(longer)
      expect((await own.consume('a', 10)).allowed).toBe(true)
      expect(await own.acquire('a')).toBe(false)
      await limiter.close()
      await own.close()
    })
  }

  const hundred = { rate: 100, per: '100s' } as const
  for (const [name, bucketOf, size] of [
    ['token', (o: object) => LimiterFactory.tokenBucket({ ...hundred, burst: 100, ...o }), 'burst'],
    [
      'leaky',
      (o: object) => LimiterFactory.leakyBucket({ ...hundred, capacity: 100, ...o }),
      'capacity',
    ],
  ] as const) {
    it(`a ${name} bucket that becomes smaller forgives nothing: what was used above its size drains first`, async () => {
      const { clock, common } = world()
      const limiter = bucketOf(common)
      expect(await limiter.acquire('a', 80)).toBe(true)
      const reservation = await limiter.reserve('b', 80)
      expect(await limiter.acquire('c', 4)).toBe(true)
      await limiter.reconfigure({ [size]: 10 })
      expect(await limiter.peek('a')).toMatchObject({ limit: 10, remaining: 0, retryAfter: 71 })
      expect(await limiter.peek('c')).toMatchObject({ limit: 10, remaining: 6 })
      expect((await limiter.peek('new')).remaining).toBe(10)
      // What is given back, or was not used after all, counts in full.
      await reservation?.settle(5)
      expect((await limiter.peek('b')).remaining).toBe(5)
      await limiter.release('a', 20)
      clock.advance('50.9s')
      expect(await limiter.acquire('a')).toBe(false)
      clock.advance('0.1s')
      expect(await limiter.acquire('a')).toBe(true)
      // Where it becomes larger again, the same is used as before.
      await limiter.reconfigure({ [size]: 100 })
      expect((await limiter.peek('a')).remaining).toBe(90)
      await limiter.close()
    })
  }

  describe('classes', () => {
    const classes = { critical: 1, normal: 0.8, batch: 0.5 }

    it('fill their share of what all use', async () => {
      const { clock, common } = world()
      const options = { rate: 10, per: '10s', classes, ...common } as const
      for (const limiter of [
        LimiterFactory.tokenBucket(options),
        LimiterFactory.leakyBucket(options),
      ]) {
        for (let i = 0; i < 5; i++) {
          expect(await limiter.acquire('a', { class: 'batch' })).toBe(true)
        }
        expect(await limiter.consume('a', { class: 'batch' })).toMatchObject({
          allowed: false,
          limit: 5,
          remaining: 0,
          retryAfter: 1,
        })
        expect(await limiter.acquire('a', { cost: 3, class: 'normal' })).toBe(true)
        expect(await limiter.acquire('a', { class: 'normal' })).toBe(false)
        expect(await limiter.acquire('a', { class: 'critical' })).toBe(true)
        expect((await limiter.consume('a')).remaining).toBe(0)
        await clock.advanceAsync('5s')
        expect(await limiter.acquire('a', { class: 'batch' })).toBe(false)
        await clock.advanceAsync('1s')
        expect(await limiter.acquire('a', { class: 'batch' })).toBe(true)
        const late = await error(limiter.acquire('a', { cost: 6, class: 'batch' }))
        expect(isAioFluxError(late, 'COST_TOO_LARGE')).toBe(true)
      }
    })

    it('and of the quota that a call brings', async () => {
      const { common } = world()
      const limiter = LimiterFactory.tokenBucket({ rate: 1, per: '1h', classes, ...common })
      const quota = { rate: 100, per: '1h' } as const
      expect(await limiter.acquire('a', { cost: 50, quota, class: 'batch' })).toBe(true)
      expect(await limiter.acquire('a', { quota, class: 'batch' })).toBe(false)
      expect((await limiter.consume('a', { cost: 10, quota })).remaining).toBe(40)
    })

    it('of permits', async () => {
      const { common } = world()
      const limiter = LimiterFactory.concurrency({ limit: 4, classes, ...common })
      expect(await limiter.acquire('a', { cost: 2, class: 'batch' })).toBe(true)
      expect(await limiter.acquire('a', { class: 'batch' })).toBe(false)
      expect(await limiter.acquire('a', { class: 'normal' })).toBe(true)
      expect(await limiter.acquire('a', { class: 'normal' })).toBe(false)
      const permit = await limiter.tryPermit('a', { class: 'critical' })
      expect(permit?.tokens).toBe(1)
      expect(await limiter.tryPermit('a', { class: 'critical' })).toBeUndefined()
      await limiter.close()
    })

    it('of the limiters of a composite', async () => {
      const { common } = world()
      const limiter = LimiterFactory.composite([
        LimiterFactory.tokenBucket({ rate: 10, per: '1h', classes, ...common, name: 'tokens' }),
        { limiter: LimiterFactory.slidingWindow({ rate: 6, per: '1h', ...common }), cost: () => 1 },
      ])
      expect(await limiter.acquire('a', { cost: 5, class: 'batch' })).toBe(true)
      const denied = await limiter.consume('a', { class: 'batch' })
      expect(denied).toMatchObject({ allowed: false, deniedBy: 'tokens' })
      expect(await limiter.acquire('a', { cost: 3, class: 'normal' })).toBe(true)
      expect((await limiter.consume('a')).parts).toMatchObject([{ remaining: 1 }, { remaining: 3 }])
      const unknown = await error(limiter.acquire('a', { class: 'bulk' }))
      expect(unknown).toMatchObject({ code: 'INVALID_OPTION', option: 'class' })
    })

    it('who waits in a small class keeps nobody of a larger one waiting', async () => {
      const { clock, common } = world()
      const limiter = LimiterFactory.tokenBucket({ rate: 2, per: '1s', classes, ...common })
      await limiter.acquire('a', { cost: 2 })
      const served: string[] = []
      void limiter.wait('a', { class: 'batch' }).then(() => served.push('batch'))
      await clock.advanceAsync('500ms')
      // Who waits has asked before: replies come in order.
      expect(await limiter.acquire('a', { class: 'critical' })).toBe(true)
      expect(served).toEqual([])
      await clock.advanceAsync('1s')
      await happens(clock, 'batch is served', () => served.length > 0)
    })

    for (const [kind, times] of [
      // There is room for one of the class when 3 of the 7 that are used have drained, a second for each, and another 2 that came then.
      ['tokenBucket', [3, 6, 7]],
      // Calls that wait are an even stream here: each goes when all before it have drained.
      ['leakyBucket', [9, 10, 11]],
    ] as const) {
      it(`of a ${kind} wait until their share is free, and hold nothing meanwhile`, async () => {
        const { clock, common } = world()
        const make = LimiterFactory[kind] as typeof LimiterFactory.tokenBucket
        const limiter: Limiter = make({ rate: 10, per: '10s', classes, ...common })
        const began = clock.now()
        const batch = { class: 'batch' }
        expect(await limiter.acquire('a', { cost: 3, ...batch })).toBe(true)
        expect((await limiter.consume('a', 4)).remaining).toBe(3)
        const left = new AbortController()
        const served: number[] = []
        const decisions = [0, 1, 2].map(() =>
          limiter.wait('a', batch).then((decision) => {
            served.push((clock.now() - began) / 1000)
            return decision
          }),
        )
        const gone = error(limiter.wait('a', { ...batch, signal: left.signal }))
        const late = await error(limiter.wait('a', { ...batch, timeout: '2s' }))
        expect(late).toMatchObject({ code: 'WAIT_TIMEOUT' })
        left.abort(new Error('enough'))
        expect((await gone)?.message).toBe('enough')
        // What waits holds nothing: the others still have all of the rest.
        expect((await limiter.peek('a')).remaining).toBe(3)
        for (let second = 1; second <= 11; second++) {
          await clock.advanceAsync('1s')
          const due = times.filter((time) => time <= second)
          await happens(clock, `${due.length} are served`, () => served.length >= due.length)
          expect(served).toEqual(due)
          // Replies come in order: who was told to ask again knows until when, before more time passes.
          await common.storage.get('none')
          await clock.advanceAsync(0)
          if (second !== 3) continue
          // Another class takes what would have been free for this one.
          expect(await limiter.acquire('a', { cost: 2, class: 'critical' })).toBe(true)
        }
        expect(await decisions[0]).toMatchObject({ allowed: true, limit: 5, retryAfter: 0 })
        expect((await limiter.peek('a')).remaining).toBe(9)
        await limiter.close()
      })
    }

    it('fill their share of what the limit has become, also while they wait', async () => {
      const { clock, common } = world()
      const limiter = LimiterFactory.concurrency({ limit: 10, classes, ...common })
      await limiter.acquire('a', 10)
      let served = false
      const waiting = limiter.wait('a', { class: 'batch' }).then(() => {
        served = true
      })
      // Who waits has asked before: replies come in order.
      await limiter.peek('a')
      await limiter.reconfigure({ limit: 4 })
      const rest = async (left: number) => {
        await clock.advanceAsync('1s')
        await until('asked again', async () => (await limiter.peek('a')).remaining === left)
        await clock.advanceAsync('1s')
        await limiter.peek('a')
      }
      // Half of 10 is free beside 4, half of 4 is not.
      await limiter.release('a', 6)
      await rest(0)
      expect(served).toBe(false)
      await limiter.release('a', 2)
      await rest(2)
      expect(served).toBe(false)
      await limiter.release('a', 1)
      await until('served', () => clock.advanceAsync('1s').then(() => served), { every: 5 })
      await waiting
      expect((await limiter.peek('a')).remaining).toBe(2)
      await limiter.close()
    })

    it('of a share that is less than a call now are denied, where the limit finds itself', async () => {
      const { common } = world()
      const options = { initialLimit: 1, maxLimit: 10, classes, ...common }
      const limiter = LimiterFactory.adaptiveConcurrency(options)
      expect(await limiter.consume('a', { class: 'batch' })).toMatchObject({ allowed: false })
      expect(await limiter.acquire('a', { class: 'critical' })).toBe(true)
      const never = await error(limiter.consume('a', { cost: 6, class: 'batch' }))
      expect(isAioFluxError(never, 'COST_TOO_LARGE')).toBe(true)
      await limiter.close()
    })

    it('that are wrong are told', async () => {
      const { common } = world()
      const limiter = LimiterFactory.tokenBucket({ rate: 10, classes, ...common })
      const unknown = await error(limiter.acquire('a', { class: 'bulk' }))
      expect(unknown).toMatchObject({ code: 'INVALID_OPTION', option: 'class' })
      expect(unknown?.message).toContain("'critical', 'normal', 'batch'")
      for (const share of [0, -1, 1.5, Number.NaN, '1']) {
        expect(() =>
          LimiterFactory.tokenBucket({ rate: 1, ...common, classes: { bulk: share as number } }),
        ).toThrow(/bulk/)
      }
      for (const kind of ['fixedWindow', 'slidingWindow'] as const) {
        expect(() => LimiterFactory[kind]({ rate: 1, classes, ...common })).toThrow(/classes/)
      }
    })
  })

  it('what a composite in a composite holds comes back, the last of it too, and every part says that it has given', async () => {
    const { common } = world()
    const permits = LimiterFactory.concurrency({ limit: 1, ttl: '1h', ...common })
    const shadow = LimiterFactory.concurrency({
      ...common,
      limit: 1,
      ttl: '1h',
      shadow: true,
      scope: `${common.scope} shadow`,
    })
    const tokens = LimiterFactory.tokenBucket({ rate: 1000, ...common })
    const inner = LimiterFactory.composite(LimiterFactory.composite(permits), shadow)
    for (const both of [
      LimiterFactory.composite(tokens, inner),
      LimiterFactory.composite(tokens, { limiter: inner, key: () => 'a' }),
    ]) {
      const free = async () => [
        (await permits.peek('a')).remaining,
        (await shadow.peek('a')).remaining,
      ]
      const back = () =>
        until('all is back', async () => (await free()).every((left) => left === 1), { every: 1 })
      const decision = await both.consume('a')
      expect(decision).toMatchObject({
        allowed: true,
        parts: [
          { allowed: true },
          { allowed: true, parts: [{ allowed: true }, { allowed: true }] },
        ],
      })
      expect(decision.parts?.[1]?.parts?.[1]?.wouldDeny).toBe(false)
      expect(decision.deniedBy).toBeUndefined()
      expect(await free()).toEqual([0, 0])
      both.leave?.('a', 1, decision)
      await back()
      for (let i = 0; i < 3; i++) {
        expect(await both.schedule('a', () => i)).toBe(i)
        await back()
      }
    }
    for (const one of [permits, shadow, tokens]) await one.close()
  })

  describe('costs of composite parts', () => {
    it('are each their own, all or none', async () => {
      const { common } = world()
      const limiter = LimiterFactory.composite([
        { limiter: LimiterFactory.tokenBucket({ rate: 3, per: '1h', ...common }), cost: () => 1 },
        {
          limiter: LimiterFactory.leakyBucket({ rate: 100, per: '1h', ...common }),
          key: () => 'all',
          cost: (tokens: number) => tokens / 2,
        },
      ])
      expect((await limiter.consume('a', 100)).parts).toMatchObject([
        { remaining: 2 },
        { remaining: 50 },
      ])
      expect(await limiter.acquire('b', 120)).toBe(false)
      expect((await limiter.peek('b', 2)).parts).toMatchObject([{ remaining: 3 }, {}])
      await limiter.release('a', 100)
      expect((await limiter.consume('a', 10)).parts).toMatchObject([
        { remaining: 2 },
        { remaining: 95 },
      ])
    })

    it('of 0 pass where a limit is just used up', async () => {
      const { common } = world()
      const limits = [
        LimiterFactory.tokenBucket({ rate: 3, per: '1h', ...common }),
        LimiterFactory.leakyBucket({ rate: 3, per: '1h', ...common }),
        LimiterFactory.slidingWindow({ rate: 3, per: '1h', ...common }),
        LimiterFactory.fixedWindow({ rate: 3, per: '1h', ...common }),
        LimiterFactory.fixedWindow({ rate: 3, align: 'month', ...common }),
        LimiterFactory.concurrency({ limit: 3, ...common }),
      ]
      for (const free of limits) {
        const paid = LimiterFactory.tokenBucket({ rate: 9, ...common, scope: crypto.randomUUID() })
        const part = { limiter: free, cost: () => 0 }
        for (const limiter of [
          LimiterFactory.composite([part, paid]),
          LimiterFactory.composite([part, LimiterFactory.composite(paid)]),
        ]) {
          await free.acquire('a', 3)
          expect((await limiter.peek('a')).allowed, free.name).toBe(true)
          expect(await limiter.acquire('a'), free.name).toBe(true)
          expect(await free.acquire('a')).toBe(false)
        }
        await free.close()
      }
    })

    for (const kind of ['tokenBucket', 'leakyBucket', 'slidingWindow', 'fixedWindow'] as const) {
      it(`of 0 leave nothing behind in a ${kind}`, async () => {
        const { common } = world()
        const limiterOf: (options: Quota & { clock: ManualClock }) => Limiter = LimiterFactory[kind]
        const free = limiterOf({ rate: 3, per: '1h', ...common })
        const paid = LimiterFactory.tokenBucket({ rate: 9, ...common, scope: 'paid' })
        const limiter = LimiterFactory.composite([{ limiter: free, cost: () => 0 }, paid])
        const { allowed, parts } = await limiter.consume('a')
        expect(allowed).toBe(true)
        expect(parts?.[0]).toMatchObject({ remaining: 3, resetAfter: 0 })
        expect(await free.peek('a')).toMatchObject({ remaining: 3, resetAfter: 0 })
      })
    }

    it('that no limit can hold are an error, and nothing is taken', async () => {
      const { common } = world()
      const first = LimiterFactory.tokenBucket({ rate: 3, per: '1h', ...common })
      for (const price of [-1, Number.NaN, 1000, '1']) {
        const second = LimiterFactory.leakyBucket({ rate: 9, per: '1h', ...common })
        const limiter = LimiterFactory.composite([
          first,
          { limiter: second, cost: () => price as number },
        ])
        expect(isAioFluxError(await error(limiter.acquire('a')))).toBe(true)
      }
      expect((await first.peek('a')).remaining).toBe(3)
    })
  })

  describe('bad input', () => {
    const bad = { costs: 1 } as object
    const fn = (): void => {}
    const verbs: Record<string, (limiter: Limiter) => Promise<unknown>> = {
      acquire: (limiter) => limiter.acquire('a', bad),
      consume: (limiter) => limiter.consume('a', bad),
      peek: (limiter) => limiter.peek('a', bad),
      schedule: (limiter) => limiter.schedule('a', fn, bad),
      reserve: (limiter) => limiter.reserve('a', 1, bad),
      spend: (limiter) => limiter.spend('a', 1, fn, bad),
      block: (limiter) => limiter.block('a', 1, bad),
      reconfigure: (limiter) => limiter.reconfigure(bad as { rate: number }),
    }
    it('of wait: a name that is not known is thrown by the call itself, a wrong value rejects', async () => {
      const { common } = world()
      const bucket = LimiterFactory.tokenBucket({ rate: 5, per: '1h', ...common })
      expect(() => bucket.wait('a', bad)).toThrow(expect.objectContaining({ option: 'costs' }))
      const refused = await error(bucket.wait('a', { cost: Number.NaN }))
      expect(refused).toMatchObject({ code: 'INVALID_OPTION', option: 'cost' })
      expect((await bucket.peek('a')).remaining).toBe(5)
    })
    for (const [name, call] of Object.entries(verbs)) {
      it(`of ${name} rejects and is not thrown`, async () => {
        const { common } = world()
        const bucket = LimiterFactory.tokenBucket({ rate: 5, per: '1h', ...common })
        // Were it thrown, the call itself would end the test.
        const refused = await error(call(bucket))
        expect(refused).toMatchObject({ code: 'INVALID_OPTION', option: 'costs' })
        expect((await bucket.peek('a')).remaining).toBe(5)
      })
    }
  })

  describe('blocks', () => {
    const kinds = {
      'token bucket': (o: object) => LimiterFactory.tokenBucket({ rate: 5, per: '1s', ...o }),
      'sliding window': (o: object) => LimiterFactory.slidingWindow({ rate: 5, per: '1s', ...o }),
    }
    for (const [name, limiterOf] of Object.entries(kinds)) {
      it(`of a ${name}: a shorter one never replaces a longer one unless told`, async () => {
        const { clock, common } = world()
        const limiter = limiterOf(common)
        await limiter.acquire('a')
        await limiter.block('a', '10s')
        await limiter.block('a', '1s')
        await clock.advanceAsync('2s')
        expect(await limiter.consume('a')).toMatchObject({ allowed: false, retryAfter: 8 })
        await limiter.block('a', '1s', { replace: true })
        await clock.advanceAsync('1s')
        expect(await limiter.acquire('a')).toBe(true)
        await limiter.block('a', '1s')
        await limiter.block('a', '3s')
        expect((await limiter.consume('a')).retryAfter).toBe(3)
      })

      it(`of a ${name}: for ever, until it is ended`, async () => {
        const { clock, common } = world()
        const limiter = limiterOf(common)
        await limiter.acquire('a', 2)
        await limiter.block('a', Infinity)
        expect(await limiter.consume('a')).toMatchObject({ allowed: false, retryAfter: Infinity })
        await limiter.block('a', '1s')
        await limiter.unblock('a')
        expect((await limiter.peek('a')).remaining).toBe(3)
        await limiter.block('a', Infinity)
        await clock.advanceAsync('365d')
        expect(await limiter.acquire('a')).toBe(false)
        const late = { code: 'WAIT_TIMEOUT', retryAfter: Infinity }
        expect(await error(limiter.wait('a', { timeout: '1s' }))).toMatchObject(late)
        const waiting = limiter.wait('a')
        await limiter.unblock('a')
        let allowed = false
        const served = waiting.then((decision) => {
          allowed = decision.allowed
        })
        await until('served', () => clock.advanceAsync('1s').then(() => allowed), { every: 1 })
        await served
        await limiter.unblock('never blocked')
        expect((await limiter.peek('never blocked')).remaining).toBe(5)
      })
    }

    for (const kind of ['tokenBucket', 'leakyBucket', 'slidingWindow', 'fixedWindow'] as const) {
      it(`of a ${kind}: what was used under a slower plan stays used`, async () => {
        const { clock, common } = world()
        const limiterOf: (options: Quota & { clock: ManualClock }) => Limiter = LimiterFactory[kind]
        const limiter = limiterOf({ rate: 5, per: '1s', ...common })
        const quota = { rate: 5, per: '1h' } as const
        const left = async () => (await limiter.peek('a', { quota })).remaining
        expect(await limiter.acquire('a', { cost: 5, quota })).toBe(true)
        await clock.advanceAsync('10s')
        expect(await left()).toBe(0)
        await limiter.unblock('a')
        expect(await left()).toBe(0)
        await limiter.block('a', '1s')
        await limiter.block('a', '10s')
        await clock.advanceAsync('20s')
        expect(await left()).toBe(0)
        await limiter.block('a', '1h')
        await limiter.block('a', '1s', { replace: true })
        await clock.advanceAsync('1m')
        expect(await left()).toBe(0)
      })
    }

    const waited: Record<string, (common: object) => Limiter> = {
      'a bucket': (common) => LimiterFactory.tokenBucket({ rate: 5, ...common }),
      'a concurrency limit': (common) => LimiterFactory.concurrency({ limit: 5, ...common }),
      'a composite': (common) =>
        LimiterFactory.composite(
          LimiterFactory.tokenBucket({ rate: 5, ...common }),
          LimiterFactory.slidingWindow({ rate: 5, ...common }),
        ),
    }
    for (const [name, limiterOf] of Object.entries(waited)) {
      for (const length of ['1h', Infinity] as const) {
        it(`of ${name}, for ${length}: a call that waits passes soon after it was ended`, async () => {
          const { clock, common } = world()
          const limiter = limiterOf(common)
          await limiter.block('a', length)
          const began = clock.now()
          let served = Number.NaN
          const waiting = limiter.wait('a').then(() => {
            served = clock.now() - began
          })
          // Who waits has asked before: replies come in order.
          await limiter.peek('a')
          await clock.advanceAsync('3s')
          await limiter.peek('a')
          await limiter.unblock('a')
          await until('served', () => clock.advanceAsync('1s').then(() => served > 0), { every: 1 })
          await waiting
          expect(served).toBeLessThan(60_000)
          await limiter.close()
        })
      }
    }

    it('of a key that is used up: the call passes when block and limit let it, and the numbers are those of the key', async () => {
      const { clock, common } = world()
      const quota = { rate: 10, per: '1h', burst: 20 } as const
      const kinds = [
        LimiterFactory.tokenBucket({ rate: 10, per: '1h', ...common }),
        LimiterFactory.leakyBucket({ rate: 10, per: '1h', ...common }),
        LimiterFactory.slidingWindow({ rate: 10, per: '1h', ...common }),
        LimiterFactory.fixedWindow({ rate: 10, per: '1h', ...common }),
      ] as const
      for (const [i, limiter] of kinds.entries()) {
        await limiter.acquire('a', 9)
        await limiter.acquire('b', 2)
        await limiter.block('a', '1m')
        const used = { allowed: false, remaining: 1, retryAfter: [360, 360, 3600, 3600][i] }
        expect(await limiter.consume('a', 2)).toMatchObject(used)
        expect(await limiter.acquire('a', 2)).toBe(false)
        await limiter.acquire('b', 2)
        expect(await limiter.peek('a', 2)).toMatchObject(used)
        // What is left would do, once the block is over.
        const blocked = { allowed: false, remaining: 0, retryAfter: 60 }
        expect(await limiter.peek('a')).toMatchObject(blocked)
        expect(await limiter.consume('a')).toMatchObject(blocked)
        if (i > 1) continue
        await limiter.acquire('c', { cost: 18, quota })
        await limiter.acquire('d', { cost: 3, quota })
        await limiter.block('c', '1m')
        const planned = {
          allowed: false,
          limit: 20,
          remaining: 2,
          retryAfter: 360,
          resetAfter: 6480,
        }
        for (const verb of ['consume', 'peek'] as const) {
          expect(await limiter[verb]('c', { cost: 3, quota })).toMatchObject(planned)
          await limiter.acquire('d', { cost: 3, quota })
        }
      }
      // Permits come back at times that cannot be told.
      const permits = LimiterFactory.concurrency({ limit: 1, ...common })
      await permits.acquire('a')
      await permits.block('a', '1m')
      expect(await permits.consume('a')).toMatchObject({ allowed: false, retryAfter: 60 })
      // A call that waits asks when the block is over, and has its place from then on.
      const [bucket] = kinds
      const began = clock.now()
      let served = false
      const waiting = bucket.wait('a', { cost: 2 }).then(() => {
        served = true
      })
      await bucket.peek('a')
      await clock.advanceAsync('50s')
      const booked = async () => {
        await clock.advanceAsync('1s')
        return (await bucket.peek('a')).remaining === 0 && clock.now() - began > 60_000
      }
      await until('booked', booked, { every: 1 })
      expect(clock.now() - began).toBeLessThan(200_000)
      await until('served', () => clock.advanceAsync('1m').then(() => served), { every: 1 })
      await waiting
      await permits.close()
    })

    it('of a length that is none are refused', async () => {
      const { common } = world()
      const limiter = LimiterFactory.tokenBucket({ rate: 5, ...common })
      for (const length of [-1, Number.NaN, 0, -Infinity, 'soon']) {
        const refused = await error(limiter.block('a', length as number))
        expect(refused).toMatchObject({ code: 'INVALID_OPTION', option: 'duration' })
      }
      const refused = await error(limiter.block('a', 1, { replace: 1 as unknown as boolean }))
      expect(refused).toMatchObject({ option: 'replace' })
      expect(await limiter.acquire('a')).toBe(true)
    })
  })
}
