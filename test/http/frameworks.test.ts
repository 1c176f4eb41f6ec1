import { type CallQuota, type Limiter, LimiterFactory, type OutagePolicy } from 'aioflux'
import { RedisStorage } from 'aioflux/redis'
import { ManualClock } from 'aioflux/testing'
import { describe, expect, it } from 'vitest'
import { freePort } from '../support/free-port.ts'
import { until } from '../support/until.ts'
import { load } from './load.ts'
import { frameworks, type GuardSetup, type Start } from './servers.ts'
import { readRateLimit } from './structured-fields.ts'

const clock = () => new ManualClock()

describe.each(Object.entries(frameworks))('%s', (_name, start: Start) => {
  const serve = (...guards: GuardSetup[]) => start({ guards })

  it('tells how the caller stands, and answers 429 with a problem', async () => {
    const limiter = LimiterFactory.tokenBucket({ rate: 2, per: '1m', name: 'api', clock: clock() })
    await using server = await serve({ limiter })
    const first = await fetch(server.url)
    expect(await first.text()).toBe('ok')
    expect(first.status).toBe(200)
    expect(first.headers.get('ratelimit-policy')).toBe('"api";q=2;w=60')
    expect(first.headers.get('ratelimit')).toBe('"api";r=1;t=30')
    expect(first.headers.has('retry-after')).toBe(false)
    await fetch(server.url)
    const third = await fetch(server.url)
    expect(third.status).toBe(429)
    expect(third.headers.get('content-type')).toMatch(/^application\/problem\+json/)
    expect(third.headers.get('retry-after')).toBe('30')
    expect(readRateLimit(third.headers)).toEqual({
      policies: { api: { q: 2, w: 60 } },
      limits: { api: { r: 0, t: 30 } },
    })
    expect(await third.json()).toEqual({
      type: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
      title: 'Request cannot be satisfied as assigned quota has been exceeded',
      status: 429,
      'violated-policies': ['api'],
    })
    expect(server.handled).toBe(2)
  })

  it('never says to come again in less than a second', async () => {
    const limiter = LimiterFactory.tokenBucket({ rate: 1, per: '50ms', clock: clock() })
    await using server = await serve({ limiter })
    await fetch(server.url)
    const { status, headers } = await fetch(server.url)
    expect(status).toBe(429)
    expect(headers.get('retry-after')).toBe('1')
    readRateLimit(headers)
  })

  it('counts by key, by cost, and not what is skipped or costs nothing', async () => {
    const limiter = LimiterFactory.slidingWindow({ rate: 5, per: '1m', clock: clock() })
    await using server = await serve({
      limiter,
      keyHeader: 'x-user',
      costHeader: 'x-cost',
      skipHeader: 'x-skip',
    })
    const ask = async (headers: Record<string, string>) =>
      (await fetch(server.url, { headers })).status
    expect(await ask({ 'x-user': 'ann', 'x-cost': '5' })).toBe(200)
    expect(await ask({ 'x-user': 'ann' })).toBe(429)
    expect(await ask({ 'x-user': 'ann', 'x-skip': '1' })).toBe(200)
    expect(await ask({ 'x-user': 'ann', 'x-cost': '0' })).toBe(200)
    expect(await ask({ 'x-user': 'bob', 'x-cost': '4' })).toBe(200)
    expect(await ask({ 'x-user': 'bob', 'x-cost': '2' })).toBe(429)
    expect(await ask({ 'x-user': 'bob' })).toBe(200)
  })

  it('takes the quota and the class of a request', async () => {
    const limiter = LimiterFactory.tokenBucket({
      rate: 1,
      per: '1m',
      name: 'api',
      classes: { batch: 0.5 },
      clock: clock(),
    })
    const plans = {
      free: { rate: 2, per: '1m' },
      pro: { rate: 10, per: '1m' },
      open: { rate: Infinity },
      closed: { rate: 0 },
    } as const
    await using server = await serve({ limiter, keyHeader: 'x-user', plans, classes: true })
    const ask = async (user: string, plan: string, more: Record<string, string> = {}) =>
      fetch(server.url, { headers: { 'x-user': user, 'x-plan': plan, ...more } })
    const pro = await ask('ann', 'pro')
    expect(pro.status).toBe(200)
    expect(readRateLimit(pro.headers)).toMatchObject({
      policies: { api: { q: 10 } },
      limits: { api: { r: 9 } },
    })
    expect((await ask('ann', 'free')).status).toBe(200)
    expect((await ask('ann', 'free')).status).toBe(429)
    for (let i = 0; i < 3; i++) {
      expect((await ask('ann', 'pro', { 'x-class': 'batch' })).status).toBe(200)
    }
    expect((await ask('ann', 'pro', { 'x-class': 'batch' })).status).toBe(429)
    expect((await ask('ann', 'pro')).status).toBe(200)
    for (let i = 0; i < 5; i++) expect((await ask('ann', 'open')).status).toBe(200)
    const closed = await ask('bob', 'closed')
    expect(closed.status).toBe(429)
    expect(closed.headers.has('retry-after')).toBe(false)
    readRateLimit(closed.headers)
  })

  it('asks the limiter that is chosen for a request', async () => {
    const limiter = LimiterFactory.tokenBucket({ rate: 1, per: '1m', name: 'one', clock: clock() })
    const two = LimiterFactory.fixedWindow({ rate: 2, per: '1m', name: 'two', clock: clock() })
    await using server = await serve({ limiter, tiers: { two } })
    const ask = async (tier: string) => fetch(server.url, { headers: { 'x-tier': tier } })
    expect((await ask('two')).headers.get('ratelimit-policy')).toContain('"two"')
    expect((await ask('two')).status).toBe(200)
    expect((await ask('two')).status).toBe(429)
    expect((await ask('')).headers.get('ratelimit-policy')).toContain('"one"')
    expect((await ask('')).status).toBe(429)
  })

  it('gives back by the outcome', async () => {
    for (const skips of ['skipFailed', 'skipSuccessful'] as const) {
      const limiter = LimiterFactory.tokenBucket({ rate: 5, per: '1d', clock: clock() })
      let status = 200
      await using server = await start({
        guards: [{ limiter, keyHeader: 'x-user', costHeader: 'x-cost', [skips]: true }],
        status: () => status,
      })
      const ask = async () =>
        (await fetch(server.url, { headers: { 'x-user': 'ann', 'x-cost': '2' } })).text()
      for (const answered of [500, 404, 200, 302]) {
        const before = (await limiter.peek('ann')).remaining
        await limiter.reset('ann')
        status = answered
        await ask()
        const left = answered >= 400 === (skips === 'skipFailed') ? 5 : 3
        await until('given back', async () => (await limiter.peek('ann')).remaining === left)
        expect(before).toBeGreaterThan(0)
      }
    }
  })

  it.each([false, true])(
    'asks several limits, each by a key and a cost of its own (a composite: %s)',
    async (composed) => {
      const time = clock()
      const make = (name: string, rate: number) =>
        LimiterFactory.tokenBucket({ rate, per: '1d', name, clock: time })
      const [user, all, tokens] = [make('user', 2), make('all', 5), make('tokens', 100)]
      const atOnce = LimiterFactory.concurrency({ limit: 1, name: 'at once', clock: time })
      await using server = await serve({
        limiter: all,
        composed,
        skipFailed: false,
        parts: [
          { limiter: user, keyHeader: 'x-user' },
          { limiter: all, key: () => 'everybody' },
          { limiter: tokens, keyHeader: 'x-user', costHeader: 'x-tokens' },
          { limiter: atOnce, key: () => '' },
        ],
      })
      const ask = async (name: string, cost = 10) => {
        const answer = await fetch(server.url, {
          headers: { 'x-user': name, 'x-tokens': `${cost}` },
        })
        await answer.text()
        // The permit comes back with the end of the response.
        await until('given back', async () => (await atOnce.peek('')).remaining === 1)
        return answer
      }
      const first = await ask('ann')
      expect(first.status).toBe(200)
      expect(readRateLimit(first.headers).limits).toMatchObject({
        user: { r: 1 },
        all: { r: 4 },
        tokens: { r: 90 },
      })
      expect((await ask('ann', 90)).status).toBe(200)
      const denied = await ask('ann', 1)
      expect(denied.status).toBe(429)
      expect(await limitsLeft(user, all, tokens)).toEqual([0, 3, 0])
      // A denial by one costs nothing at the others, and costs of 0 take nothing.
      expect((await ask('bob', 101)).status).toBe(413)
      expect((await ask('bob', 0)).status).toBe(200)
      expect((await tokens.peek('bob')).remaining).toBe(100)
      expect((await user.peek('bob')).remaining).toBe(1)
      expect((await ask('bob')).status).toBe(200)
      expect((await ask('cat')).status).toBe(200)
      const last = await ask('dan')
      expect(last.status).toBe(429)
      expect(readRateLimit(last.headers).limits['all']).toMatchObject({ r: 0 })
      expect((await user.peek('dan')).remaining).toBe(2)
      expect(server.handled).toBe(5)

      async function limitsLeft(...limits: Limiter[]) {
        const keys = ['ann', 'everybody', 'ann']
        return Promise.all(limits.map(async (one, i) => (await one.peek(keys[i])).remaining))
      }
    },
  )

  it.each([false, true])(
    'judges a part by the plan of the request (a composite: %s)',
    async (composed) => {
      const time = clock()
      const make = (name: string, rate: number) =>
        LimiterFactory.tokenBucket({ rate, per: '1d', name, clock: time })
      const [user, all] = [make('user', 1), make('all', 100)]
      const plans: Record<string, CallQuota> = {
        free: { rate: 2, per: '1d' },
        pro: { rate: 4, per: '1d' },
        staff: { rate: Infinity },
        closed: { rate: 0 },
      }
      await using server = await serve({
        limiter: all,
        composed,
        parts: [
          { limiter: user, keyHeader: 'x-user', plans },
          { limiter: all, key: () => 'everybody' },
        ],
      })
      const ask = async (name: string, plan?: string) => {
        const headers = { 'x-user': name, ...(plan !== undefined && { 'x-plan': plan }) }
        const answer = await fetch(server.url, { headers })
        await answer.text()
        return answer
      }
      const first = await ask('ann', 'free')
      expect(readRateLimit(first.headers).limits).toMatchObject({ user: { r: 1 }, all: { r: 99 } })
      expect((await ask('ann', 'free')).status).toBe(200)
      expect((await ask('ann', 'free')).status).toBe(429)
      // What was used stays used when the plan changes.
      expect((await ask('ann', 'pro')).status).toBe(200)
      expect((await ask('ann', 'later')).status).toBe(200)
      expect((await ask('ann', 'later')).status).toBe(429)
      for (let i = 0; i < 3; i++) expect((await ask('bob', 'staff')).status).toBe(200)
      expect((await ask('cid', 'closed')).status).toBe(429)
      expect((await ask('dan')).status).toBe(200)
      expect((await ask('dan')).status).toBe(429)
      expect((await all.peek('everybody')).remaining).toBe(92)
      expect((await user.peek('bob')).remaining).toBe(1)
    },
  )

  it('several limits are given back by the outcome, permits by the end', async () => {
    const time = clock()
    const user = LimiterFactory.tokenBucket({ rate: 5, per: '1d', clock: time })
    const atOnce = LimiterFactory.concurrency({ limit: 2, clock: time })
    let status = 500
    await using server = await start({
      guards: [
        {
          limiter: user,
          skipFailed: true,
          parts: [
            { limiter: user, keyHeader: 'x-user', costHeader: 'x-cost' },
            { limiter: atOnce, key: () => '' },
          ],
        },
      ],
      status: () => status,
    })
    const ask = async () =>
      (await fetch(server.url, { headers: { 'x-user': 'ann', 'x-cost': '3' } })).text()
    for (const [answered, left] of [
      [500, 5],
      [200, 2],
    ] as const) {
      status = answered
      await ask()
      await until('given back', async () => (await atOnce.peek('')).remaining === 2)
      await until('given back', async () => (await user.peek('ann')).remaining === left)
    }
  })

  it('lets the decision stand on the request, of several guards the tightest', async () => {
    const make = (name: string, rate: number) =>
      LimiterFactory.fixedWindow({ rate, per: '1m', name, clock: clock() })
    await using server = await serve(
      { limiter: make('a', 9) },
      { limiter: make('b', 3) },
      { limiter: make('c', 5) },
    )
    await (await fetch(server.url)).text()
    expect(server.decisions).toEqual([
      expect.objectContaining({ allowed: true, limit: 3, remaining: 2 }),
    ])
  })

  it('lets the decision of a shadow stand only where no other limit holds', async () => {
    const make = (rate: number, shadow: boolean) =>
      LimiterFactory.fixedWindow({ rate, per: '1m', shadow, clock: clock() })
    for (const order of [
      [false, true],
      [true, false],
    ]) {
      await using server = await serve(
        ...order.map((shadow) => ({ limiter: make(shadow ? 1 : 9, shadow) })),
      )
      for (let i = 0; i < 2; i++) await (await fetch(server.url)).text()
      // The shadow has less left, and would have denied the second.
      const real = { allowed: true, limit: 9 }
      expect(server.decisions).toMatchObject([
        { ...real, remaining: 8 },
        { ...real, remaining: 7 },
      ])
      expect(server.decisions.every((one) => one?.shadow === undefined)).toBe(true)
    }
    await using server = await serve({ limiter: make(1, true) })
    for (let i = 0; i < 2; i++) await (await fetch(server.url)).text()
    expect(server.decisions.map((one) => one?.wouldDeny)).toEqual([false, true])
  })

  it('does not believe X-Forwarded-For', async () => {
    const limiter = LimiterFactory.fixedWindow({ rate: 2, per: '1m', clock: clock() })
    await using server = await serve({ limiter })
    const statuses: number[] = []
    for (const address of ['192.0.2.1', '192.0.2.2', '192.0.2.3']) {
      const headers = {
        'x-forwarded-for': address,
        forwarded: `for=${address}`,
        'x-real-ip': address,
      }
      statuses.push((await fetch(server.url, { headers })).status)
    }
    expect(statuses).toEqual([200, 200, 429])
    // It was the address that was counted, not nobody.
    expect((await limiter.peek('127.0.0.1')).allowed).toBe(false)
    expect((await limiter.peek('')).allowed).toBe(true)
  })

  it('a composite tells of each of its limits', async () => {
    const time = clock()
    const limiter = LimiterFactory.composite(
      LimiterFactory.tokenBucket({ rate: 2, per: '1m', name: 'per minute', clock: time }),
      LimiterFactory.fixedWindow({ rate: 100, per: '1h', name: 'per hour', clock: time }),
    )
    await using server = await serve({ limiter })
    const { headers } = await fetch(server.url)
    expect(headers.get('ratelimit-policy')).toBe('"per minute";q=2;w=60, "per hour";q=100;w=3600')
    expect(headers.get('ratelimit')).toBe('"per minute";r=1;t=30, "per hour";r=99;t=3600')
    await fetch(server.url)
    const denied = await fetch(server.url)
    // What is told about the hour must not be later than Retry-After, so its t is left out.
    expect(denied.headers.get('ratelimit')).toBe('"per minute";r=0;t=30, "per hour";r=98')
    expect(await denied.json()).toMatchObject({ 'violated-policies': ['per minute'] })
  })

  it('several guards add up', async () => {
    const time = clock()
    const limits = [
      { limiter: LimiterFactory.fixedWindow({ rate: 9, per: '1m', name: 'a', clock: time }) },
      { limiter: LimiterFactory.fixedWindow({ rate: 1, per: '1h', name: 'b', clock: time }) },
    ]
    await using server = await serve(...limits)
    const first = await fetch(server.url)
    const second = await fetch(server.url)
    expect([first.status, second.status]).toEqual([200, 429])
    expect(readRateLimit(first.headers)).toEqual({
      policies: { a: { q: 9, w: 60 }, b: { q: 1, w: 3600 } },
      limits: { a: { r: 8, t: 60 }, b: { r: 0, t: 3600 } },
    })
    expect(second.headers.get('retry-after')).toBe('3600')
    expect(Object.keys(readRateLimit(second.headers).limits).sort()).toEqual(['a', 'b'])
  })

  it('the fields of old on request: those of the tightest, or none at all', async () => {
    const time = clock()
    time.setWall('2030-01-01T00:00:00Z')
    const make = (rate: number) => LimiterFactory.fixedWindow({ rate, per: '1m', clock: time })
    await using server = await serve(
      { limiter: make(9), headers: 'legacy' },
      { limiter: make(2), headers: 'legacy' },
      { limiter: make(5), headers: 'legacy' },
    )
    const { headers } = await fetch(server.url)
    expect(headers.get('x-ratelimit-limit')).toBe('2')
    expect(headers.get('x-ratelimit-remaining')).toBe('1')
    const reset = Date.parse('2030-01-01T00:01:00Z') / 1000
    expect(headers.get('x-ratelimit-reset')).toBe(String(reset))
    expect(headers.has('ratelimit')).toBe(false)
    await using silent = await serve({ limiter: make(1), headers: false })
    await fetch(silent.url)
    const refused = await fetch(silent.url)
    expect(refused.status).toBe(429)
    expect([...refused.headers.keys()].filter((name) => name.includes('ratelimit'))).toEqual([])
    expect(refused.headers.get('retry-after')).toBe('60')
  })

  it('a limit on how many at once is held until the answer is over', async () => {
    const limiter = LimiterFactory.concurrency({ limit: 2, name: 'at once' })
    let finish = () => {}
    const work = () =>
      new Promise<void>((resolve) => {
        const before = finish
        finish = () => {
          before()
          resolve()
        }
      })
    await using server = await start({ guards: [{ limiter }], work })
    const two = [fetch(server.url), fetch(server.url)]
    await until('both inside', () => server.handled === 2)
    const third = await fetch(server.url)
    expect(third.status).toBe(429)
    expect(third.headers.get('retry-after')).toBe('1')
    expect(third.headers.get('ratelimit-policy')).toBe('"at once";q=2;qu="concurrent-requests"')
    finish()
    for (const answer of await Promise.all(two)) expect(await answer.text()).toBe('ok')
    await until('both given back', async () => (await limiter.peek('127.0.0.1')).remaining === 2)
    // Who leaves in the middle gives back too.
    const leaving = new AbortController()
    const left = fetch(server.url, { signal: leaving.signal }).catch(() => 'left')
    await until('inside', () => server.handled === 3)
    leaving.abort()
    expect(await left).toBe('left')
    finish()
    await until('given back', async () => (await limiter.peek('127.0.0.1')).remaining === 2)
  })

  it("follows the limiter's policy in an outage", async () => {
    // A port where nobody listens is an outage that lasts.
    await using storage = new RedisStorage({ url: `redis://127.0.0.1:${await freePort()}` })
    const limiter = (onStorageError: OutagePolicy) =>
      LimiterFactory.tokenBucket({
        rate: 2,
        per: '1m',
        name: 'api',
        storage,
        onStorageError,
        storageTimeout: '100ms',
      })
    await using open = await serve({ limiter: limiter('allow') })
    for (let i = 0; i < 3; i++) {
      const { status, headers } = await fetch(open.url)
      expect(status).toBe(200)
      // What is promised holds, but nobody knows how the caller stands.
      expect(headers.get('ratelimit-policy')).toBe('"api";q=2;w=60')
      expect(headers.has('ratelimit')).toBe(false)
    }

    await using shut = await serve({ limiter: limiter('deny') })
    const denied = await fetch(shut.url)
    expect(denied.status).toBe(503)
    expect(Number(denied.headers.get('retry-after'))).toBeGreaterThanOrEqual(1)
    expect(denied.headers.has('ratelimit')).toBe(false)
    expect(await denied.json()).toEqual({
      type: 'https://iana.org/assignments/http-problem-types#temporary-reduced-capacity',
      title: 'Request cannot be satisfied due to temporary server capacity constraints',
      status: 503,
      'violated-policies': ['api'],
    })

    // The limiter of this process counts, so a denial is the caller's.
    await using local = await serve({ limiter: limiter('local') })
    const answers = [await fetch(local.url), await fetch(local.url), await fetch(local.url)]
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 429])
    expect(answers[1]?.headers.get('ratelimit')).toMatch(/^"api";r=0;t=(29|30)$/)

    await using throwing = await serve({ limiter: limiter('throw') })
    expect((await fetch(throwing.url)).status).toBe(503)
    expect(shut.handled + throwing.handled).toBe(0)
  })

  it('a cost that can never pass is answered 413', async () => {
    const limiter = LimiterFactory.tokenBucket({ rate: 5 })
    await using server = await serve({ limiter, costHeader: 'x-cost' })
    expect((await fetch(server.url, { headers: { 'x-cost': '6' } })).status).toBe(413)
  })

  it('lets no more through than the limit, under load', async () => {
    const [burst, rate] = [50, 200]
    const limiter = LimiterFactory.tokenBucket({ rate, per: '1s', burst })
    await using server = await serve({ limiter })
    const { ok, limited, others, seconds } = await load(server.url, 1)
    expect(others).toBe(0)
    expect(limited).toBeGreaterThan(0)
    expect(server.handled).toBeLessThanOrEqual(burst + rate * seconds)
    expect(ok).toBeLessThanOrEqual(server.handled)
    // And not much less, or the bound would say nothing: the load lasted a second.
    expect(ok).toBeGreaterThan(burst + rate / 2)
  })
})
