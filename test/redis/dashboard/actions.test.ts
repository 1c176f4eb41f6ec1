import { type Limiter, LimiterFactory, QueueFactory } from 'aioflux'
import { dashboard } from 'aioflux/dashboard'
import { RedisStorage } from 'aioflux/redis'
import { afterAll, describe, expect, inject, it } from 'vitest'
import { dashboard as command } from '../../../src/cli/dashboard.ts'
import { get, post } from '../../dashboard/client.ts'
import { serve } from '../../dashboard/servers.ts'

const url = inject('redisUrl')
const prefix = `acts[${process.pid}]`
const storage = () => new RedisStorage({ url, prefix, timeout: '20s' })
const [here, there] = [storage(), storage()]
afterAll(async () => {
  await here.close()
  await there.close()
})

const hourly = { rate: 10, per: '1h' } as const
const kinds: Record<string, (name: string, at: RedisStorage) => Limiter> = {
  'token-bucket': (name, at) =>
    LimiterFactory.tokenBucket({ ...hourly, name, scope: name, storage: at }),
  'sliding-window': (name, at) =>
    LimiterFactory.slidingWindow({ ...hourly, name, scope: name, storage: at }),
  'fixed-window': (name, at) =>
    LimiterFactory.fixedWindow({ ...hourly, name, scope: name, storage: at }),
  'leaky-bucket': (name, at) =>
    LimiterFactory.leakyBucket({ ...hourly, capacity: 10, name, scope: name, storage: at }),
  'calendar-window': (name, at) =>
    LimiterFactory.fixedWindow({ rate: 10, align: 'month', name, scope: name, storage: at }),
}

describe.each(Object.entries(kinds))('a limiter over Redis: %s', (rule, make) => {
  /** The limiter of the process with the dashboard, and the same one in another process. */
  const open = async (what: string) => {
    const name = `${rule}-${what}`
    const [own, other] = [make(name, here), make(name, there)]
    const server = await serve(
      dashboard({ limiters: [own], access: () => ({ may: 'all', user: 'nika' }) }),
    )
    const path = `api/limiters/${name}`
    return {
      own,
      other,
      server,
      name,
      act: async (verb: string, body: object) => {
        const answer = await post(server.url, `${path}/${verb}`, body)
        return [answer.status, await answer.json()]
      },
      key: (key: string) => get(server.url, `${path}/keys/${encodeURIComponent(key)}`),
    }
  }
  const passes = async (limiter: Limiter, key: string, cost = 1) =>
    (await limiter.consume(key, cost)).allowed

  it('a key is blocked for all processes, and the block ends without giving back', async () => {
    const { own, other, server, act, key } = await open('block')
    await using _ = server
    const odd = { key: 'user {1}:\u202e' }
    expect(await passes(other, odd.key, 6)).toBe(true)
    expect((await act('block', { ...odd, duration: '1h' }))[0]).toBe(200)
    expect(await passes(other, odd.key)).toBe(false)
    expect((await act('block', { ...odd, duration: '1m' }))[0]).toBe(200)
    expect((await other.peek(odd.key)).retryAfter).toBeLessThanOrEqual(60)
    expect(await key(odd.key)).toMatchObject({ allowed: false, blocked: { by: 'nika' } })
    expect(await act('unblock', odd)).toEqual([200, { ok: true }])
    expect(await other.peek(odd.key)).toMatchObject({ allowed: true, remaining: 4 })
    expect(await key(odd.key)).toMatchObject({ allowed: true, remaining: 4, limit: 10 })
    expect(await passes(own, odd.key, 4)).toBe(true)
    expect((await act('block', { ...odd, duration: 'soon' }))[0]).toBe(400)
  })

  it('tokens are given back, and a key is forgotten, for all processes', async () => {
    const { other, server, act } = await open('reset')
    await using _ = server
    expect(await passes(other, 'user', 10)).toBe(true)
    expect((await act('release', { key: 'user', tokens: 3 }))[0]).toBe(200)
    expect((await other.peek('user')).remaining).toBe(3)
    expect((await act('release', { key: 'user', tokens: -1 }))[0]).toBe(400)
    await act('block', { key: 'user', duration: '1h' })
    expect((await act('reset', { key: 'user' }))[0]).toBe(200)
    expect(await passes(other, 'user', 10)).toBe(true)
  })

  it('other numbers are judged on live calls, then applied in this process', async () => {
    const { own, other, server, act, name } = await open('change')
    await using _ = server
    const { quota } = (await get(server.url, 'api/state')).limiters[name]
    const few = Object.fromEntries(
      Object.entries(quota as object)
        .filter(([field]) => field !== 'align')
        .map(([field, value]) => [field, field === 'per' ? value : 4]),
    )
    expect(await act('whatif', { quota: few })).toEqual([200, { ok: true }])
    for (let i = 0; i < 12; i++) expect(await passes(own, 'user')).toBe(i < 10)
    await expect
      .poll(async () => (await get(server.url, 'api/state')).limiters[name].whatIf, {
        timeout: 5000,
      })
      .toMatchObject({ calls: 12, agree: 6, keys: 1, wouldDenyKeys: 1 })
    expect((await own.peek('fresh')).limit).toBe(10)
    expect(await act('reconfigure', { quota: few })).toEqual([200, { ok: true }])
    expect((await own.peek('fresh')).limit).toBe(4)
    // The other process has the limit of its code: the page says so before it is changed.
    expect((await other.peek('fresh')).limit).toBe(10)
    expect((await act('reconfigure', { quota: { rate: -1 } }))[0]).toBe(400)
    expect((await own.peek('fresh')).limit).toBe(4)
  })
})

describe('a concurrency limit over Redis', () => {
  it('is changed, and a key of it is blocked', async () => {
    const own = LimiterFactory.concurrency({ limit: 2, name: 'uploads', storage: here })
    await using server = await serve(dashboard({ limiters: [own], access: () => 'all' }))
    const act = async (verb: string, body: object) =>
      (await post(server.url, `api/limiters/uploads/${verb}`, body)).status
    expect(await act('reconfigure', { quota: { limit: 5 } })).toBe(200)
    expect((await own.peek('user')).limit).toBe(5)
    expect(await act('whatif', { quota: { limit: 5 } })).toBe(400)
    expect(await act('block', { key: 'user', duration: '1m' })).toBe(200)
    expect((await own.peek('user')).allowed).toBe(false)
    expect(await act('unblock', { key: 'user' })).toBe(200)
    expect((await own.peek('user')).allowed).toBe(true)
  })
})

/** A queue whose jobs die, run until they are called off, or wait, as their items say. */
function queueOf(name: string, at: RedisStorage) {
  const queue = QueueFactory.priority<string>({
    name,
    storage: at,
    workers: 4,
    keep: { dead: { count: 100 }, completed: { count: 100 } },
    handler: (item, { signal }) =>
      item === 'runs'
        ? new Promise((_, reject) => {
            signal.addEventListener('abort', () => reject(signal.reason as Error))
          })
        : Promise.reject(new Error(`no ${item}`)),
  })
  for (const event of ['failed', 'error'] as const) queue.on(event, () => {})
  return queue
}

/** Acts on a queue through a dashboard at `base`, and looks at what became of it in the process that runs the queue. */
async function actOn(
  queue: ReturnType<typeof queueOf>,
  base: string,
  headers: Record<string, string>,
): Promise<void> {
  const { name } = queue
  const path = `${base}api/queues/${name}`
  const act = async (verb: string, body: object = {}) => {
    const answer = await fetch(`${path}/${verb}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'sec-fetch-site': 'same-origin', ...headers },
      body: JSON.stringify(body),
    })
    return [answer.status, await answer.json()]
  }
  // biome-ignore lint/suspicious/noExplicitAny: tests look at what they know is there.
  const ask = async (rest = ''): Promise<any> => (await fetch(path + rest, { headers })).json()
  const state = async (id: string) => (await queue.job(id))?.state
  const patience = { timeout: 15_000 }
  await queue.put('way', { id: 'died-1' })
  await queue.put('way', { id: 'died-2' })
  await queue.put('time', { id: 'died-3' })
  await queue.put('runs', { id: 'runs' })
  await queue.put('later', { id: 'later', delay: '1h' })
  await queue.put('later', { id: 'gone', delay: '1h' })
  await queue.start()
  for (const id of ['died-1', 'died-2', 'died-3']) {
    await expect.poll(() => state(id), patience).toBe('dead')
  }
  await expect.poll(() => state('runs'), patience).toBe('running')
  // The dashboard finds a queue of others when it looks through the storage.
  await expect
    .poll(async () => (await fetch(`${base}api/state`, { headers })).json(), patience)
    .toMatchObject({ queues: { [name]: { dead: 3, running: 1, delayed: 2 } } })

  expect(await act('pause')).toEqual([200, { ok: true }])
  await expect.poll(() => queue.stats().paused, patience).toBe(true)
  const { deaths } = await ask()
  expect(deaths).toMatchObject([
    { error: 'no way', count: 2 },
    { error: 'no time', count: 1 },
  ])
  expect(await act('redrive', { error: 'no way' })).toEqual([200, { ok: true, redriven: 2 }])
  expect(await act('jobs/died-3/redrive')).toEqual([200, { ok: true }])
  expect(await state('died-3')).toBe('waiting')
  expect(await queue.counts()).toMatchObject({ dead: 0, waiting: 3 })
  expect((await act('jobs/died-3/redrive'))[0]).toBe(404)

  expect(await act('jobs/died-3/remove')).toEqual([200, { ok: true }])
  expect(await act('jobs/gone/remove')).toEqual([200, { ok: true }])
  expect(await state('gone')).toBe(undefined)
  expect(await act('jobs/later/cancel', { reason: 'not any more' })).toEqual([200, { ok: true }])
  expect(await state('later')).toBe(undefined)
  expect((await act('jobs/runs/remove'))[0]).toBe(409)
  expect(await act('jobs/runs/cancel', { reason: 'too long' })).toEqual([200, { ok: true }])
  await expect.poll(() => state('runs'), patience).not.toBe('running')
  for (const verb of ['cancel', 'remove', 'redrive']) {
    expect([verb, (await act(`jobs/none/${verb}`))[0]]).toEqual([verb, 404])
  }

  expect(await act('resume')).toEqual([200, { ok: true }])
  await expect.poll(() => queue.stats().paused, patience).toBe(false)
  await expect.poll(() => state('died-1'), patience).toBe('dead')
  const { jobs } = await ask('/jobs?state=dead&limit=1')
  expect(jobs).toHaveLength(1)
  expect(JSON.stringify(jobs)).not.toContain('"item"')
  expect(await ask('/jobs/died-1')).toMatchObject({ state: 'dead', error: { message: 'no way' } })
}

describe('a durable queue', () => {
  it('is acted on in the process that runs it, workers too', async () => {
    const mails = queueOf('mails-here', here)
    await using server = await serve(
      dashboard({ queues: [mails], access: () => ({ may: 'all', user: 'nika' }) }),
    )
    try {
      await actOn(mails, server.url, {})
      const workers = await post(server.url, 'api/queues/mails-here/workers', { workers: 7 })
      expect([workers.status, mails.workers]).toEqual([200, 7])
      const { happened } = await get(server.url, 'api/state')
      const told = happened.filter(({ action }: { action?: string }) => action !== undefined)
      expect(told.every(({ who }: { who?: string }) => who === 'nika')).toBe(true)
      expect(told).toContainEqual(
        expect.objectContaining({ action: 'job-cancel', target: 'runs', reason: 'too long' }),
      )
    } finally {
      await mails.stop({ mode: 'drop', deadline: 0 })
    }
  })

  it('is acted on from a process that runs none of it', async () => {
    const mails = queueOf('mails-there', there)
    await using server = await serve(dashboard({ storage: here, access: () => 'all' }))
    try {
      await actOn(mails, server.url, {})
      expect(
        (await post(server.url, 'api/queues/mails-there/workers', { workers: 7 })).status,
      ).toBe(409)
    } finally {
      await mails.stop({ mode: 'drop', deadline: 0 })
    }
  })

  it('is acted on through the command', async () => {
    const mails = queueOf('mails-command', there)
    const lines: string[] = []
    const output = { write: (text: string) => lines.push(text), isTTY: false, columns: 80 }
    const terminal = {
      stdin: (async function* () {})(),
      stdout: output,
      stderr: output,
      env: { USER: 'nika' },
    }
    const leave = new AbortController()
    const served = command(
      ['--redis', url, '--prefix', prefix, '--port', '0'],
      terminal as never,
      leave.signal,
    )
    try {
      await expect.poll(() => lines.join(''), { timeout: 5000 }).toContain('token=')
      const address = lines.join('').trim()
      const first = await fetch(address, { redirect: 'manual' })
      const cookie = (first.headers.get('set-cookie') as string).split(';')[0] as string
      await actOn(mails, `${new URL(address).origin}/`, { cookie })
      const seen = await fetch(`${new URL(address).origin}/api/state`, { headers: { cookie } })
      expect(await seen.json()).toMatchObject({ me: { may: 'all', user: 'nika' } })
      // Without the cookie nobody acts.
      const stranger = await post(`${new URL(address).origin}/`, 'api/queues/mails-command/pause')
      expect(stranger.status).toBe(401)
    } finally {
      leave.abort()
      await served
      await mails.stop({ mode: 'drop', deadline: 0 })
    }
  })
})

describe('a Redis that is away', () => {
  it('is told as such, and no action passes for done', async () => {
    const away = new RedisStorage({ url: 'redis://127.0.0.1:1', timeout: '300ms' })
    const limiter = LimiterFactory.tokenBucket({ ...hourly, name: 'away', storage: away })
    await using server = await serve(
      dashboard({ limiters: [limiter], storage: away, access: () => 'all' }),
    )
    const block = await post(server.url, 'api/limiters/away/block', { key: 'user', duration: '1m' })
    expect(block.status).toBe(503)
    const seen = await get(server.url, 'api/state')
    expect(seen.storage.redis).toMatchObject({ reachable: false })
    expect(seen.troubles).toContainEqual(
      expect.objectContaining({ kind: 'storage', code: 'unreachable', level: 'bad' }),
    )
    expect(seen.happened.filter(({ action }: { action?: string }) => action)).toEqual([])
    await away.close()
  })
})
