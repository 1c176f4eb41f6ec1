import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { LimiterFactory } from 'aioflux'
import {
  rateLimitFetch,
  rateLimitH3,
  rateLimitHono,
  rateLimitKoa,
  rateLimitMiddleware,
  rateLimitPlugin,
} from 'aioflux/http'
import connect from 'connect'
import express, { type NextFunction, type Request as Req, type Response as Res } from 'express'
import fastify from 'fastify'
import { H3, toNodeHandler } from 'h3'
import { createApp, defineEventHandler, toNodeListener } from 'h3-v1'
import { Hono } from 'hono'
import Koa from 'koa'
import { expect, it } from 'vitest'

/** Answers of a listener to so many requests, one after the other. */
async function answers(listener: RequestListener, count: number, headers = {}) {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  const list: Response[] = []
  for (let i = 0; i < count; i++) list.push(await fetch(url, { headers }))
  server.closeAllConnections()
  server.close()
  return list
}

const limiter = () => LimiterFactory.fixedWindow({ rate: 1, per: '1m', name: 'one' })

const frameworks: Record<string, () => Promise<RequestListener>> = {
  'node:http': async () => {
    const guard = rateLimitMiddleware(limiter(), {
      onLimited: (_req, res, { retryAfter }) => res.end(`in ${Math.ceil(retryAfter)} s`),
    })
    return async (req, res) => {
      if (await guard(req, res)) res.end('ok')
    }
  },
  express: async () => {
    const guard = rateLimitMiddleware(limiter(), {
      onLimited: (_req: Req, res: Res, { retryAfter }) => res.send(`in ${Math.ceil(retryAfter)} s`),
    })
    return express()
      .use(guard)
      .use((_req, res) => {
        res.send('ok')
      })
  },
  connect: async () => {
    const guard = rateLimitMiddleware(limiter(), {
      onLimited: async (_req, res, { retryAfter }) => res.end(`in ${Math.ceil(retryAfter)} s`),
    })
    return connect()
      .use(guard)
      .use((_req, res) => res.end('ok'))
  },
  koa: async () => {
    const app = new Koa()
    app.use(
      rateLimitKoa(limiter(), {
        onLimited: (ctx, { retryAfter }) => {
          ctx.body = `in ${Math.ceil(retryAfter)} s`
        },
      }),
    )
    app.use((ctx) => {
      ctx.body = 'ok'
    })
    return app.callback()
  },
  fastify: async () => {
    const app = fastify()
    app.register(rateLimitPlugin, {
      limiter: limiter(),
      hook: 'preHandler',
      onLimited: async (_request, _reply, { retryAfter }) => `in ${Math.ceil(retryAfter)} s`,
    })
    app.get('/', async () => 'ok')
    await app.ready()
    return app.routing
  },
  hono: async () => {
    const app = new Hono()
    app.use(
      rateLimitHono(limiter(), {
        onLimited: (_c, { retryAfter }) =>
          new Response(`in ${Math.ceil(retryAfter)} s`, { status: 429 }),
      }),
    )
    app.get('/', (c) => c.text('ok'))
    return getRequestListener(app.fetch)
  },
  'h3 1': async () => {
    const app = createApp()
    app.use(
      defineEventHandler(
        rateLimitH3(limiter(), {
          onLimited: (_event, { retryAfter }) => `in ${Math.ceil(retryAfter)} s`,
        }),
      ),
    )
    app.use(defineEventHandler(() => 'ok'))
    return toNodeListener(app)
  },
  'h3 2, by a value': async () => {
    const app = new H3()
    app.use(
      rateLimitH3(limiter(), {
        onLimited: (_event, { retryAfter }) => `in ${Math.ceil(retryAfter)} s`,
      }),
    )
    app.get('/', () => 'ok')
    return toNodeHandler(app) as RequestListener
  },
  'h3 2, by a Response': async () => {
    const app = new H3()
    app.use(
      rateLimitH3(limiter(), {
        onLimited: (_event, { retryAfter }) =>
          new Response(`in ${Math.ceil(retryAfter)} s`, { status: 429 }),
      }),
    )
    app.get('/', () => 'ok')
    return toNodeHandler(app) as RequestListener
  },
  fetch: async () => {
    const guard = rateLimitFetch(limiter(), {
      onLimited: async (_request, { retryAfter }) =>
        new Response(`in ${Math.ceil(retryAfter)} s`, { status: 429 }),
    })
    return getRequestListener(guard(() => new Response('ok')))
  },
}

it.each(Object.entries(frameworks))(
  '%s: onLimited answers, the fields are there',
  async (_, make) => {
    const [first, second] = (await answers(await make(), 2)) as [Response, Response]
    expect([first.status, await first.text()]).toEqual([200, 'ok'])
    expect([second.status, await second.text()]).toEqual([429, 'in 60 s'])
    expect(second.headers.get('retry-after')).toBe('60')
    expect(second.headers.get('ratelimit')).toBe('"one";r=0;t=60')
  },
)

it('an error of onLimited, or of key, goes to next', async () => {
  const seen: unknown[] = []
  const app = express()
  app.use(
    rateLimitMiddleware(limiter(), {
      onLimited: async () => {
        throw new Error('of onLimited')
      },
    }),
  )
  app.use('/', (_req, res) => {
    res.send('ok')
  })
  app.use((error: Error, _req: Req, res: Res, _next: NextFunction) => {
    seen.push(error.message)
    res.status(500).end()
  })
  expect((await answers(app, 2)).map(({ status }) => status)).toEqual([200, 500])
  const other = express()
  other.use(
    rateLimitMiddleware(limiter(), {
      key: () => {
        throw new Error('of key')
      },
    }),
  )
  other.use((error: Error, _req: Req, res: Res, _next: NextFunction) => {
    seen.push(error.message)
    res.status(500).end()
  })
  expect((await answers(other, 1)).map(({ status }) => status)).toEqual([500])
  expect(seen).toEqual(['of onLimited', 'of key'])
})

it('follows what Express was told about its proxies', async () => {
  const app = express()
  app.set('trust proxy', 'loopback')
  const guard = limiter()
  app.use(rateLimitMiddleware(guard))
  app.use((_req, res) => {
    res.send('ok')
  })
  const headers = { 'x-forwarded-for': '192.0.2.1' }
  expect((await answers(app, 1, headers)).map(({ status }) => status)).toEqual([200])
  expect((await guard.peek('192.0.2.1')).allowed).toBe(false)
  expect((await guard.peek('127.0.0.1')).allowed).toBe(true)
})

it('a response whose headers may not be written to is copied, and one that streams is held to its end', async () => {
  const guarded = rateLimitFetch(limiter(), { key: () => 'k' })
  const redirect = await guarded(() => Response.redirect('http://x/y', 302))(
    new Request('http://x'),
  )
  expect([redirect.status, redirect.headers.get('location')]).toEqual([302, 'http://x/y'])
  expect(redirect.headers.get('ratelimit')).toBe('"one";r=0;t=60')

  const atOnce = LimiterFactory.concurrency({ limit: 1 })
  const inside = async () => 1 - (await atOnce.peek('k')).remaining
  const held = rateLimitFetch(atOnce, { key: () => 'k' })
  const stream = () => new Response(new Blob(['some', 'thing']).stream())
  const read = await held(stream)(new Request('http://x'))
  expect(await inside()).toBe(1)
  expect(await read.text()).toBe('something')
  expect(await inside()).toBe(0)
  const left = await held(stream)(new Request('http://x'))
  expect(await inside()).toBe(1)
  await left.body?.cancel()
  expect(await inside()).toBe(0)
  const failing = held(() => {
    throw new Error('of the handler')
  })(new Request('http://x'))
  await expect(failing).rejects.toThrow('of the handler')
  expect(await inside()).toBe(0)
})

it.each([
  ['the default answer', {}],
  [
    'onLimited',
    { onLimited: (_req: unknown, res: { end(text: string): void }) => res.end('late') },
  ],
])(
  'leaves alone what somebody else has answered while the limiter was asked: %s',
  async (_, more) => {
    const unhandled: unknown[] = []
    const note = (reason: unknown) => unhandled.push(reason)
    process.on('unhandledRejection', note)
    let decide = (_key: string) => {}
    let passed = 0
    const app = connect()
    // As a timeout does.
    app.use((_req, res, next) => {
      res.on('finish', () => decide('k'))
      next()
      res.statusCode = 503
      res.end('too late')
    })
    const key = () =>
      new Promise<string>((resolve) => {
        decide = resolve
      })
    app.use(rateLimitMiddleware(limiter(), { key, quota: () => ({ rate: 0 }), ...more }))
    app.use(() => {
      passed += 1
    })
    const [answer] = (await answers(app, 1)) as [Response]
    expect([answer.status, await answer.text()]).toEqual([503, 'too late'])
    await new Promise((resolve) => setImmediate(resolve))
    process.off('unhandledRejection', note)
    expect({ passed, unhandled }).toEqual({ passed: 0, unhandled: [] })
  },
)
