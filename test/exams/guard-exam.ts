import { type Limiter, LimiterFactory, type LimiterStorage } from 'aioflux'
import type { ManualClock } from 'aioflux/testing'
import { expect, it } from 'vitest'
import type { GuardSetup, Start } from '../http/servers.ts'
import { until } from '../support/until.ts'

/** What a guard owes after a request, in one framework and wherever the states of its limiters lie. */
export function guardExam(
  start: Start,
  make: () => { readonly clock: ManualClock; readonly storage: LimiterStorage },
): void {
  const world = () => {
    const { clock, storage } = make()
    return { clock, storage, scope: crypto.randomUUID() }
  }
  const plan = { rate: 5, per: '1d' } as const
  const left = async (limiter: Limiter, key: string) => {
    return (await limiter.peek(key, { quota: plan })).remaining
  }

  it('a failed request gives back what it took under its plan, and no more', async () => {
    const common = world()
    // By its own numbers a key is as new after a second.
    const limiter = LimiterFactory.tokenBucket({ rate: 1000, per: '1s', ...common })
    const all = LimiterFactory.fixedWindow({ rate: 1000, per: '1s', ...common })
    const plans = { pro: plan }
    const alone: GuardSetup = { limiter, keyHeader: 'x-user', plans, skipFailed: true }
    const parts: GuardSetup = {
      limiter,
      skipFailed: true,
      parts: [
        { limiter, keyHeader: 'x-user', costHeader: 'x-cost', plans },
        { limiter: all, key: () => 'all', plans },
      ],
    }
    for (const guard of [alone, parts, { ...parts, composed: true }]) {
      const user = crypto.randomUUID()
      await all.reset('all')
      let status = 200
      await using server = await start({ guards: [guard], status: () => status })
      const headers = { 'x-user': user, 'x-plan': 'pro', 'x-cost': '1' }
      const ask = async () => (await fetch(server.url, { headers })).text()
      for (let i = 0; i < 3; i++) await ask()
      common.clock.advance('2s')
      status = 500
      await ask()
      await until('given back', async () => (await left(limiter, user)) === 2)
      if (guard !== alone) await until('and in all', async () => (await left(all, 'all')) === 2)
    }
  })

  it('a shadow is not told to callers, and a failed request gives back nothing that it did not take', async () => {
    const common = world()
    const shadow = LimiterFactory.tokenBucket({ rate: 1, per: '1d', shadow: true, ...common })
    const name = 'real'
    const real = LimiterFactory.slidingWindow({ rate: 9, per: '1d', name, ...common })
    const full = LimiterFactory.leakyBucket({ rate: 1, per: '1d', ...common })
    const whole = LimiterFactory.composite([real, full], { shadow: true })
    const member = LimiterFactory.composite([shadow, real])
    for (const one of [shadow, full]) await one.acquire('a')
    for (const [limiter, policies] of [
      [shadow, null],
      [whole, null],
      [member, '"real";q=9;w=86400'],
    ] as const) {
      for (const headers of ['draft-8', 'legacy'] as const) {
        await real.reset('a')
        const guard: GuardSetup = { limiter, skipFailed: true, headers, keyHeader: 'x-user' }
        let failed = 0
        const status = () => (failed++ === 0 ? 500 : 200)
        await using server = await start({ guards: [guard], status })
        for (let i = 0; i < 2; i++) {
          const answer = await fetch(server.url, { headers: { 'x-user': 'a' } })
          await answer.text()
          const told = headers === 'legacy' ? 'x-ratelimit-limit' : 'ratelimit-policy'
          const expected = headers === 'legacy' ? policies && '9' : policies
          expect(answer.headers.get(told)).toBe(expected)
          expect(answer.headers.get('ratelimit') ?? '').not.toContain('token-bucket')
        }
        // The shadow had been used up by somebody else: nothing of that comes back.
        const kept = limiter === member ? 8 : 9
        await until('given back', async () => (await real.peek('a')).remaining === kept)
        expect((await shadow.peek('a')).remaining).toBe(0)
      }
    }
  })

  it('a shadow lets a request through that costs more than a limit in a composite inside ever holds', async () => {
    const common = world()
    const real = LimiterFactory.tokenBucket({ rate: 9, per: '1d', ...common })
    const other = LimiterFactory.leakyBucket({ rate: 9, per: '1d', ...common })
    const priced = { limiter: real, cost: () => 10 }
    const inner = LimiterFactory.composite([other, priced])
    const whole = LimiterFactory.composite([inner], { shadow: true })
    for (const [limiter, statuses] of [
      [whole, [200]],
      [inner, [413, 500]],
    ] as const) {
      await using server = await start({ guards: [{ limiter, keyHeader: 'x-user' }] })
      const answer = await fetch(server.url, { headers: { 'x-user': 'a' } })
      await answer.text()
      expect(statuses).toContain(answer.status)
      expect((await other.peek('a')).remaining).toBe(9)
    }
  })

  it('all options hold together: plan, class, keys and costs of parts, permits, a shadow, a chosen limiter, outcomes', async () => {
    const common = world()
    const make = { ...common, per: '1d' } as const
    const name = (one: string) => ({ name: one, scope: `${common.scope} ${one}` })
    const classes = { batch: 0.5 }
    const user = LimiterFactory.tokenBucket({ rate: 1, classes, ...make, ...name('user') })
    const all = LimiterFactory.slidingWindow({ rate: 100, ...make, ...name('all') })
    const atOnce = LimiterFactory.concurrency({ limit: 5, ...common, ...name('at once') })
    const shadow = LimiterFactory.fixedWindow({ rate: 1, shadow: true, ...make, ...name('shadow') })
    const pro = { rate: 20, per: '1d' } as const
    const plans = { pro }
    const parts = [
      { limiter: user, keyHeader: 'x-user', costHeader: 'x-cost', plans },
      { limiter: all, key: () => 'all' },
      { limiter: atOnce, key: () => 'all' },
      { limiter: shadow, key: () => 'all' },
    ]
    // What a request chooses is asked with the key, the cost, the plan and the class of the guard.
    const chosen = LimiterFactory.composite([
      { limiter: user, quota: true },
      { limiter: all, key: () => 'all', cost: () => 1 },
      { limiter: atOnce, key: () => 'all', cost: () => 1 },
      { limiter: shadow, key: () => 'all', cost: () => 1 },
    ])
    const options = { limiter: all, classes: true, skipFailed: true }
    const chooses = { keyHeader: 'x-user', costHeader: 'x-cost', plans, tiers: { chosen } }
    const guards: GuardSetup[] = [
      { ...options, parts },
      { ...options, parts, composed: true },
      { ...options, ...chooses },
    ]
    for (const guard of guards) {
      for (const one of [all, atOnce, shadow]) await one.reset('all')
      const who = crypto.randomUUID()
      let status = 200
      await using server = await start({ guards: [guard], status: () => status })
      const ask = async (cost: number, more: Record<string, string> = {}) => {
        const headers = { 'x-user': who, 'x-plan': 'pro', 'x-cost': `${cost}`, ...more }
        const answer = await fetch(server.url, {
          headers: { ...headers, ...(guard.tiers && { 'x-tier': 'chosen' }) },
        })
        await answer.text()
        const back = async () => (await atOnce.peek('all')).remaining === 5
        await until('the permit is back', back)
        return answer
      }
      const batch = { 'x-class': 'batch' }
      const rest = async () => [
        (await user.peek(who, { quota: pro })).remaining,
        (await all.peek('all')).remaining,
      ]
      expect((await ask(10, batch)).status).toBe(200)
      // Half of the plan is what the class may fill.
      const denied = await ask(1, batch)
      expect(denied.status).toBe(429)
      expect(await rest()).toEqual([10, 99])
      const passed = await ask(4)
      expect(passed.status).toBe(200)
      expect(await rest()).toEqual([6, 98])
      expect(passed.headers.get('ratelimit')).toContain('"user";r=6')
      expect(passed.headers.get('ratelimit')).not.toContain('shadow')
      expect((await ask(21)).status).toBe(413)
      status = 500
      expect((await ask(6)).status).toBe(500)
      const given = async () => expect(await rest()).toEqual([6, 98])
      await until('given back', () => given().then(() => true))
      status = 200
      expect((await ask(6)).status).toBe(200)
      expect((await ask(1)).status).toBe(429)
      expect(await rest()).toEqual([0, 97])
      const told = server.decisions.map((one) => one?.parts?.map(({ wouldDeny }) => wouldDeny))
      expect(told.map((one) => one?.at(-1))).toEqual([false, true, expect.any(Boolean), true])
      expect(server.decisions.every((one) => one?.wouldDeny !== true)).toBe(true)
    }
  })

  it('a limit that follows how long requests take is told, alone and as a part', async () => {
    for (const composed of [false, true]) {
      const common = world()
      const make = (initialLimit: number) => {
        const scope = crypto.randomUUID()
        const options = { ...common, initialLimit, minLimit: 1, ttl: '1h', scope } as const
        return LimiterFactory.adaptiveConcurrency(options)
      }
      const serve = async (limiter: Limiter, latency: number, status: number) => {
        const parts = [{ limiter, key: () => 'all' }]
        const work = async () => {
          common.clock.advance(latency / 1000)
        }
        const guard = composed ? { limiter, parts } : { limiter }
        await using server = await start({ guards: [guard], work, status: () => status })
        const back = async () => (await limiter.peek(composed ? 'all' : '127.0.0.1')).remaining > 0
        for (let i = 0; i < 70; i++) {
          await (await fetch(server.url)).text()
          await until('the permit is back', back)
        }
        await limiter.peek('none')
      }
      // It is in use all the time, and rises.
      const quick = make(1)
      await serve(quick, 100, 200)
      expect(quick.currentLimit).toBe(2)
      // What is too much to do lowers it, and failures of another kind say nothing.
      for (const [status, initial, limit] of [
        [500, 1, 1],
        [503, 10, 9],
      ] as const) {
        const failing = make(initial)
        await serve(failing, status === 500 ? 100 : 20, status)
        expect(failing.currentLimit).toBe(limit)
        await failing.close()
      }
      await quick.close()
    }
  })

  it('a shadow on how many at once keeps the permits of others', async () => {
    const common = world()
    const shadow = LimiterFactory.concurrency({ limit: 1, shadow: true, ...common })
    await shadow.acquire('a')
    await using server = await start({ guards: [{ limiter: shadow, keyHeader: 'x-user' }] })
    for (let i = 0; i < 2; i++) {
      await (await fetch(server.url, { headers: { 'x-user': 'a' } })).text()
    }
    expect(server.decisions.map((one) => one?.wouldDeny)).toEqual([true, true])
    expect((await shadow.peek('a')).remaining).toBe(0)
  })
}
