import { CircuitBreaker, LimiterFactory, QueueFactory, Scheduler } from 'aioflux'
import { dashboard } from 'aioflux/dashboard'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { get, post } from './client.ts'
import { serve } from './servers.ts'

// The state is a second old at most: here a second passes when the test says so.
beforeAll(() => void vi.useFakeTimers({ toFake: ['Date'] }))
afterAll(() => void vi.useRealTimers())
const passed = () => vi.setSystemTime(Date.now() + 1000)

const hourly = { rate: 10, per: '1h' } as const

/** Each kind of limiter, and its numbers as the page shows them. */
const limiters = {
  'token-bucket': [
    () => LimiterFactory.tokenBucket({ ...hourly, name: 'l' }),
    { rate: 10, per: 3600, burst: 10 },
  ],
  'sliding-window': [
    () => LimiterFactory.slidingWindow({ ...hourly, name: 'l' }),
    { rate: 10, per: 3600 },
  ],
  'leaky-bucket': [
    () => LimiterFactory.leakyBucket({ ...hourly, capacity: 10, name: 'l' }),
    { rate: 10, per: 3600, capacity: 10 },
  ],
  'fixed-window': [
    () => LimiterFactory.fixedWindow({ ...hourly, name: 'l' }),
    { rate: 10, per: 3600 },
  ],
  'calendar-window': [
    () => LimiterFactory.fixedWindow({ rate: 10, align: 'month', name: 'l' }),
    { rate: 10, align: 'month' },
  ],
} as const

describe.each(Object.entries(limiters))('%s', (rule, [make, quota]) => {
  const open = async () => {
    const limiter = make()
    const server = await serve(dashboard({ limiters: [limiter], access: () => 'all' }))
    return { limiter, server }
  }

  it('tells its numbers; a candidate is judged on live calls, then applied', async () => {
    const { limiter, server } = await open()
    await using _ = server
    const { limiters: before } = await get(server.url, 'api/state')
    expect(before.l).toMatchObject({ rule, quota })
    // What the page sends: the numbers of the limit, some of them changed.
    const { align: __, ...numbers } = { align: '', ...quota }
    const few = Object.fromEntries(
      Object.entries(numbers).map(([name, value]) => [name, name === 'per' ? value : 4]),
    )
    const tried = await post(server.url, 'api/limiters/l/whatif', { quota: few })
    expect([tried.status, await tried.json()]).toEqual([200, { ok: true }])
    for (let i = 0; i < 12; i++) expect(limiter.allow('user')).toBe(i < 10)
    await limiter.consume('other', 5)
    passed()
    const { limiters: judged } = await get(server.url, 'api/state')
    // Of user's 12 calls both let 4 through and deny 2; a cost of 5 is more than the candidate ever holds.
    expect(judged.l.whatIf).toMatchObject({
      quota: { ...quota, ...few },
      calls: 13,
      agree: 6,
      keys: 1,
      wouldDenyKeys: 1,
    })
    expect(judged.l.whatIf.besides).toBeLessThan(0)
    expect((await limiter.peek('fresh')).limit).toBe(10)
    const applied = await post(server.url, 'api/limiters/l/reconfigure', { quota: few })
    expect([applied.status, await applied.json()]).toEqual([200, { ok: true }])
    expect((await limiter.peek('fresh')).limit).toBe(4)
    passed()
    const { limiters: after } = await get(server.url, 'api/state')
    expect(after.l).toMatchObject({ quota: { ...quota, ...few } })
    expect(after.l).not.toHaveProperty('whatIf')
  })

  it('blocks a key, for as long as was said last, and ends the block without giving back', async () => {
    const { limiter, server } = await open()
    await using _ = server
    const key = { key: 'user' }
    expect(limiter.allow('user', 6)).toBe(true)
    const block = (duration: unknown) =>
      post(server.url, 'api/limiters/l/block', { ...key, duration })
    expect((await block('1h')).status).toBe(200)
    expect((await block('1m')).status).toBe(200)
    expect((await limiter.peek('user')).retryAfter).toBeLessThanOrEqual(60)
    const told = await get(server.url, 'api/limiters/l/keys/user')
    expect(told).toMatchObject({ key: 'user', allowed: false })
    expect(Math.abs(told.blocked.until - Date.now() - 60_000)).toBeLessThan(20_000)
    expect((await post(server.url, 'api/limiters/l/unblock', key)).status).toBe(200)
    expect(await get(server.url, 'api/limiters/l/keys/user')).not.toHaveProperty('blocked')
    expect(await limiter.peek('user')).toMatchObject({ allowed: true, remaining: 4 })
    expect((await post(server.url, 'api/limiters/l/unblock', key)).status).toBe(200)
    expect((await block('soon')).status).toBe(400)
    expect((await block(undefined)).status).toBe(400)
  })

  it('gives back, and forgets a key', async () => {
    const { limiter, server } = await open()
    await using _ = server
    limiter.allow('user', 6)
    const act = (verb: string, more: object = {}) =>
      post(server.url, `api/limiters/l/${verb}`, { key: 'user', ...more })
    expect((await act('release', { tokens: 2 })).status).toBe(200)
    expect((await limiter.peek('user')).remaining).toBe(6)
    expect((await act('release', { tokens: 100 })).status).toBe(200)
    expect((await limiter.peek('user')).remaining).toBe(10)
    expect((await act('release', { tokens: -1 })).status).toBe(400)
    limiter.allow('user', 10)
    await limiter.block('user', '1h')
    expect((await act('reset')).status).toBe(200)
    expect(limiter.allow('user', 10)).toBe(true)
    expect((await post(server.url, 'api/limiters/l/reset')).status).toBe(400)
  })
})

describe('an argument that is wrong', () => {
  it.each([
    [
      'limiters/l/reset',
      { key: 5 },
      'key must be a text of at most 4096 characters, got 5 (number)',
    ],
    ['limiters/l/release', { key: 'a', tokens: -1 }, 'tokens must be above 0, got -1'],
    [
      'limiters/l/reconfigure',
      { quota: { rate: 1, brst: 2 } },
      "'brst' is not an argument of this action: the nearest is burst",
    ],
    ['limiters/l/whatif', { rate: '3' }, "rate must be a number, got '3' (string)"],
    [
      'queues/q/pause',
      { everywher: false },
      "'everywher' is not an argument of this action: the nearest is everywhere",
    ],
    [
      'queues/q/redrive',
      { ids: 'all' },
      "ids must be a list of at most 1000 texts, got 'all' (string)",
    ],
    ['breakers/b/isolate', { key: 'a' }, "'key' is not an argument of this action: all are reason"],
  ])('%s %j: %s', async (path, body, message) => {
    const limiter = LimiterFactory.tokenBucket({ rate: 1, name: 'l' })
    await using queue = QueueFactory.fifo({ name: 'q' })
    const board = dashboard({
      limiters: [limiter],
      queues: [queue],
      breakers: [new CircuitBreaker({ name: 'b' })],
      access: () => 'all',
    })
    await using server = await serve(board)
    const answer = await post(server.url, `api/${path}`, body)
    expect([answer.status, ((await answer.json()) as { error: string }).error]).toEqual([
      400,
      expect.stringContaining(message),
    ])
    expect(queue.stats().paused).toBe(false)
  })
})

describe('limiters that cannot be changed or tried', () => {
  const each = {
    adaptive: LimiterFactory.adaptive({ name: 'adaptive' }),
    'adaptive-concurrency': LimiterFactory.adaptiveConcurrency({ name: 'adaptive-concurrency' }),
    composite: LimiterFactory.composite([
      LimiterFactory.tokenBucket({ ...hourly, name: 'a' }),
      LimiterFactory.slidingWindow({ ...hourly, name: 'b' }),
    ]),
  }

  it('say so, and why', async () => {
    await using server = await serve(
      dashboard({ limiters: Object.values(each), access: () => 'all' }),
    )
    const { limiters: told } = await get(server.url, 'api/state')
    for (const [rule, limiter] of Object.entries(each)) {
      const path = `api/limiters/${encodeURIComponent(limiter.name)}`
      expect(told[limiter.name]).toMatchObject({
        rule,
        ...(rule !== 'composite' && { adapts: true }),
      })
      for (const verb of ['whatif', 'reconfigure']) {
        const answer = await post(server.url, `${path}/${verb}`, { quota: { rate: 5, per: 1 } })
        expect([rule, verb, answer.status]).toEqual([rule, verb, 400])
        expect(await answer.text()).toMatch(/adaptive|composite/)
      }
      // A key is blocked and let go in each of them.
      for (const [verb, allowed] of [
        ['block', false],
        ['unblock', true],
      ] as const) {
        const body = { key: 'user', ...(verb === 'block' && { duration: '1h' }) }
        expect((await post(server.url, `${path}/${verb}`, body)).status).toBe(200)
        expect((await limiter.peek('user')).allowed).toBe(allowed)
      }
    }
  })

  it('how many at once is changed, and not tried', async () => {
    const limiter = LimiterFactory.concurrency({ limit: 3, name: 'l' })
    await using server = await serve(dashboard({ limiters: [limiter], access: () => 'all' }))
    const quota = { limit: 5 }
    expect((await post(server.url, 'api/limiters/l/reconfigure', { quota })).status).toBe(200)
    expect((await limiter.peek('user')).limit).toBe(5)
    expect((await post(server.url, 'api/limiters/l/whatif', { quota })).status).toBe(400)
  })
})

describe('a trial', () => {
  const open = async () => {
    const limiter = LimiterFactory.tokenBucket({ ...hourly, name: 'l' })
    const server = await serve(dashboard({ limiters: [limiter], access: () => 'all' }))
    const whatIf = async () => {
      passed()
      return (await get(server.url, 'api/state')).limiters.l.whatIf
    }
    return { limiter, server, whatIf }
  }

  it('of larger numbers says what would pass besides', async () => {
    const { limiter, server, whatIf } = await open()
    await using _ = server
    await post(server.url, 'api/limiters/l/whatif', { quota: { burst: 20 } })
    for (let i = 0; i < 15; i++) limiter.allow('user')
    const told = await whatIf()
    expect(told).toMatchObject({ calls: 15, agree: 10, keys: 1, wouldDenyKeys: 0 })
    expect(told.besides).toBeGreaterThan(0)
  })

  it('ends when it is stopped, or another begins; bad numbers leave it as it is', async () => {
    const { limiter, server, whatIf } = await open()
    await using _ = server
    const act = (body: object) => post(server.url, 'api/limiters/l/whatif', body)
    await act({ quota: { rate: 5, burst: 5 } })
    limiter.allow('user')
    expect((await whatIf()).calls).toBe(1)
    for (const quota of [{ rate: -1 }, { rate: 'many' }, { capacity: 5 }, {}]) {
      expect([quota, (await act({ quota })).status]).toEqual([quota, 400])
    }
    expect((await whatIf()).calls).toBe(1)
    await act({ quota: { rate: 6, burst: 6 } })
    expect(await whatIf()).toMatchObject({ calls: 0, quota: { rate: 6, burst: 6 } })
    await act({ stop: true })
    expect(await whatIf()).toBe(undefined)
  })

  it('of a limit that is a shadow itself: what would be denied is told', async () => {
    const limiter = LimiterFactory.tokenBucket({ ...hourly, name: 'l', shadow: true })
    await using server = await serve(dashboard({ limiters: [limiter], access: () => 'all' }))
    expect((await get(server.url, 'api/state')).limiters.l).toMatchObject({ wouldDeny: 0 })
    await post(server.url, 'api/limiters/l/whatif', { quota: { burst: 5 } })
    for (let i = 0; i < 15; i++) expect(limiter.allow('user')).toBe(true)
    passed()
    const told = (await get(server.url, 'api/state')).limiters.l
    expect(told.denied).toBe(0)
    expect(told.wouldDeny).toBeGreaterThan(0)
    expect(told.whatIf).toMatchObject({ calls: 15, agree: 5, keys: 0, wouldDenyKeys: 1 })
  })
})

describe('what is done to queues, breakers and schedules', () => {
  const scene = async () => {
    const queue = QueueFactory.fifo<string>({
      name: 'mails',
      workers: 2,
      keep: { dead: { count: 10 } },
      handler: async (item) => {
        throw new Error(item)
      },
    })
    for (const event of ['failed', 'error'] as const) queue.on(event, () => {})
    const breaker = new CircuitBreaker({ name: 'gateway' })
    const ran: string[] = []
    let end = () => {}
    const scheduler = new Scheduler({ timezone: 'UTC' })
    scheduler.cron(
      '0 5 1 1 *',
      () => {
        ran.push('report')
        return new Promise<void>((resolve) => {
          end = resolve
        })
      },
      { name: 'report' },
    )
    scheduler.start()
    const server = await serve(
      dashboard({
        queues: [queue],
        breakers: [breaker],
        schedulers: [scheduler],
        access: () => ({ may: 'all', user: 'nika' }),
      }),
    )
    const act = async (path: string, body: object = {}) => {
      const answer = await post(server.url, `api/${path}`, body)
      return [answer.status, await answer.json()]
    }
    return {
      queue,
      breaker,
      ran,
      server,
      act,
      async [Symbol.asyncDispose]() {
        end()
        await queue.stop({ mode: 'drop' })
        await scheduler.stop()
        await server[Symbol.asyncDispose]()
      },
    }
  }

  it('a queue is paused, goes on, and has other workers', async () => {
    await using scened = await scene()
    const { queue, act } = scened
    expect(await act('queues/mails/pause')).toEqual([200, { ok: true }])
    expect(queue.stats().paused).toBe(true)
    expect(await act('queues/mails/resume')).toEqual([200, { ok: true }])
    expect(queue.stats().paused).toBe(false)
    expect(await act('queues/mails/workers', { workers: 7 })).toEqual([
      200,
      { ok: true, workers: 7 },
    ])
    expect(queue.workers).toBe(7)
    for (const workers of [-1, 1.5, '3', null]) {
      expect([workers, (await act('queues/mails/workers', { workers }))[0]]).toEqual([workers, 400])
    }
    expect(queue.workers).toBe(7)
  })

  it('jobs are redriven: one, those of an error, or all', async () => {
    await using scened = await scene()
    const { queue, act, server } = scened
    const ids: string[] = []
    for (const item of ['a', 'a', 'b', 'c']) ids.push((await queue.put(item)).id)
    queue.start()
    await queue.onIdle()
    queue.pause()
    const { deaths } = await get(server.url, 'api/queues/mails')
    const a = deaths.find(({ count }: { count: number }) => count === 2)
    expect(await act('queues/mails/redrive', { error: a.error })).toEqual([
      200,
      { ok: true, redriven: 2 },
    ])
    expect(await act(`queues/mails/jobs/${ids[2]}/redrive`)).toEqual([200, { ok: true }])
    expect(await act('queues/mails/redrive', { limit: 10 })).toEqual([
      200,
      { ok: true, redriven: 1 },
    ])
    expect(await queue.counts()).toMatchObject({ dead: 0, waiting: 4 })
    expect((await act('queues/mails/redrive', { ids: 'all' }))[0]).toBe(400)
    expect((await act('queues/mails/jobs/none/redrive'))[0]).toBe(404)
  })

  it('jobs are cancelled and removed; those that are not there are told', async () => {
    await using scened = await scene()
    const { queue, act } = scened
    const { id } = await queue.put('a', { delay: '1h' })
    const later = await queue.put('b', { delay: '1h' })
    expect(await act(`queues/mails/jobs/${id}/cancel`, { reason: 'twice' })).toEqual([
      200,
      { ok: true },
    ])
    expect(await queue.job(id)).toBe(undefined)
    expect(await act(`queues/mails/jobs/${later.id}/remove`)).toEqual([200, { ok: true }])
    for (const verb of ['cancel', 'remove', 'redrive', 'toString', 'burn']) {
      expect([verb, (await act(`queues/mails/jobs/none/${verb}`))[0]]).toEqual([verb, 404])
    }
  })

  it('a breaker is isolated and closed, a schedule runs as often as its overlap allows', async () => {
    await using scened = await scene()
    const { breaker, ran, act, server } = scened
    await act('breakers/gateway/isolate', { reason: 'they asked' })
    expect(breaker.state).toBe('isolated')
    await act('breakers/gateway/reset')
    expect(breaker.state).toBe('closed')
    expect(await act('schedules/report/run')).toEqual([200, { ok: true }])
    expect(ran).toEqual(['report'])
    expect((await act('schedules/report/run'))[0]).toBe(409)
    expect(ran).toEqual(['report'])
    const { happened } = await get(server.url, 'api/state')
    expect(happened).toMatchObject([
      { kind: 'breaker', name: 'gateway', action: 'isolate', who: 'nika', reason: 'they asked' },
      { action: 'reset', who: 'nika' },
      { kind: 'schedule', name: 'report', action: 'run' },
    ])
    for (const path of ['breakers/none/isolate', 'breakers/gateway/open', 'schedules/none/run']) {
      expect([path, (await act(path))[0]]).toEqual([path, 404])
    }
  })
})
