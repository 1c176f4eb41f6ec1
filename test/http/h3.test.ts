import { EventEmitter } from 'node:events'
import { LimiterFactory } from 'aioflux'
import { rateLimitH3 } from 'aioflux/http'
import { H3 } from 'h3'
import { expect, it } from 'vitest'
import { until } from '../support/until.ts'

// On runtimes of the web platform there is no response of node: the body tells of the end.

const permits = () => LimiterFactory.concurrency({ limit: 1 })
const held = async (limiter: ReturnType<typeof permits>) => 1 - (await limiter.peek('')).remaining

it('keeps the permit until the body of a Response has been read', async () => {
  const limiter = permits()
  const app = new H3()
  app.use(rateLimitH3(limiter, { key: () => '' }))
  app.get('/', () => new Response('hello'))
  const response = await app.request('/')
  expect(await held(limiter)).toBe(1)
  expect((await app.request('/')).status).toBe(429)
  expect(await response.text()).toBe('hello')
  expect(await held(limiter)).toBe(0)
})

it('gives it back with a value, and with an error', async () => {
  const limiter = permits()
  const app = new H3({ silent: true })
  app.use(rateLimitH3(limiter, { key: () => '' }))
  app.get('/', () => ({ a: 1 }))
  app.get('/error', () => {
    throw new Error('of the app')
  })
  expect(await (await app.request('/')).json()).toEqual({ a: 1 })
  expect(await held(limiter)).toBe(0)
  expect((await app.request('/error')).status).toBe(500)
  expect(await held(limiter)).toBe(0)
})

it('gives back by the status that was answered', async () => {
  const limiter = LimiterFactory.tokenBucket({ rate: 5, per: '1d' })
  const app = new H3()
  app.use(rateLimitH3(limiter, { key: () => '', skipFailed: true }))
  app.get('/value', (event) => {
    event.res.status = 404
    return 'none'
  })
  app.get('/response', () => new Response('none', { status: 404 }))
  app.get('/fine', () => 'ok')
  for (const [path, left] of [
    ['/value', 5],
    ['/response', 5],
    ['/fine', 4],
  ] as const) {
    await (await app.request(path)).text()
    expect((await limiter.peek('')).remaining, path).toBe(left)
  }
})

it('asked by a handler of the app, it gives back when the client has gone', async () => {
  const limiter = permits()
  const guard = rateLimitH3(limiter, { key: () => '' })
  const app = new H3()
  app.get('/', async (event) => {
    await guard(event)
    return new Promise<string>(() => {})
  })
  const leaving = new AbortController()
  void app.request('/', { signal: leaving.signal })
  await until('inside', async () => (await held(limiter)) === 1)
  leaving.abort()
  expect(await held(limiter)).toBe(0)
})

it('knows the response of node in version 1 where it has headers of its own, as under Bun', async () => {
  const written: Record<string, string> = {}
  const res = Object.assign(new EventEmitter(), {
    headers: {},
    headersSent: false,
    getHeader: (name: string) => written[name.toLowerCase()],
    setHeader(name: string, value: string) {
      written[name.toLowerCase()] = value
    },
  })
  const guard = rateLimitH3(LimiterFactory.tokenBucket({ rate: 5, per: '1d' }), { key: () => 'a' })
  await guard({ context: {}, res, node: { req: {}, res } })
  expect(written['ratelimit']).toContain('r=4')
})
