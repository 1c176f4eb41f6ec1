import {
  type Decision,
  type Limiter,
  LimiterFactory,
  type LocalLimiter,
  MemoryStorage,
} from 'aioflux'
import { ManualClock } from 'aioflux/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

/** A limiter that can only be asked from afar: what a user's own, or one over a network, looks like. */
function remote(limiter: LocalLimiter, fail = false): Limiter {
  const later = <T>(run: () => Promise<T>) =>
    Promise.resolve().then(() => {
      if (fail) throw new Error('unreachable')
      return run()
    })
  return {
    name: limiter.name,
    ...(limiter.clock && { clock: limiter.clock }),
    acquire: (key, tokens) => later(() => limiter.acquire(key, tokens)),
    consume: (key, cost) => later(() => limiter.consume(key, cost)),
    peek: (key, cost) => later(() => limiter.peek(key, cost)),
    wait: (key, options) => later(() => limiter.wait(key, options)),
    schedule: (key, fn, options) => later(() => limiter.schedule(key, fn, options)),
    reserve: (key, estimate, options) => later(() => limiter.reserve(key, estimate, options)),
    spend: (key, estimate, fn, options) => later(() => limiter.spend(key, estimate, fn, options)),
    release: (key, tokens) => later(() => limiter.release(key, tokens)),
    reset: (key) => later(() => limiter.reset(key)),
    block: (key, duration) => later(() => limiter.block(key, duration)),
    unblock: (key) => later(() => limiter.unblock(key)),
    getStats: (key) => later(() => limiter.getStats(key)),
    reconfigure: (quota) => later(() => limiter.reconfigure(quota)),
    compare: (candidate) => limiter.compare(candidate),
    on: (event, listener) => limiter.on(event, listener),
    close: () => limiter.close(),
    [Symbol.asyncDispose]: () => limiter.close(),
  }
}

const kinds: [string, (limiter: LocalLimiter) => Limiter][] = [
  ['local', (limiter) => limiter],
  ['mixed', (limiter) => remote(limiter)],
]

for (const [kind, as] of kinds) {
  describe(`composite, ${kind}`, () => {
    const make = () => {
      const clock = new ManualClock('1h')
      const quotas = [
        { rate: 5, per: '1s', name: 'second' },
        { rate: 8, per: '1m', name: 'minute' },
        { rate: 10, per: '1h', name: 'hour' },
      ] as const
      const members = [
        LimiterFactory.tokenBucket({ ...quotas[0], clock }),
        LimiterFactory.slidingWindow({ ...quotas[1], clock }),
        LimiterFactory.fixedWindow({ ...quotas[2], clock }),
      ]
      return { clock, members, limiter: LimiterFactory.composite(...members.map(as)) }
    }

    it('is as tight as its tightest member, and names it', async () => {
      const { clock, limiter } = make()
      expect(await limiter.consume('k', 5)).toMatchObject({ allowed: true, remaining: 0, limit: 5 })
      expect(await limiter.consume('k')).toMatchObject({
        allowed: false,
        deniedBy: 'second',
        retryAfter: 0.2,
      })
      clock.advance('1s')
      expect(await limiter.acquire('k', 3)).toBe(true)
      clock.advance('1s')
      expect(await limiter.consume('k')).toMatchObject({ deniedBy: 'minute', retryAfter: 58 })
      clock.advance('1m')
      expect(await limiter.acquire('k', 2)).toBe(true)
      clock.advance('1s')
      const denied = await limiter.consume('k', 4)
      expect(denied).toMatchObject({ allowed: false, deniedBy: 'hour' })
      expect(denied.retryAfter).toBeCloseTo(3600 - 63, 5)
    })

    it('a denial costs nobody anything, whoever says no', async () => {
      for (const denier of [0, 1, 2]) {
        const { members, limiter } = make()
        await members[denier]?.acquire('k', 5)
        if (denier === 1) await members[1]?.acquire('k', 3)
        if (denier === 2) await members[2]?.acquire('k', 5)
        const before = await Promise.all(members.map((member) => member.peek('k')))
        for (let i = 0; i < 10; i++) expect(await limiter.acquire('k')).toBe(false)
        const after = await Promise.all(members.map((member) => member.peek('k')))
        expect(after).toEqual(before)
      }
    })

    it('refuses a cost that one member could never grant, before asking any', async () => {
      const { members, limiter } = make()
      await expect(limiter.consume('k', 6)).rejects.toMatchObject({ code: 'COST_TOO_LARGE' })
      expect((await members[2]?.peek('k'))?.remaining).toBe(10)
    })

    it('a peek takes from none; release gives back to all; reset and block reach all', async () => {
      const { members, limiter } = make()
      expect(await limiter.peek('k', 2)).toMatchObject({ allowed: true, remaining: 5 })
      await limiter.acquire('k', 5)
      await limiter.release('k', 2)
      expect((await limiter.peek('k')).remaining).toBe(2)
      await limiter.reset('k')
      expect((await limiter.peek('k')).remaining).toBe(5)
      await limiter.block('k', '10s')
      for (const member of members) expect(member.allow('k')).toBe(false)
      expect((await limiter.consume('k')).retryAfter).toBe(10)
      await expect(limiter.reconfigure({ rate: 1 })).rejects.toThrow(/composite/)
      expect(await limiter.getStats('k')).toMatchObject({ limit: 5, waiting: 0 })
    })

    it('asks a member under a key of its own', async () => {
      const clock = new ManualClock()
      const user = LimiterFactory.tokenBucket({ rate: 2, per: '1h', clock })
      const all = LimiterFactory.tokenBucket({ rate: 3, per: '1h', clock, name: 'everybody' })
      const limiter = LimiterFactory.composite(as(user), { limiter: as(all), key: () => '' })
      expect(await limiter.acquire('a', 2)).toBe(true)
      expect(await limiter.acquire('b')).toBe(true)
      expect(await limiter.consume('b')).toMatchObject({ allowed: false, deniedBy: 'everybody' })
      expect((await user.peek('b')).remaining).toBe(1)
    })

    it('waits in order until all of them agree', async () => {
      const { clock, limiter } = make()
      await limiter.acquire('k', 5)
      const served: string[] = []
      const waits = [2, 1].map((cost, i) =>
        limiter.wait('k', { cost }).then(() => served.push(`${i} at ${clock.now() - 3_600_000}`)),
      )
      await Promise.resolve()
      await clock.advanceAsync('350ms')
      expect(await limiter.acquire('k')).toBe(false)
      await clock.advanceAsync('10m')
      await Promise.all(waits)
      expect(served).toEqual(['0 at 400', '1 at 600'])
    })

    it('refuses a wait that cannot come in time, and lets an aborted one go', async () => {
      const { clock, limiter } = make()
      await limiter.acquire('k', 5)
      await expect(limiter.wait('k', { timeout: '100ms' })).rejects.toMatchObject({
        code: 'WAIT_TIMEOUT',
      })
      const controller = new AbortController()
      const wait = limiter.wait('k', { signal: controller.signal })
      const behind = limiter.wait('k')
      await clock.advanceAsync('10ms')
      controller.abort(new Error('enough'))
      await expect(wait).rejects.toThrow('enough')
      await clock.advanceAsync('1s')
      expect(await behind).toMatchObject({ allowed: true })
      await limiter.close()
    })

    it('gives back its permits after schedule', async () => {
      const permits = LimiterFactory.concurrency({ limit: 1 })
      const tokens = LimiterFactory.tokenBucket({ rate: 10, per: '1h' })
      const limiter = LimiterFactory.composite(permits, as(tokens))
      for (let i = 0; i < 3; i++) expect(await limiter.schedule('k', () => i)).toBe(i)
      expect((await tokens.peek('k')).remaining).toBe(7)
      expect((await permits.peek('k')).remaining).toBe(1)
    })

    it('never lets more through than each of its members alone would', async () => {
      const step = fc.record({
        cost: fc.integer({ min: 1, max: 4 }),
        key: fc.constantFrom('a', 'b'),
        millis: fc.integer({ min: 0, max: 900 }),
      })
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
          const { clock, limiter } = make()
          const alone = make()
          for (const { cost, key, millis } of steps) {
            clock.advance(millis / 1000)
            alone.clock.advance(millis / 1000)
            const peeks: Decision[] = []
            for (const member of alone.members) peeks.push(await member.peek(key, cost))
            const allowed = peeks.every((decision) => decision.allowed)
            if (allowed) for (const member of alone.members) member.allow(key, cost)
            expect(await limiter.acquire(key, cost)).toBe(allowed)
          }
        }),
        { numRuns: 60 },
      )
    })
  })
}

describe('composite', () => {
  it('gives back what it took when a member fails', async () => {
    const first = LimiterFactory.tokenBucket({ rate: 5, per: '1h' })
    const broken = remote(LimiterFactory.tokenBucket({ rate: 5 }), true)
    const limiter = LimiterFactory.composite(first, broken)
    await expect(limiter.acquire('k')).rejects.toThrow('unreachable')
    expect((await first.peek('k')).remaining).toBe(5)
  })

  it('is local when its members are, and takes an array as well', () => {
    const a = LimiterFactory.tokenBucket({ rate: 1, per: '1h' })
    const b = LimiterFactory.tokenBucket({ rate: 2, per: '1h' })
    const limiter = LimiterFactory.composite([a, b]) as LocalLimiter
    expect([limiter.allow('k'), limiter.allow('k')]).toEqual([true, false])
    const nested = LimiterFactory.composite(limiter, b)
    expect(nested.allow('other')).toBe(true)
    expect(nested.decide('k')).toMatchObject({ allowed: false })
  })

  it('tells what each of its limits promises, and how each stands', async () => {
    const clock = new ManualClock()
    const minute = LimiterFactory.tokenBucket({ rate: 2, per: '1m', name: 'minute', clock })
    const hour = LimiterFactory.fixedWindow({ rate: 9, per: '1h', name: 'hour', clock })
    const local = LimiterFactory.composite(minute, hour)
    const mixed = LimiterFactory.composite(minute, remote(hour))
    expect(local.policies).toEqual([
      { name: 'minute', limit: 2, window: 60, steady: true, held: false },
      { name: 'hour', limit: 9, window: 3600, steady: false, held: false },
    ])
    expect(mixed.policies?.map(({ name }) => name)).toEqual(['minute', 'hour'])
    for (const limiter of [local, mixed]) {
      const stands = async () =>
        (await limiter.consume('k', 2)).parts?.map(({ allowed, remaining }) => [allowed, remaining])
      expect(await stands()).toEqual([
        [true, 0],
        [true, 7],
      ])
      expect(await stands()).toEqual([
        [false, 0],
        [true, 7],
      ])
      await limiter.reset('k')
    }
  })

  it('is woken when a permit comes free behind its back', async () => {
    const permits = LimiterFactory.concurrency({ limit: 1 })
    const permit = permits.tryPermit('k')
    const limiter = LimiterFactory.composite(permits, LimiterFactory.tokenBucket({ rate: 10 }))
    const wait = limiter.wait('k')
    await Promise.resolve()
    permit?.release()
    expect(await wait).toMatchObject({ allowed: true })
  })

  it('is woken by whoever shares a member, whatever key that is asked under, and however deep it lies', async () => {
    const storage = new MemoryStorage()
    const make = () => LimiterFactory.concurrency({ limit: 1, storage, scope: 'shared' })
    const [mine, other] = [make(), make()]
    const alone = LimiterFactory.composite({ limiter: mine, key: () => 'all' })
    const nested = LimiterFactory.composite(alone, LimiterFactory.tokenBucket({ rate: 10 }))
    for (const limiter of [alone, nested]) {
      await other.acquire('all')
      const wait = limiter.wait('k')
      await Promise.resolve()
      await other.release('all')
      expect(await wait).toMatchObject({ allowed: true })
      await limiter.release('k')
    }
  })

  it.each([[[]], [[undefined]], [[{}]], [['limiter']], [[{ limiter: 1, key: 2 }]]])(
    'refuses %j as members',
    (members) => {
      expect(() => LimiterFactory.composite(...(members as never[]))).toThrow(/limiters must be/)
    },
  )
})

describe('a member in whose line others wait', () => {
  it('denies, though it has enough', async () => {
    const permits = LimiterFactory.concurrency({ limit: 3, name: 'permits' })
    const calls = LimiterFactory.tokenBucket({ rate: 5, per: '1d' })
    expect(permits.allow('a')).toBe(true)
    const leaving = new AbortController()
    const waits = permits.wait('a', { cost: 3, signal: leaving.signal }).catch(() => 'left')
    const both = LimiterFactory.composite(calls, permits)
    expect(both.decide('a')).toMatchObject({ allowed: false, deniedBy: 'permits' })
    expect((await calls.peek('a')).remaining).toBe(5)
    leaving.abort()
    expect(await waits).toBe('left')
    expect(both.allow('a')).toBe(true)
  })
})

describe('a composite whose part reads a wrong key', () => {
  const wrong = (() => 5) as unknown as () => string
  const failing = () => {
    throw new Error('no user')
  }

  for (const [kind, as] of kinds) {
    it(`says so, and nothing is taken: ${kind}`, async () => {
      const clock = new ManualClock('1h')
      const first = LimiterFactory.tokenBucket({ rate: 5, per: '1h', clock })
      const second = LimiterFactory.tokenBucket({ rate: 5, per: '1h', clock })
      for (const [key, error] of [
        [wrong, /key must be a string, got 5/],
        [failing, /no user/],
      ] as const) {
        const limiter = LimiterFactory.composite([as(first), { limiter: as(second), key }])
        await expect(limiter.consume('a')).rejects.toThrow(error)
        await expect(limiter.acquire('a')).rejects.toThrow(error)
        await expect(limiter.wait('a', { timeout: '1s' })).rejects.toThrow(error)
        await expect(limiter.block('a', '1h')).rejects.toThrow(error)
        await expect(limiter.reset('a')).rejects.toThrow(error)
        await expect(limiter.release('a')).rejects.toThrow(error)
      }
      expect(await first.peek('a')).toMatchObject({ allowed: true, remaining: 5 })
    })
  }
})

it('the parts of a denied call say what is left after it was given back', async () => {
  const clock = new ManualClock('1h')
  const wide = LimiterFactory.tokenBucket({ rate: 9, per: '1h', clock })
  const narrow = LimiterFactory.tokenBucket({ rate: 3, per: '1h', clock })
  const limiter = LimiterFactory.composite(remote(wide), remote(narrow))
  await limiter.consume('a', 2)
  const { allowed, parts } = await limiter.consume('a', 2)
  expect(allowed).toBe(false)
  expect(parts?.map(({ remaining }) => remaining)).toEqual([7, 1])
})

it('what a part of a composite inside refuses costs the parts before it nothing', async () => {
  for (const [name, as] of kinds) {
    const permits = LimiterFactory.concurrency({ limit: 4 })
    const tokens = LimiterFactory.tokenBucket({ rate: 10, per: '1d' })
    const narrow = LimiterFactory.tokenBucket({ rate: 4, per: '1d' })
    const broken = () => {
      throw new Error('no cost')
    }
    for (const cost of [(one: number) => one * 4, () => -1, broken]) {
      const inner = LimiterFactory.composite({ limiter: as(narrow), cost })
      const limiter = LimiterFactory.composite(as(permits), as(tokens), inner)
      const calls = [() => limiter.acquire('a', 2), () => limiter.consume('a', 2)]
      const waits = [
        () => limiter.wait('a', { cost: 2 }),
        () => limiter.schedule('a', () => 1, { cost: 2 }),
      ]
      for (const call of [...calls, ...waits]) await expect(call(), name).rejects.toThrow(/cost/)
      await limiter.close()
    }
    expect((await permits.peek('a')).remaining, name).toBe(4)
    expect((await tokens.peek('a')).remaining, name).toBe(10)
    expect((await narrow.peek('a')).remaining, name).toBe(4)
  }
})

it('that is a shadow tells how each part stands, also where a limiter that a user has written refuses', async () => {
  const clock = new ManualClock('1h')
  const wide = LimiterFactory.tokenBucket({ rate: 9, per: '1h', clock, name: 'wide' })
  const narrow = LimiterFactory.tokenBucket({ rate: 2, per: '1h', clock, name: 'narrow' })
  for (const [, as] of kinds) {
    const whole = LimiterFactory.composite([wide, as(narrow)], { shadow: true })
    const parts = [{ allowed: true, remaining: 9 }, { allowed: false }]
    const told = { allowed: true, wouldDeny: true, deniedBy: 'narrow', parts }
    expect(await whole.consume('a', 3)).toMatchObject(told)
    expect(await whole.peek('a', 3)).toMatchObject(told)
    await expect(whole.consume('a', Number.NaN)).rejects.toThrow(/cost/)
  }
})

it('a shadow in a composite inside gets back no more than it gave', async () => {
  for (const [name, as] of kinds) {
    const trial = LimiterFactory.tokenBucket({ rate: 3, per: '1d', shadow: true })
    const other = LimiterFactory.tokenBucket({ rate: 9, per: '1d' })
    const permits = LimiterFactory.concurrency({ limit: 1 })
    const inner = LimiterFactory.composite(LimiterFactory.composite(trial), other)
    const limiter = LimiterFactory.composite(inner, as(permits))
    expect(await limiter.acquire('a')).toBe(true)
    // The trial has nothing for a call of 3, and permits deny it.
    for (const cost of [1, 1, 1]) await limiter.acquire('a', cost)
    await inner.acquire('b', 2)
    await permits.acquire('b')
    const call = { cost: 1 }
    await inner.acquire('b', call)
    expect(await inner.consume('b')).toMatchObject({ allowed: true })
    expect((await trial.peek('b')).remaining, name).toBe(0)
    for (let i = 0; i < 3; i++) expect(await limiter.acquire('b'), name).toBe(false)
    expect((await trial.peek('b')).remaining, name).toBe(0)
    expect((await other.peek('b')).remaining, name).toBe(5)
    // What it gave comes back.
    expect((await trial.peek('a')).remaining, name).toBe(2)
    await limiter.close()
  }
})

it('a denial tells the same wherever the limiters are: fractions, composites inside, and when the call passes', async () => {
  const clock = new ManualClock('1h')
  const decisions = kinds.map(async ([, as]) => {
    const wide = LimiterFactory.fixedWindow({ rate: 8, per: '1s', clock, name: 'wide' })
    const other = LimiterFactory.tokenBucket({ rate: 8, per: '1s', clock, name: 'other' })
    const narrow = LimiterFactory.tokenBucket({ rate: 2, per: '1m', clock, name: 'narrow' })
    const slow = LimiterFactory.tokenBucket({ rate: 2, per: '1h', clock, name: 'slow' })
    const inner = LimiterFactory.composite(
      { limiter: as(wide), cost: (cost) => cost / 2 },
      as(other),
    )
    const limiter = LimiterFactory.composite(inner, as(narrow), as(slow))
    await limiter.consume('a')
    const denied = await limiter.consume('a', 2)
    await limiter.close()
    return denied
  })
  const [local, mixed] = await Promise.all(decisions)
  expect(local).toMatchObject({ allowed: false, deniedBy: 'narrow', retryAfter: 1800 })
  expect(local?.parts?.[0]?.parts).toMatchObject([{ remaining: 7 }, { remaining: 7 }])
  expect(mixed).toEqual(local)
})

it('a call that has waited goes by nothing that others were told meanwhile by a composite inside', async () => {
  const permits = LimiterFactory.concurrency({ limit: 1, name: 'permits' })
  const shadow = LimiterFactory.concurrency({ limit: 1, shadow: true, name: 'shadow' })
  const inner = LimiterFactory.composite(shadow)
  const both = LimiterFactory.composite(permits, inner)
  await permits.acquire('a')
  const waiting = both.wait('a')
  await new Promise((resolve) => setImmediate(resolve))
  // Its turn comes, and before it hears of that another call is let through by the shadow, which has nothing left.
  permits.leave('a', 1)
  const other = inner.decide('a')
  expect(other.parts).toMatchObject([{ wouldDeny: true }])
  const decision = await waiting
  expect(decision.parts?.[1]?.parts).toMatchObject([{ allowed: true, wouldDeny: false }])
  inner.leave?.('a', 1, other)
  both.leave?.('a', 1, decision)
  expect([(await permits.peek('a')).remaining, (await shadow.peek('a')).remaining]).toEqual([1, 1])
})

it('a composite inside that takes its time is no step back of the clock', () => {
  const clock = new ManualClock('1h')
  // Full again after 2 ms: a longer step back would be that of a clock that was set anew.
  const shared = LimiterFactory.tokenBucket({ rate: 1000, burst: 2, clock })
  const inner = LimiterFactory.composite({
    limiter: LimiterFactory.tokenBucket({ rate: 1e6, clock }),
    key: (key) => {
      clock.advance('2.5ms')
      shared.decide('in between')
      return key
    },
  })
  const all = LimiterFactory.composite(
    { limiter: shared },
    { limiter: inner },
    { limiter: shared, key: () => 'last' },
  )
  expect(all.allow('first', 2)).toBe(true)
  expect(shared.allow('last')).toBe(false)
})
