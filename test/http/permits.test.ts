import { EventEmitter, once } from 'node:events'
import { createServer, request, type Server, ServerResponse } from 'node:http'
import * as http2 from 'node:http2'
import { type AddressInfo, connect as connectTo } from 'node:net'
import { Readable } from 'node:stream'
import { getRequestListener } from '@hono/node-server'
import { LimiterFactory } from 'aioflux'
import {
  rateLimitFetch,
  rateLimitHono,
  rateLimitKoa,
  rateLimitMiddleware,
  rateLimitPlugin,
} from 'aioflux/http'
import { ManualClock } from 'aioflux/testing'
import connect from 'connect'
import express from 'express'
import fastify from 'fastify'
import { Hono } from 'hono'
import Koa from 'koa'
import { afterEach, describe, expect, it } from 'vitest'
import type { Limiter } from '../../src/limiters/limiter.ts'
import { collector } from '../support/collector.ts'
import { until } from '../support/until.ts'

// biome-ignore lint/suspicious/noExplicitAny: the same listener serves HTTP/1 and the compatible part of HTTP/2.
type Listener = (req: any, res: any) => unknown
type Key = () => string | Promise<string>
type Make = (limiter: Limiter, key: Key, more?: { skipFailed?: boolean }) => Promise<Listener>

/** More than the buffers of a connection on loopback hold, in parts. */
const big = () =>
  Readable.from(
    (function* () {
      for (let i = 0; i < 400; i++) yield Buffer.alloc(65536)
    })(),
  )

/** A stream that fails after its first part. */
const broken = () =>
  Readable.from(
    (async function* () {
      yield 'some'
      throw new Error('of the body')
    })(),
  )

const web = (path: string): Response | Promise<Response> => {
  if (path === '/hang') return new Promise<Response>(() => {})
  if (path === '/fail') throw new Error('of the handler')
  if (path === '/empty') return new Response(null, { status: 204 })
  if (path === '/cached') return new Response(null, { status: 304 })
  if (path === '/broken') return new Response(Readable.toWeb(broken()) as ReadableStream)
  if (path === '/big') return new Response(Readable.toWeb(big()) as ReadableStream)
  if (path === '/stream') return new Response(new Blob(['some', 'thing']).stream())
  return new Response('ok')
}

const plain: Listener = (req, res) => {
  if (req.url === '/hang') return
  if (req.url === '/fail') throw new Error('of the handler')
  if (req.url === '/gone') return res.destroy()
  if (req.url === '/empty' || req.url === '/cached') {
    res.statusCode = req.url === '/empty' ? 204 : 304
    return res.end()
  }
  if (req.url === '/broken') {
    const body = broken()
    return body.on('error', () => res.destroy?.()).pipe(res)
  }
  if (req.url === '/stream') return Readable.from(['some', 'thing']).pipe(res)
  if (req.url === '/big') return big().pipe(res)
  return res.end('ok')
}

const inHttp1: Record<string, Make> = {
  'node:http': async (limiter, key, more) => {
    const guard = rateLimitMiddleware(limiter, { key, ...more })
    return async (req, res) => {
      if (!(await guard(req, res))) return
      try {
        plain(req, res)
      } catch {
        res.statusCode = 500
        res.end()
      }
    }
  },
  connect: async (limiter, key, more) =>
    connect()
      .use(rateLimitMiddleware(limiter, { key, ...more }))
      .use(plain),
  koa: async (limiter, key, more) => {
    const app = new Koa({ asyncLocalStorage: false })
    app.silent = true
    app.use(rateLimitKoa(limiter, { key, ...more }))
    app.use(async (ctx) => {
      if (ctx.path === '/fail') throw new Error('of the handler')
      if (ctx.path === '/hang') return new Promise(() => {})
      if (ctx.path === '/empty' || ctx.path === '/cached') {
        ctx.status = ctx.path === '/empty' ? 204 : 304
        return
      }
      if (ctx.path === '/broken') ctx.body = broken()
      else if (ctx.path === '/stream') ctx.body = Readable.from(['some', 'thing'])
      else ctx.body = ctx.path === '/big' ? big() : 'ok'
    })
    return app.callback()
  },
  hono: async (limiter, key, more) => {
    const app = new Hono()
    app.use(rateLimitHono(limiter, { key, ...more }))
    app.get('*', (c) => web(c.req.path))
    app.onError((_error, c) => c.text('failed', 500))
    return getRequestListener(app.fetch)
  },
  fetch: async (limiter, key, more) => {
    const guard = rateLimitFetch(limiter, { key, ...more })
    const options = { errorHandler: () => new Response('failed', { status: 500 }) }
    return getRequestListener(
      guard((req) => web(new URL(req.url).pathname)),
      options,
    )
  },
  'fetch that is not told of the response': async (limiter, key, more) => {
    const guard = rateLimitFetch(limiter, { key, ...more })((req) => web(new URL(req.url).pathname))
    const options = { errorHandler: () => new Response('failed', { status: 500 }) }
    return getRequestListener((req) => guard(req), options)
  },
}
const inAll: Record<string, Make> = {
  ...inHttp1,
  express: async (limiter, key, more) => {
    const app = express().set('env', 'test')
    return app.use(rateLimitMiddleware(limiter, { key, ...more })).use(plain)
  },
  fastify: async (limiter, key, more) => fastifyListener(limiter, key, {}, more),
}
const inHttp2: Record<string, Make> = {
  ...inHttp1,
  fastify: async (limiter, key, more) => fastifyListener(limiter, key, { http2: true }, more),
}

async function fastifyListener(
  limiter: Limiter,
  key: Key,
  options: object,
  more: object | undefined,
): Promise<Listener> {
  const app = fastify(options)
  app.register(rateLimitPlugin, { limiter, key, ...more })
  app.get('/*', (req, reply) => {
    const path = req.url
    if (path === '/hang') return
    if (path === '/fail') throw new Error('of the handler')
    if (path === '/empty' || path === '/cached') reply.code(path === '/empty' ? 204 : 304).send()
    else if (path === '/broken') reply.send(broken())
    else if (path === '/stream') reply.send(Readable.from(['some', 'thing']))
    else reply.send(path === '/big' ? big() : 'ok')
  })
  await app.ready()
  return app.routing as Listener
}

const running: (() => void)[] = []
afterEach(() => {
  for (const stop of running.splice(0)) stop()
})

const LIMIT = 100

/** Resolves when `emitter` has closed, after an error too. */
const closed = (emitter: EventEmitter) =>
  new Promise<unknown>((resolve) => emitter.once('close', resolve))

async function setup(make: Make, create: (listener: Listener) => Server | http2.Http2Server) {
  const limiter = LimiterFactory.concurrency({ limit: LIMIT })
  let asked = 0
  let decide: (() => void) | undefined
  const waiting: ((key: string) => void)[] = []
  const key = () => {
    asked += 1
    return decide === undefined ? '' : new Promise<string>((resolve) => waiting.push(resolve))
  }
  const server = create(await make(limiter, key))
  server.on('error', () => {})
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  running.push(() => {
    ;(server as Partial<Server>).closeAllConnections?.()
    server.close()
  })
  const inside = async () => LIMIT - (await limiter.peek('')).remaining
  return {
    port: (server.address() as AddressInfo).port,
    inside,
    get asked() {
      return asked
    },
    /** Keys are answered later, when the returned function is called. */
    holdDecisions() {
      decide = () => {
        for (const resolve of waiting.splice(0)) resolve('')
      }
      return decide
    },
    empty: () => until('all permits back', async () => (await inside()) === 0),
  }
}

describe.each(Object.entries(inAll))('permits end with the request: %s', (name, make) => {
  const start = () => setup(make, (listener) => createServer(listener))
  const ask = (port: number, method: string, path: string) => {
    const sent = request({ port, host: '127.0.0.1', method, path, agent: false })
    sent.on('response', (response) => response.on('error', () => {}).resume())
    sent.on('error', () => {}).end()
    return sent
  }
  const gone = ['node:http', 'express', 'connect'].includes(name) ? ['/gone'] : []

  it.each(['GET', 'HEAD'])(
    'answers to %s, with a body, without one, and failures',
    async (method) => {
      const server = await start()
      const paths = ['/', '/stream', '/empty', '/cached', '/fail', '/broken', ...gone]
      for (const path of paths) {
        const sent = ask(server.port, method, path)
        await closed(sent)
        await server.empty()
      }
      expect(server.asked).toBe(paths.length)
    },
  )

  it.each(['/hang', '/big'])('a client that goes away: %s', async (path) => {
    const server = await start()
    const clients = Array.from({ length: 3 }, () => connectTo(server.port, '127.0.0.1'))
    for (const client of clients) client.pause().write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`)
    await until('all inside', async () => (await server.inside()) === 3)
    for (const client of clients) client.destroy()
    await server.empty()
  })

  // Without the response, what has been read counts as sent.
  const told = !name.includes('not told')
  it.runIf(told)('pipelined requests, queued when the client goes away', async () => {
    const server = await start()
    const client = connectTo(server.port, '127.0.0.1').pause()
    const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`
    client.write(get('/big') + get('/').repeat(20))
    await until('all inside', async () => (await server.inside()) === 21)
    client.destroy()
    await server.empty()
  })

  it('a client that is gone before the decision', async () => {
    const server = await start()
    const decide = server.holdDecisions()
    const sockets: Promise<unknown>[] = []
    for (let i = 0; i < 3; i++) {
      const sent = ask(server.port, 'GET', '/hang')
      sockets.push(closed(sent))
      await until('asked', () => server.asked === i + 1)
      sent.destroy()
    }
    await Promise.all(sockets)
    // The server has heard of it when it answers somebody who came later.
    ask(server.port, 'GET', '/')
    await until('asked', () => server.asked === 4)
    decide()
    await server.empty()
  })
})

describe.each(Object.entries(inHttp2))('permits end with the HTTP/2 stream: %s', (name, make) => {
  const start = async () => {
    const server = await setup(make, (listener) => http2.createServer(listener))
    const session = http2.connect(`http://127.0.0.1:${server.port}`).on('error', () => {})
    running.push(() => session.destroy())
    const ask = (path: string, method = 'GET') =>
      session.request({ ':path': path, ':method': method }).on('error', () => {})
    /** A round trip: what was sent before has reached the server. */
    const ping = () => new Promise<unknown>((resolve) => session.ping((error) => resolve(error)))
    return { server, session, ask, ping }
  }

  it('answers with a body, without one, and failures', async () => {
    const { server, ask } = await start()
    const paths = ['/', '/stream', '/empty', '/cached', '/fail', '/broken']
    // Over HTTP/2, Koa leaves responses that fail without an end, until the client gives up.
    if (name === 'koa') paths.splice(-2)
    for (const method of ['GET', 'HEAD']) {
      for (const path of paths) {
        const stream = ask(path, method).resume()
        await closed(stream)
        await server.empty()
      }
    }
    expect(server.asked).toBe(2 * paths.length)
  })

  it.each(['/hang', '/big'])(
    'streams that are reset, and a session that ends: %s',
    async (path) => {
      const { server, session, ask } = await start()
      const streams = Array.from({ length: 4 }, () => ask(path))
      await until('all inside', async () => (await server.inside()) === 4)
      for (const stream of streams.slice(0, 2)) stream.close(http2.constants.NGHTTP2_CANCEL)
      await until('two left', async () => (await server.inside()) === 2)
      session.destroy()
      await server.empty()
    },
  )

  it('streams that are reset before the decision', async () => {
    const { server, ask, ping } = await start()
    const decide = server.holdDecisions()
    const streams = Array.from({ length: 4 }, () => ask('/hang'))
    await until('all asked', () => server.asked === 4)
    for (const stream of streams) stream.close(http2.constants.NGHTTP2_CANCEL)
    await ping()
    decide()
    await server.empty()
  })
})

it('a connection that was upgraded keeps its permit until its socket closes', async () => {
  const limiter = LimiterFactory.concurrency({ limit: 1 })
  const guard = rateLimitMiddleware(limiter, { key: () => '' })
  const server = createServer()
  // As express-ws and others do: a response for the guards, which is never sent.
  server.on('upgrade', (req, socket) => {
    guard(req, new ServerResponse(req), () => {
      // A socket that nobody reads never tells that the other side has gone.
      socket.on('error', () => {}).on('end', () => socket.end())
      socket.resume()
      socket.write(
        'HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n',
      )
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  running.push(() => server.close())
  const { port } = server.address() as AddressInfo
  const client = connectTo(port, '127.0.0.1')
  client.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n')
  await once(client, 'data')
  expect((await limiter.peek('')).remaining).toBe(0)
  client.destroy()
  await until('given back', async () => (await limiter.peek('')).remaining === 1)
})

it('many requests of one connection have one listener on its socket', async () => {
  const warnings: Error[] = []
  const note = (warning: Error) => warnings.push(warning)
  process.on('warning', note)
  const server = await setup(inAll['node:http'] as Make, (listener) => createServer(listener))
  const client = connectTo(server.port, '127.0.0.1').pause()
  client.write('GET /hang HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(50))
  await until('all inside', async () => (await server.inside()) === 50)
  client.destroy()
  await server.empty()
  process.off('warning', note)
  expect(warnings).toEqual([])
})

describe.each(Object.entries(inAll))(
  'an answer that breaks off counts as failed: %s',
  (_name, make) => {
    it.each(['/broken', '/big', '/hang'])('%s', async (path) => {
      const limiter = LimiterFactory.tokenBucket({
        rate: LIMIT,
        per: '1d',
        clock: new ManualClock(),
      })
      const left = async () => (await limiter.peek('')).remaining
      const server = createServer(await make(limiter, () => '', { skipFailed: true }))
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      running.push(() => {
        server.closeAllConnections()
        server.close()
      })
      const { port } = server.address() as AddressInfo
      const client = connectTo(port, '127.0.0.1').on('error', () => {})
      client.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`)
      await until('counted', async () => (await left()) === LIMIT - 1 || path === '/broken')
      client.destroy()
      await until('given back', async () => (await left()) === LIMIT)
      // An answer that was sent whole stays counted.
      await (await fetch(`http://127.0.0.1:${port}/`)).text()
      expect(await left()).toBe(LIMIT - 1)
    })
  },
)

describe('a fetch handler', () => {
  const setup = (options = {}) => {
    const clock = new ManualClock()
    const limiter = LimiterFactory.concurrency({ limit: 3, clock })
    const inside = async () => 3 - (await limiter.peek('k')).remaining
    return { clock, inside, guard: rateLimitFetch(limiter, { key: () => 'k', ...options }) }
  }
  const stream = () => new Response(new Blob(['some', 'thing']).stream())

  it('gives back when the client goes away, at any stage', async () => {
    const { guard, inside } = setup()
    const leaving = new AbortController()
    const ask = (handler: () => Response | Promise<Response>) =>
      guard(handler)(new Request('http://x', { signal: leaving.signal }))
    const working = ask(() => new Promise<Response>(() => {}))
    await ask(stream)
    await until('both inside', async () => (await inside()) === 2)
    leaving.abort()
    expect(await inside()).toBe(0)
    void working
    await ask(stream)
    expect(await inside()).toBe(0)
  })

  it('a permit is given back once, whatever tells of the end', async () => {
    const { guard, inside } = setup()
    const other = await guard(stream)(new Request('http://x'))
    const leaving = new AbortController()
    const response = await guard(stream)(new Request('http://x', { signal: leaving.signal }))
    await response.body?.cancel()
    leaving.abort()
    expect(await inside()).toBe(1)
    await other.text()
    expect(await inside()).toBe(0)
  })

  it('HEAD, failing bodies, and bodies that others read', async () => {
    const { guard, inside } = setup()
    const head = new Request('http://x', { method: 'HEAD' })
    await guard(stream)(head)
    expect(await inside()).toBe(0)
    const body = new ReadableStream({
      pull() {
        throw new Error('of the body')
      },
    })
    const failing = await guard(() => new Response(body))(new Request('http://x'))
    expect(await inside()).toBe(1)
    await expect(failing.text()).rejects.toThrow('of the body')
    expect(await inside()).toBe(0)
    const used = stream()
    await used.text()
    await guard(() => used)(new Request('http://x'))
    const locked = stream()
    locked.body?.getReader()
    await guard(() => locked)(new Request('http://x'))
    await guard(() => Response.error())(new Request('http://x'))
    await guard(() => Response.redirect('http://x/y', 302))(new Request('http://x'))
    expect(await inside()).toBe(0)
  })

  it('reads nothing of a body before the client does', async () => {
    const { guard } = setup()
    let pulled = 0
    const body = new ReadableStream(
      {
        pull(controller) {
          pulled += 1
          controller.enqueue(new Uint8Array(1))
        },
      },
      { highWaterMark: 0 },
    )
    const response = await guard(() => new Response(body))(new Request('http://x'))
    expect(pulled).toBe(0)
    const reader = response.body?.getReader()
    await reader?.read()
    expect(pulled).toBe(1)
  })

  it('gives back for a body that was thrown away unread, as by an outer middleware that replaces it', async () => {
    const collect = collector()
    const { guard, inside } = setup()
    const replaced = async () => {
      await guard(stream)(new Request('http://x'))
      return new Response('another')
    }
    for (let i = 0; i < 3; i++) await (await replaced()).text()
    await until('given back', async () => {
      collect()
      return (await inside()) < 3
    })
  })

  it.each([
    ['an answer is read', undefined, 0],
    ['a connection is upgraded', 'websocket', 1],
  ])('of a request of Node without its response: %s', async (_, upgrade, kept) => {
    const { guard, inside } = setup()
    const socket = new EventEmitter()
    // As adapters hand over that know the request alone: the connection serves others after it.
    const incoming = { socket, headers: upgrade === undefined ? {} : { upgrade } }
    const response = await guard(stream)(new Request('http://x'), { incoming })
    expect(await inside()).toBe(1)
    await response.text()
    expect(await inside()).toBe(kept)
    await guard(stream)(new Request('http://x'), { incoming })
    socket.emit('close')
    expect(await inside()).toBe(0)
  })

  it('follows what Deno tells of the response', async () => {
    const { guard, inside } = setup()
    let sent = () => {}
    const completed = new Promise<void>((resolve) => {
      sent = resolve
    })
    const answered = new Response('ok')
    const info = { remoteAddr: { hostname: '192.0.2.1' }, completed }
    expect(await guard(() => answered)(new Request('http://x'), info)).toBe(answered)
    expect(await inside()).toBe(1)
    sent()
    await completed
    expect(await inside()).toBe(0)
  })

  it('what never ends is given back after maxHold, and what ended later is not given back again', async () => {
    const { clock, guard, inside } = setup({ maxHold: '5m' })
    const never = await guard(stream)(new Request('http://x'))
    clock.advance('1m')
    await guard(stream)(new Request('http://x'))
    expect(await inside()).toBe(2)
    clock.advance('239s')
    expect(await inside()).toBe(2)
    clock.advance('1s')
    expect(await inside()).toBe(1)
    await never.text()
    expect(await inside()).toBe(1)
    clock.advance('1m')
    expect(await inside()).toBe(0)
  })

  it('the bound holds where timers do not run between requests', async () => {
    const clock = new ManualClock()
    const timeless = { now: () => clock.now(), after: () => () => {} }
    const limiter = LimiterFactory.concurrency({ limit: 1, clock: timeless })
    const guard = rateLimitFetch(limiter, { key: () => 'k' })(stream)
    const statuses = async () => (await guard(new Request('http://x'))).status
    expect([await statuses(), await statuses()]).toEqual([200, 429])
    clock.advance('1h')
    expect(await statuses()).toBe(200)
  })

  it('maxHold is refused by name', () => {
    const limiter = LimiterFactory.tokenBucket({ rate: 1 })
    for (const maxHold of [0, -1, 'soon', null]) {
      expect(() => rateLimitFetch(limiter, { maxHold } as never)).toThrow('maxHold must')
    }
  })
})

it('Hono without a server: HEAD, errors and bodies that nobody reads', async () => {
  const clock = new ManualClock()
  const limiter = LimiterFactory.concurrency({ limit: 2, clock })
  const inside = async () => 2 - (await limiter.peek('')).remaining
  const app = new Hono()
  app.use(rateLimitHono(limiter, { key: () => '' }))
  app.get('/', (c) => c.text('ok'))
  app.get('/fail', () => {
    throw new Error('of the handler')
  })
  app.onError((_error, c) => c.text('failed', 500))
  for (let i = 0; i < 3; i++) expect((await app.request('/', { method: 'HEAD' })).status).toBe(200)
  expect(await inside()).toBe(0)
  for (const path of ['/', '/fail', '/nowhere']) await (await app.request(path)).text()
  expect(await inside()).toBe(0)
  await app.request('/')
  expect(await inside()).toBe(1)
  clock.advance('1h')
  expect(await inside()).toBe(0)
})
