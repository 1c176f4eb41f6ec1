import {
  isAioFluxError,
  type Limiter,
  LimiterFactory,
  type LimiterStorage,
  type Reservation,
} from 'aioflux'
import { ManualClock, seeded } from 'aioflux/testing'
import { describe, expect, it } from 'vitest'

/** What reservations must hold to, wherever the states lie. */
export function reservationExam(make: (clock: ManualClock) => LimiterStorage): void {
  const world = () => {
    const clock = new ManualClock('1h')
    const common = { clock, storage: make(clock), scope: crypto.randomUUID() }
    /** Nothing drains that a test could see. */
    const budget = (rate = 100) => LimiterFactory.tokenBucket({ rate, per: '365d', ...common })
    return { clock, common, budget }
  }
  const error = (call: Promise<unknown>) =>
    call.then(
      () => undefined,
      (reason: unknown) => reason as Error,
    )
  const pass = async (clock: ManualClock, duration: Parameters<ManualClock['advance']>[0]) => {
    await clock.advanceAsync(duration)
    await new Promise((resolve) => setTimeout(resolve, 10))
    await clock.advanceAsync(0)
  }
  const held = async (reservation: Promise<Reservation | undefined>): Promise<Reservation> => {
    const made = await reservation
    expect(made).toBeDefined()
    return made as Reservation
  }

  it('2,000 are open for one key, and the next one is told when the first of them ends', async () => {
    const { clock, budget } = world()
    const limiter = budget(10_000)
    const reserve = (ttl: '10s' | '1h') => limiter.reserve('a', 1, { ttl, onExpire: 'release' })

    for (let i = 0; i < 2000; i += 100) {
      const open = Array.from({ length: 100 }, (_, j) => reserve(i + j === 107 ? '10s' : '1h'))
      expect(await Promise.all(open)).not.toContain(undefined)
    }
    expect(await limiter.reserve('a', 1)).toBeUndefined()
    expect(await limiter.reserve('b', 1)).toBeDefined()
    const denied = (await error(limiter.spend('a', 1, () => {}))) as Error & { retryAfter: number }
    expect(denied).toMatchObject({ code: 'LIMIT_EXCEEDED' })
    expect(denied.retryAfter).toBeCloseTo(10)
    const impatient = limiter.reserve('a', 1, { timeout: '1s' })
    for (let i = 0; i < 3; i++) await pass(clock, i === 0 ? 0 : '0.5s')
    expect(await impatient).toBeUndefined()
    const waiting = limiter.reserve('a', 1, { timeout: '1m' })
    for (let i = 0; i <= 10; i++) await pass(clock, i === 0 ? 0 : '1s')
    expect(await waiting).toBeDefined()
  })

  it('an estimate is taken at once, and settled in both directions, once', async () => {
    const { budget } = world()
    const limiter = budget()
    const left = async () => (await limiter.peek('a')).remaining
    const first = await held(limiter.reserve('a', 60))
    expect(first.cost).toBe(60)
    expect(await left()).toBe(40)
    expect(await limiter.reserve('a', 50)).toBeUndefined()
    expect(await left()).toBe(40)
    const second = await held(limiter.reserve('a', 10))
    expect(second.id).not.toBe(first.id)
    await first.settle(20)
    expect(await left()).toBe(70)
    await first.settle(20)
    const other = await error(first.settle(21))
    expect(other).toMatchObject({ code: 'INVALID_OPTION', option: 'actual' })
    expect(other?.message).toMatch(/20.*21/)
    const uncancelled = await error(first.cancel())
    expect(isAioFluxError(uncancelled)).toBe(true)
    expect(uncancelled?.message).toMatch(/cancel.*settled.* 20/)
    expect(await left()).toBe(70)
    await second.settle(30)
    expect(await left()).toBe(50)
    const third = await held(limiter.reserve('a', 50))
    await third.settle(0)
    await third.cancel()
    expect(await left()).toBe(50)
  })

  it('more than was estimated may leave a debt, and nothing passes until it is repaid', async () => {
    const { clock, common } = world()
    const limiter = LimiterFactory.tokenBucket({ rate: 10, per: '10s', ...common })
    const reservation = await held(limiter.reserve('a', 10))
    await reservation.settle(25)
    expect(await limiter.consume('a')).toMatchObject({
      allowed: false,
      remaining: 0,
      retryAfter: 16,
    })
    expect(await limiter.reserve('a', 1)).toBeUndefined()
    await pass(clock, '15s')
    expect(await limiter.acquire('a')).toBe(false)
    await pass(clock, '1s')
    expect(await limiter.acquire('a')).toBe(true)
  })

  it('a debt may be as large as any number, and reset forgives it', async () => {
    const { budget } = world()
    const limiter = budget()
    for (const actual of [1e15, Number.MAX_VALUE]) {
      await (await held(limiter.reserve('a', 50))).settle(actual)
      const never = { retryAfter: Infinity, resetAfter: Infinity }
      const denied = { allowed: false, remaining: 0, ...never }
      expect(await limiter.consume('a')).toMatchObject(denied)
      expect(await limiter.consume('a', 2)).toMatchObject(denied)
      expect(await limiter.peek('a')).toMatchObject(denied)
      const both = LimiterFactory.composite(limiter)
      expect(await both.consume('a')).toMatchObject(denied)
      await limiter.reset('a')
      expect((await limiter.peek('a')).remaining).toBe(100)
    }
  })

  it('cancel gives all back, and what is disposed charges what was used, at least the floor', async () => {
    const { budget } = world()
    const limiter = budget()
    const left = async () => (await limiter.peek('a')).remaining
    const cancelled = await held(limiter.reserve('a', 50, { floor: 30 }))
    cancelled.used(10)
    await cancelled.cancel()
    await cancelled.cancel()
    await cancelled[Symbol.asyncDispose]()
    expect(await left()).toBe(100)
    {
      await using streamed = await held(limiter.reserve('a', 50, { floor: 5 }))
      streamed.used(10)
      streamed.used(2)
    }
    expect(await left()).toBe(88)
    {
      await using _begun = await held(limiter.reserve('a', 50, { floor: 5 }))
    }
    expect(await left()).toBe(83)
    {
      await using settled = await held(limiter.reserve('a', 50, { floor: 5 }))
      await settled.settle(3)
      settled.used(100)
    }
    expect(await left()).toBe(80)
  })

  it('spend runs, and charges what was used; where it throws too', async () => {
    const { budget } = world()
    const limiter = budget()
    const left = async () => (await limiter.peek('a')).remaining
    expect(
      await limiter.spend('a', 50, async (reservation) => {
        reservation.used(7)
        return 'done'
      }),
    ).toBe('done')
    expect(await left()).toBe(93)
    await limiter.spend('a', 50, (reservation) => reservation.settle(3))
    expect(await left()).toBe(90)
    const failed = await error(
      limiter.spend(
        'a',
        50,
        (reservation) => {
          reservation.used(2)
          throw new Error('aborted')
        },
        { floor: 10 },
      ),
    )
    expect(failed?.message).toBe('aborted')
    expect(await left()).toBe(80)
    let ran = false
    const refused = await error(
      limiter.spend('a', 81, () => {
        ran = true
      }),
    )
    expect(refused).toMatchObject({ code: 'LIMIT_EXCEEDED', key: 'a' })
    expect(ran).toBe(false)
    expect(await left()).toBe(80)
  })

  it('unsettled, it stays charged or comes back; settled late, it is corrected once', async () => {
    const { clock, budget } = world()
    const limiter = budget()
    const left = async () => (await limiter.peek('a')).remaining
    const charged = await held(limiter.reserve('a', 20, { ttl: '10s' }))
    const released = await held(limiter.reserve('a', 30, { ttl: '10s', onExpire: 'release' }))
    expect(charged.expiresAt.getTime() - (clock.wall?.() ?? 0)).toBe(10_000)
    await pass(clock, '9.999s')
    expect(await left()).toBe(50)
    await pass(clock, '1ms')
    expect(await left()).toBe(80)
    expect(await limiter.acquire('a')).toBe(true)
    expect(await left()).toBe(79)
    await charged.settle(5)
    await charged.settle(5)
    expect(await left()).toBe(94)
    await released.settle(10)
    await released.settle(10)
    expect(await left()).toBe(84)
    // After twice its time a charged one is remembered no more: what it took beyond the estimate is charged, nothing comes back.
    const late = await held(limiter.reserve('a', 20, { ttl: '10s' }))
    const over = await held(limiter.reserve('a', 20, { ttl: '10s' }))
    await pass(clock, '20s')
    await limiter.acquire('a')
    await late.settle(5)
    expect(await left()).toBe(43)
    await over.settle(23)
    expect(await left()).toBe(40)
  })

  it('extend keeps it open, and says when it is too late', async () => {
    const { clock, budget } = world()
    const limiter = budget()
    const left = async () => (await limiter.peek('a')).remaining
    const one = await held(limiter.reserve('a', 30, { ttl: '10s', onExpire: 'release' }))
    await pass(clock, '9s')
    await one.extend('10s')
    expect(one.expiresAt.getTime() - (clock.wall?.() ?? 0)).toBe(10_000)
    await pass(clock, '9s')
    expect(await left()).toBe(70)
    await pass(clock, '1s')
    expect(await left()).toBe(100)
    const late = await error(one.extend('10s'))
    expect(isAioFluxError(late, 'RESERVATION_EXPIRED')).toBe(true)
    const settled = await held(limiter.reserve('a', 30))
    await settled.settle(1)
    expect(isAioFluxError(await error(settled.extend('1m')), 'CLOSED')).toBe(true)
  })

  it('what has drained meanwhile is not given back a second time', async () => {
    const { clock, common } = world()
    const limiter = LimiterFactory.tokenBucket({ rate: 100, per: '10s', ...common })
    const left = async () => (await limiter.peek('a')).remaining
    const idle = await held(limiter.reserve('a', 100, { ttl: '1h' }))
    await pass(clock, '10s')
    await limiter.acquire('a', 60)
    // Had nothing been reserved, 60 would be used now.
    await idle.settle(0)
    expect(await left()).toBe(40)
    const busy = await held(limiter.reserve('a', 40, { ttl: '1h' }))
    await pass(clock, '5s')
    await limiter.acquire('a', 50)
    await busy.settle(10)
    expect(await left()).toBe(30)
  })

  it('is waited for with a timeout, in line, and its time begins when it is had', async () => {
    const { clock, common } = world()
    const limiter = LimiterFactory.tokenBucket({ rate: 10, per: '10s', ...common })
    await limiter.acquire('a', 10)
    const waiting = limiter.reserve('a', 5, { timeout: '1m', ttl: '4s', onExpire: 'release' })
    expect(await limiter.reserve('a', 10, { timeout: '2s' })).toBeUndefined()
    await pass(clock, 0)
    await pass(clock, '5s')
    const reservation = await held(waiting)
    await pass(clock, '3.9s')
    await reservation.settle(1)
    // 10 and 5 were taken, 8.9 drained, 4 came back.
    expect((await limiter.peek('a')).remaining).toBe(7)
    const controller = new AbortController()
    const aborted = limiter.reserve('a', 10, { timeout: '1m', signal: controller.signal })
    await pass(clock, 0)
    controller.abort(new Error('enough'))
    expect((await error(aborted))?.message).toBe('enough')
    await pass(clock, 0)
    expect((await limiter.peek('a')).remaining).toBe(7)
  })

  it('goes by quota and class, and is nothing where nothing is counted', async () => {
    const { common } = world()
    const limiter = LimiterFactory.leakyBucket({
      rate: 10,
      per: '365d',
      classes: { batch: 0.5 },
      ...common,
    })
    const quota = { rate: 100, per: '365d' } as const
    const large = await held(limiter.reserve('a', 50, { quota, class: 'batch' }))
    expect(await limiter.reserve('a', 1, { quota, class: 'batch' })).toBeUndefined()
    await large.settle(30)
    expect((await limiter.peek('a', { quota })).remaining).toBe(70)
    const free = await held(limiter.reserve('b', 1e6, { quota: { rate: Infinity } }))
    await free.settle(2e6)
    expect((await limiter.peek('b')).remaining).toBe(10)
    expect(await limiter.reserve('b', 1, { quota: { rate: 0 } })).toBeUndefined()
    await limiter.block('b', '1h')
    expect(await limiter.reserve('b', 1)).toBeUndefined()
  })

  it('of a composite is one, with a price at each of its limiters', async () => {
    const { clock, common } = world()
    const calls = LimiterFactory.tokenBucket({ rate: 5, per: '365d', ...common })
    const tokens = LimiterFactory.leakyBucket({ rate: 1000, per: '365d', ...common })
    const limiter = LimiterFactory.composite([
      { limiter: calls, cost: () => 1 },
      { limiter: tokens, key: () => 'all' },
    ])
    const left = async () => [
      (await calls.peek('a')).remaining,
      (await tokens.peek('all')).remaining,
    ]
    const one = await held(limiter.reserve('a', 400))
    expect(await left()).toEqual([4, 600])
    expect(await limiter.reserve('a', 601)).toBeUndefined()
    expect(await left()).toEqual([4, 600])
    await one.settle(100)
    await one.settle(100)
    expect(await left()).toEqual([4, 900])
    const two = await held(limiter.reserve('a', 400))
    await two.cancel()
    expect(await left()).toEqual([4, 900])
    const three = await held(limiter.reserve('a', 400, { ttl: '5s', onExpire: 'release' }))
    await three.extend('10s')
    await pass(clock, '9s')
    expect(await left()).toEqual([3, 500])
    await pass(clock, '1s')
    expect(await left()).toEqual([4, 900])
    await limiter.spend('a', 100, (reservation) => reservation.used(40))
    expect(await left()).toEqual([3, 860])
  })

  it('of a composite over several storages too, and a denial leaves nothing behind', async () => {
    const { budget, clock } = world()
    const here = LimiterFactory.tokenBucket({ rate: 50, per: '365d', clock })
    const there = budget(80)
    const limiter = LimiterFactory.composite(there, here)
    const one = await held(limiter.reserve('a', 40))
    expect(await limiter.reserve('a', 20)).toBeUndefined()
    expect((await there.peek('a')).remaining).toBe(40)
    await one.settle(10)
    expect((await there.peek('a')).remaining).toBe(70)
    expect((await here.peek('a')).remaining).toBe(40)
  })

  it('bad input is an error that names it, and nothing changes', async () => {
    const { common, budget } = world()
    const limiter = budget()
    const wrong: [unknown, unknown, string][] = [
      [0, {}, 'estimate'],
      [-1, {}, 'estimate'],
      [Number.NaN, {}, 'estimate'],
      [Infinity, {}, 'estimate'],
      ['10', {}, 'estimate'],
      [undefined, {}, 'estimate'],
      [{}, {}, 'estimate'],
      [{ cost: 5 }, {}, 'estimate'],
      [{ cost: 5 }, { class: 'batch' }, 'estimate'],
      [101, {}, 'cost'],
      [1, { ttl: 0 }, 'ttl'],
      [1, { ttl: 'soon' }, 'ttl'],
      [1, { floor: -1 }, 'floor'],
      [1, { floor: Number.NaN }, 'floor'],
      [1, { floor: '1' }, 'floor'],
      [1, { onExpire: 'keep' }, 'onExpire'],
      [1, { timeout: -1 }, 'timeout'],
      [1, { signal: 1 }, 'signal'],
      [1, { class: 'batch' }, 'class'],
      [1, { quota: { rate: Number.NaN } }, 'rate'],
      [1, { tll: '1m' }, 'tll'],
      [1, 60, 'options'],
    ]
    for (const [estimate, options, name] of wrong) {
      const refused = await error(limiter.reserve('a', estimate as number, options as object))
      expect(isAioFluxError(refused), `${String(estimate)} ${JSON.stringify(options)}`).toBe(true)
      expect(refused?.message).toContain(name)
    }
    expect(isAioFluxError(await error(limiter.reserve(1 as unknown as string, 1)))).toBe(true)
    expect(isAioFluxError(await error(limiter.spend('a', 1, 'fn' as unknown as () => void)))).toBe(
      true,
    )
    const reservation = await held(limiter.reserve('a', 10))
    for (const actual of ['5', -1, Number.NaN, Infinity, null, undefined]) {
      const refused = await error(reservation.settle(actual as number))
      expect(refused, String(actual)).toMatchObject({ code: 'INVALID_OPTION', option: 'actual' })
      expect(() => reservation.used(actual as number)).toThrow(/amount/)
    }
    expect((await limiter.peek('a')).remaining).toBe(90)
    await reservation.settle(4)
    expect((await limiter.peek('a')).remaining).toBe(96)
    const others = [
      LimiterFactory.slidingWindow({ rate: 5, ...common }),
      LimiterFactory.fixedWindow({ rate: 5, ...common }),
      LimiterFactory.concurrency({ limit: 5, ...common }),
    ]
    const permits = await error((others[2] as Limiter).reserve('a', 1))
    expect(permits?.message).toContain("of kind 'concurrency'")
    for (const other of [...others, LimiterFactory.composite(limiter, ...others.slice(0, 1))]) {
      const refused = await error(other.reserve('a', 1))
      expect(refused, other.name).toMatchObject({ code: 'INVALID_OPTION' })
      expect(refused?.message).toContain(other.name.slice(0, 20))
      await other.close()
    }
  })

  describe('conservation', () => {
    it('holds to the token under random reserves, settles, expiries and refunds', async () => {
      for (let seed = 0; seed < 6; seed++) {
        const random = seeded(seed)
        const { clock, budget } = world()
        const limiter = budget(1000)
        let used = 0
        let open: { reservation: Reservation; ends: number; release: boolean }[] = []
        for (let i = 0; i < 80; i++) {
          const dice = random()
          const now = clock.now()
          const cost = 1 + Math.floor(random() * 200)
          if (dice < 0.45) {
            const release = random() < 0.5
            const reservation = await limiter.reserve('a', cost, {
              ttl: '10s',
              onExpire: release ? 'release' : 'charge',
            })
            expect(reservation !== undefined).toBe(used + cost <= 1000)
            if (reservation === undefined) continue
            used += cost
            open.push({ reservation, ends: now + 10_000, release })
          } else if (dice < 0.75) {
            const [one] = open.splice(Math.floor(random() * open.length), 1)
            if (one === undefined) continue
            const actual = Math.floor(random() * 250)
            await Promise.all([one.reservation.settle(actual), one.reservation.settle(actual)])
            used += actual - one.reservation.cost
          } else if (dice < 0.85) {
            await limiter.release('a', cost)
            used = Math.max(0, used - cost)
            // What was given back from under an open reservation cannot come back once more.
            if (open.length > 0) {
              for (const { reservation } of open) await reservation.settle(reservation.cost)
              open = []
            }
          } else {
            clock.advance(`${Math.floor(random() * 6)}s`)
          }
          for (const one of open) {
            if (one.release && one.ends <= clock.now()) used -= one.reservation.cost
          }
          open = open.filter(({ ends }) => ends > clock.now())
          const { remaining } = await limiter.peek('a')
          expect(remaining, `seed ${seed} step ${i}`).toBe(Math.max(0, 1000 - used))
        }
      }
    })

    it('and where many reserve and settle at once', async () => {
      const { budget } = world()
      const limiter = budget(1000)
      let used = 0
      let refused = 0
      await Promise.all(
        Array.from({ length: 300 }, async (_, i) => {
          const reservation = await limiter.reserve('a', 10)
          if (reservation === undefined) {
            refused += 1
            return
          }
          const actual = i % 10
          await Promise.all([reservation.settle(actual), reservation.settle(actual)])
          used += actual
        }),
      )
      expect((await limiter.peek('a')).remaining).toBe(1000 - used)
      expect(refused).toBeGreaterThan(0)
    })
  })
}
