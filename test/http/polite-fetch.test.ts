import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { LimiterFactory } from 'aioflux'
import { type PoliteFetchOptions, politeFetch, rateLimitMiddleware } from 'aioflux/http'
import { ManualClock } from 'aioflux/testing'
import { afterEach, describe, expect, it } from 'vitest'
import { Lanes } from '../../src/http/lanes.ts'
import { until } from '../support/until.ts'

type Answer = (req: IncomingMessage, res: ServerResponse, count: number) => unknown

const servers: AsyncDisposable[] = []
afterEach(async () => {
  for (const server of servers.splice(0)) await server[Symbol.asyncDispose]()
})

/** A real server; counts what reaches it. */
async function serve(answer: Answer) {
  const state = { url: '', count: 0 }
  const server = createServer((req, res) => {
    state.count += 1
    answer(req, res, state.count)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  state.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  servers.push({
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  })
  return state
}

/** The first answer is this one, all others are 200. */
const first =
  (status: number, headers: Record<string, string>): Answer =>
  (_req, res, count) => {
    if (count === 1) res.writeHead(status, headers).end('no')
    else res.end('ok')
  }

const setup = (options: PoliteFetchOptions = {}) => {
  const clock = new ManualClock()
  return { clock, fetch: politeFetch({ clock, jitter: 0, ...options }) }
}

/**
 * What a politeFetch may send with, and a clock that moves a second at a time, but never while a request is under way: what
 * took a moment on the line would have taken seconds there, and calls that were sent apart would arrive in one bunch.
 */
function inStep() {
  const clock = new ManualClock()
  let underWay = 0
  return {
    clock,
    async fetch(...args: Parameters<typeof fetch>) {
      underWay += 1
      return fetch(...args).finally(() => {
        underWay -= 1
      })
    },
    /** Lets time pass until `work` has ended. */
    async passUntil<T>(work: Promise<T>): Promise<T> {
      let ended = false
      const end = () => {
        ended = true
      }
      work.then(end, end)
      const look = async () => {
        if (underWay === 0) await clock.advanceAsync('1s')
        return ended
      }
      await until('its end', look, { every: 1 })
      return work
    },
  }
}

/** A round trip to somebody else: whatever could have been sent meanwhile has been. */
async function meanwhile() {
  const other = await serve((_req, res) => res.end())
  await fetch(other.url)
}

describe('Retry-After', () => {
  it('pauses everybody on that key, and nobody else', async () => {
    const busy = await serve(first(429, { 'retry-after': '30' }))
    const other = await serve((_req, res) => res.end('other'))
    const { clock, fetch } = setup()
    const calls = [fetch(busy.url)]
    await until('the pause', () => clock.timers > 0)
    calls.push(fetch(busy.url), fetch(`${busy.url}another`))
    expect(await (await fetch(other.url)).text()).toBe('other')
    await clock.advanceAsync('29.999s')
    await meanwhile()
    expect(busy.count).toBe(1)
    await clock.advanceAsync('1ms')
    for (const response of await Promise.all(calls)) expect(response.status).toBe(200)
    expect(busy.count).toBe(4)
  })

  it('may be a date, which is compared with the server’s own', async () => {
    const server = await serve(
      first(503, {
        date: 'Mon, 01 Jan 2001 00:00:00 GMT',
        'retry-after': 'Mon, 01 Jan 2001 00:00:20 GMT',
      }),
    )
    const { clock, fetch } = setup()
    const call = fetch(server.url)
    await until('the pause', () => clock.timers > 0)
    await clock.advanceAsync('19.999s')
    await meanwhile()
    expect(server.count).toBe(1)
    await clock.advanceAsync('1ms')
    expect((await call).status).toBe(200)
  })

  it('is kept a little longer, and never shorter, so that not all come back at once', async () => {
    const server = await serve(first(429, { 'retry-after': '10' }))
    const { clock, fetch } = setup({ jitter: 0.2, random: () => 0.5 })
    const call = fetch(server.url)
    await until('the pause', () => clock.timers > 0)
    await clock.advanceAsync('10.999s')
    await meanwhile()
    expect(server.count).toBe(1)
    await clock.advanceAsync('1ms')
    expect((await call).status).toBe(200)
  })

  it('too long to wait for: the answer is returned, and later calls are refused at once', async () => {
    const server = await serve((_req, res) => res.writeHead(429, { 'retry-after': '61' }).end('no'))
    const { clock, fetch } = setup()
    const response = await fetch(server.url)
    expect([response.status, await response.text()]).toEqual([429, 'no'])
    const refused = fetch(server.url)
    await expect(refused).rejects.toMatchObject({ code: 'WAIT_TIMEOUT', retryAfter: 61 })
    await expect(refused).rejects.toThrow(/may be asked again in 61 s, later than .* \(60 s left\)/)
    expect([server.count, clock.timers]).toEqual([1, 0])
  })

  it('a call that is aborted leaves, and the others go on', async () => {
    const server = await serve(first(429, { 'retry-after': '5' }))
    const { clock, fetch } = setup()
    const staying = fetch(server.url)
    await until('the pause', () => clock.timers > 0)
    const leaving = new AbortController()
    const left = fetch(server.url, { signal: leaving.signal })
    leaving.abort(new Error('enough'))
    await expect(left).rejects.toThrow('enough')
    await clock.advanceAsync('5s')
    expect((await staying).status).toBe(200)
    expect(server.count).toBe(2)
  })
})

describe('RateLimit', () => {
  it.each<[string, Record<string, string>]>([
    ['of draft 8 and later', { ratelimit: '"day";r=9;t=3600, "minute";r=0;t=7' }],
    ['of draft 7', { ratelimit: 'limit=10, remaining=0, reset=7' }],
    ['of draft 6', { 'ratelimit-remaining': '0', 'ratelimit-reset': '7' }],
    ['as X-RateLimit in seconds', { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '7' }],
    [
      'as X-RateLimit with a date',
      {
        date: new Date(1_900_000_000_000).toUTCString(),
        'x-ratelimit-remaining': '0',
        'x-ratelimit-reset': '1900000007',
      },
    ],
  ])('%s: when nothing is left, the next call waits', async (_name, headers) => {
    const server = await serve(first(200, headers))
    const { clock, fetch } = setup()
    await fetch(server.url)
    const next = fetch(server.url)
    await until('the pause', () => clock.timers > 0)
    await clock.advanceAsync('6.999s')
    await meanwhile()
    expect(server.count).toBe(1)
    await clock.advanceAsync('1ms')
    expect((await next).status).toBe(200)
  })

  it.each(['', 'nonsense', '"x";r=0', '"x";r=0;t=9 "y"', '"x";r="0";t=9'])(
    'what cannot be read says nothing: %j',
    async (ratelimit) => {
      const server = await serve((_req, res) => res.writeHead(200, { ratelimit }).end())
      const { fetch } = setup()
      await fetch(server.url)
      expect((await fetch(server.url)).status).toBe(200)
    },
  )

  it('no more go than are left, those under way included', async () => {
    let held: ServerResponse[] = []
    const server = await serve((_req, res, count) => {
      if (count === 1) res.writeHead(200, { ratelimit: '"x";r=3;t=60' }).end()
      else held.push(res)
    })
    const { clock, fetch } = setup({ timeout: '10m' })
    await fetch(server.url)
    const calls = Array.from({ length: 5 }, () => fetch(server.url))
    await until('three', () => held.length === 3)
    await meanwhile()
    expect(server.count).toBe(4)
    const three = held
    held = []
    for (const res of three) res.writeHead(200, { ratelimit: '"x";r=0;t=60' }).end()
    await until('three answers', async () => (await Promise.race(calls)).ok)
    await clock.advanceAsync('60s')
    await until('one more', () => held.length === 1)
    held.pop()?.end()
    await until('the last', () => held.length === 1)
    held.pop()?.end()
    expect((await Promise.all(calls)).map(({ status }) => status)).toEqual([
      200, 200, 200, 200, 200,
    ])
  })
})

describe('after a pause', () => {
  it('one goes first, and each good answer lets two more go', async () => {
    const held: ServerResponse[] = []
    const server = await serve((_req, res, count) => {
      if (count === 1) res.writeHead(429, { 'retry-after': '9' }).end()
      else held.push(res)
    })
    const { clock, fetch } = setup({ retries: 1 })
    const calls = Array.from({ length: 20 }, () => fetch(server.url))
    // All went at once: nothing was known. The first answer stopped none of them, so answer the others.
    await until('all', () => server.count === 20)
    for (const res of held.splice(0)) res.writeHead(429, { 'retry-after': '9' }).end()
    await until('the pause', () => clock.timers > 0)
    await meanwhile()
    await clock.advanceAsync('9s')
    for (const wave of [1, 2, 4, 8, 5]) {
      await until(`a wave of ${wave}`, () => held.length === wave)
      await meanwhile()
      expect(held.length).toBe(wave)
      for (const res of held.splice(0)) res.end('ok')
    }
    expect((await Promise.all(calls)).every(({ status }) => status === 200)).toBe(true)
    expect(clock.timers).toBe(0)
  })

  it('one that is not answered holds up the others for a second each', async () => {
    const held: ServerResponse[] = []
    const server = await serve((_req, res, count) => {
      if (count === 1) res.writeHead(429, { 'retry-after': '9' }).end()
      else held.push(res)
    })
    const { clock, fetch } = setup()
    const calls = [fetch(server.url)]
    await until('the pause', () => clock.timers > 0)
    calls.push(fetch(server.url), fetch(server.url))
    await clock.advanceAsync('9s')
    await until('the first', () => held.length === 1)
    await clock.advanceAsync('1s')
    await until('the second', () => held.length === 2)
    await meanwhile()
    expect(held.length).toBe(2)
    await clock.advanceAsync('1s')
    await until('the third', () => held.length === 3)
    for (const res of held) res.end()
    await Promise.all(calls)
  })
})

describe('trying again', () => {
  const bodies: string[] = []
  const failing = (status: number, headers: Record<string, string> = {}) =>
    serve(async (req, res) => {
      bodies.push(await text(req))
      res.writeHead(status, headers).end()
    })

  /** How often a call that always fails is sent. */
  async function sends(status: number, init: RequestInit & { duplex?: 'half' }, retries = 2) {
    bodies.length = 0
    const server = await failing(status, { 'retry-after': '1' })
    const { passUntil, ...step } = inStep()
    const { fetch } = setup({ retries, ...step })
    const response = await passUntil(fetch(server.url, init))
    expect(response.status).toBe(status)
    return server.count
  }

  it('429 and 503 as often as allowed, other answers not at all', async () => {
    expect(await sends(429, {})).toBe(3)
    expect(await sends(503, {})).toBe(3)
    expect(await sends(429, {}, 0)).toBe(1)
    expect(await sends(500, {})).toBe(1)
    expect(await sends(404, {})).toBe(1)
  })

  it('with the whole body, where that can be sent again', async () => {
    const form = new URLSearchParams({ a: '1' })
    for (const body of ['text', new TextEncoder().encode('text'), new Blob(['text']), form]) {
      expect(await sends(429, { method: 'POST', body })).toBe(3)
      expect(new Set(bodies)).toEqual(new Set([body === form ? 'a=1' : 'text']))
    }
    const stream = new Blob(['text']).stream() as unknown as Blob
    expect(await sends(429, { method: 'POST', body: stream, duplex: 'half' })).toBe(1)
  })

  it('not 503 of what may have been half done', async () => {
    expect(await sends(503, { method: 'POST', body: 'x' })).toBe(1)
    expect(await sends(503, { method: 'PUT', body: 'x' })).toBe(3)
  })

  it('by its own delays where the server says none; after 503 only this call waits', async () => {
    const server = await serve(first(503, {}))
    const { clock, fetch } = setup({ backoff: { jitter: 'none', baseDelay: '3s' } })
    const call = fetch(server.url)
    await until('the pause', () => clock.timers > 0)
    expect((await fetch(server.url)).status).toBe(200)
    await clock.advanceAsync('2.999s')
    await meanwhile()
    expect(server.count).toBe(2)
    await clock.advanceAsync('1ms')
    expect((await call).status).toBe(200)

    const busy = await serve(first(429, {}))
    const calls = [fetch(busy.url)]
    await until('the pause', () => clock.timers > 0)
    calls.push(fetch(busy.url))
    await clock.advanceAsync('2.999s')
    await meanwhile()
    expect(busy.count).toBe(1)
    await clock.advanceAsync('1ms')
    expect((await Promise.all(calls)).map(({ status }) => status)).toEqual([200, 200])
  })

  it('what becomes of a body that nobody reads changes nothing', async () => {
    const locked = new Response('busy').body as ReadableStream
    locked.getReader()
    const never = () => new Promise<void>(() => {})
    const bodies = {
      'has failed': new ReadableStream({ start: (to) => to.error(new Error('of the body')) }),
      'cannot be cancelled': new ReadableStream({ cancel: () => Promise.reject(new Error('no')) }),
      'is never cancelled': new ReadableStream({ cancel: never }),
      'is read by somebody else': locked,
    }
    for (const [name, body] of Object.entries(bodies)) {
      const busy = { status: 429, headers: new Headers({ 'retry-after': '0' }), body }
      const answers = [busy as unknown as Response, new Response('ok')]
      const fetch = politeFetch({ fetch: async () => answers.shift() as Response })
      expect((await fetch('http://upstream.test/')).status, name).toBe(200)
    }
  })

  it('a failure of the network is thrown, and holds up nobody', async () => {
    const server = await serve((_req, res) => res.destroy())
    const { clock, fetch } = setup()
    // Each runtime has its own words for it; here they arrive as they are.
    const words = /^fetch failed|socket connection was closed|connection (closed|error)/i
    await expect(fetch(server.url)).rejects.toThrow(words)
    await expect(fetch(server.url)).rejects.toThrow(words)
    expect(clock.timers).toBe(0)
  })
})

/** A server behind a guard of five requests per ten seconds, by the client's clock. */
async function guarded() {
  const step = inStep()
  const limit = { rate: 5, per: '10s', clock: step.clock } as const
  const guard = rateLimitMiddleware(LimiterFactory.tokenBucket(limit))
  const refused: string[] = []
  const server = await serve(async (req, res) => {
    if (await guard(req, res)) res.end('ok')
    else refused.push(req.url ?? '')
  })
  return { ...step, limit, refused, server }
}

it('with a limiter of its own it is not refused by a server with the same limit', async () => {
  const { clock, fetch, passUntil, limit, refused, server } = await guarded()
  const polite = politeFetch({ clock, fetch, limiter: LimiterFactory.tokenBucket(limit) })
  const calls = Array.from({ length: 20 }, () => polite(server.url))
  const statuses = (await passUntil(Promise.all(calls))).map(({ status }) => status)
  expect([new Set(statuses), refused]).toEqual([new Set([200]), []])
})

it('without one it gets all through a guard, and is refused only before it knows', async () => {
  const { clock, fetch, passUntil, refused, server } = await guarded()
  const polite = politeFetch({ clock, fetch, timeout: '10m', retries: 2 })
  expect((await polite(server.url)).status).toBe(200)
  const calls = Array.from({ length: 30 }, () => polite(server.url))
  const statuses = (await passUntil(Promise.all(calls))).map(({ status }) => status)
  expect([new Set(statuses), refused]).toEqual([new Set([200]), []])
})

it('gives back what its limiter holds', async () => {
  const server = await serve((_req, res) => res.end())
  const limiter = LimiterFactory.concurrency({ limit: 1 })
  const fetch = politeFetch({ limiter, key: (url) => url.pathname })
  await Promise.all(Array.from({ length: 5 }, () => fetch(server.url)))
  expect((await limiter.peek('/')).remaining).toBe(1)
})

it('forgets servers with nothing to remember', () => {
  const clock = new ManualClock()
  const lanes = new Lanes(clock, () => 0, 3_600_000)
  for (let i = 0; i < 500; i++) lanes.of(`paused ${i}`).pause(10_000)
  for (let i = 0; i < 10_000; i++) lanes.of(`${i}`)
  expect(lanes.size).toBeLessThanOrEqual(1000)
  expect(lanes.of('paused 7').idle).toBe(false)
  clock.advance('1m')
  for (let i = 0; i < 10_000; i++) lanes.of(`${i}`)
  expect(lanes.of('paused 7').idle).toBe(true)
})

describe('options', () => {
  it.each([
    [{ key: 'origin' }, 'key must be a function'],
    [{ retries: -1 }, 'retries must be a whole number'],
    [{ jitter: 2 }, 'jitter must be a number from 0 to 1'],
    [{ timeout: 'soon' }, 'timeout must be seconds or a string'],
    [{ limiter: {} }, 'limiter must be a limiter'],
    [{ backoff: { factor: 0 } }, 'backoff.factor must be'],
    [7, 'options must be an object'],
  ])('%j is refused by name', (options, message) => {
    expect(() => politeFetch(options as never)).toThrow(message)
  })
})
