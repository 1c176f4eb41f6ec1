import 'reflect-metadata'
import { createServer, IncomingMessage, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener, serve } from '@hono/node-server'
import { Controller, Get, HttpException, Module, Req, Res } from '@nestjs/common'
import { type AbstractHttpAdapter, NestFactory } from '@nestjs/core'
import { ExpressAdapter } from '@nestjs/platform-express'
import { FastifyAdapter } from '@nestjs/platform-fastify'
import { type Decision, LimiterFactory } from 'aioflux'
import {
  type FetchGuardOptions,
  type RateLimited,
  rateLimitFetch,
  rateLimitH3,
  rateLimitHono,
  rateLimitKoa,
  rateLimitMiddleware,
  rateLimitNest,
  rateLimitPlugin,
} from 'aioflux/http'
import connect from 'connect'
import express from 'express'
import fastify from 'fastify'
import { H3, toNodeHandler } from 'h3'
import { createApp, defineEventHandler, sendError, setResponseStatus, toNodeListener } from 'h3-v1'
import { Hono } from 'hono'
import Koa from 'koa'
import type { CallQuota } from '../../src/core/rule.ts'
import type { Limiter } from '../../src/limiters/limiter.ts'

/** A server of a real framework on a port of its own, whose every answer is 200 'ok' where the guards let it. */
export interface Running extends AsyncDisposable {
  /** The decisions that stood on the requests, as the handler saw them. */
  readonly decisions: (Decision | undefined)[]
  readonly url: string
  /** How many requests have reached the handler. */
  readonly handled: number
}

/** What of the options is written alike for all frameworks; keys come from a header of the test. */
export interface GuardSetup {
  limiter: Limiter
  /** Several limiters instead, each with the headers its key and cost are read from; as a list or as a composite. */
  parts?: {
    limiter: Limiter
    keyHeader?: string
    costHeader?: string
    key?: () => string
    /** Of the part, chosen by `x-plan`; as a promise for `x-plan: later`. */
    plans?: Record<string, CallQuota>
  }[]
  composed?: boolean
  headers?: FetchGuardOptions['headers']
  /** The header that holds the key. @default none: the client's address */
  keyHeader?: string
  costHeader?: string
  skipHeader?: string
  /** `x-plan` is `free`, `pro`, `open` or `closed`; `x-class` a class. */
  plans?: Record<string, CallQuota>
  classes?: boolean
  /** Chosen by `x-tier`. */
  tiers?: Record<string, Limiter>
  skipFailed?: boolean
  skipSuccessful?: boolean
  /** Options as they are, in place of what is above. */
  options?: object
}

export interface Behaviour {
  /** Asked in this order; several on one request. */
  guards: readonly GuardSetup[]
  /** What the handler does before it answers. */
  work?: () => Promise<void>
  /** The status it answers with. @default 200 */
  status?: () => number
}

/** Called by a handler with what the decision stands on. */
type Count = (source: object) => void

export type Start = (behaviour: Behaviour) => Promise<Running>

/** Reads a header from what the framework calls a request. */
type Read = (source: never, name: string) => string | undefined

function optionsOf(setup: GuardSetup, read: Read) {
  const { headers, keyHeader, costHeader, skipHeader, plans, classes, tiers } = setup
  const { skipFailed, skipSuccessful } = setup
  return {
    ...(headers !== undefined && { headers }),
    ...(keyHeader && { key: (source: object) => read(source as never, keyHeader) ?? '' }),
    ...(costHeader && { cost: (source: object) => Number(read(source as never, costHeader) ?? 1) }),
    ...(skipHeader && {
      skip: (source: object) => read(source as never, skipHeader) !== undefined,
    }),
    ...(plans && { quota: (source: object) => plans[read(source as never, 'x-plan') ?? ''] }),
    ...(classes && { class: (source: object) => read(source as never, 'x-class') }),
    ...(skipFailed !== undefined && { skipFailed }),
    ...(skipSuccessful !== undefined && { skipSuccessful }),
    ...(tiers && {
      limiter: async (source: object) =>
        tiers[read(source as never, 'x-tier') ?? ''] ?? setup.limiter,
    }),
    ...setup.options,
  }
}

/** What the guard counts by. */
function limitOf({ limiter, parts, composed }: GuardSetup, read: Read) {
  if (parts === undefined) return limiter
  const list = parts.map(({ limiter: one, keyHeader, costHeader, key, plans }) => ({
    limiter: one,
    ...(key && { key }),
    ...(keyHeader && { key: (source: object) => read(source as never, keyHeader) ?? '' }),
    ...(costHeader && { cost: (source: object) => Number(read(source as never, costHeader) ?? 1) }),
    ...(plans && {
      quota: (source: object) => {
        const plan = read(source as never, 'x-plan') ?? ''
        // Guards await it, as they await keys and costs.
        return plan === 'later' ? (Promise.resolve(plans['pro']) as never) : plans[plan]
      },
    }),
  }))
  return composed ? LimiterFactory.composite<object, object>(list) : list
}

const ok = () => 200

const readNode: Read = ({ headers }: { headers: Record<string, string> }, name) => headers[name]
const readFetch: Read = ({ headers }: Request, name) => headers.get(name) ?? undefined
const readH3: Read = (event: { node?: object; req: Request }, name) =>
  event.req instanceof IncomingMessage
    ? event.req.headers[name]?.toString()
    : (event.req.headers.get(name) ?? undefined)
const readHono: Read = (c: { req: { raw: Request } }, name) =>
  c.req.raw.headers.get(name) ?? undefined

export const frameworks: Record<string, Start> = {
  'node:http': async ({ guards, work, status = ok }) => {
    const list = guards.map((one) =>
      rateLimitMiddleware(limitOf(one, readNode), optionsOf(one, readNode)),
    )
    return listening((count) => async (req, res) => {
      for (const guard of list) if (!(await guard(req, res))) return
      count(req)
      await work?.()
      res.statusCode = status()
      res.end('ok')
    })
  },
  express: async ({ guards, work, status = ok }) => {
    const app = express()
    for (const one of guards) {
      app.use(rateLimitMiddleware(limitOf(one, readNode), optionsOf(one, readNode)))
    }
    return listening((count) => {
      app.get('/', async (req, res) => {
        count(req)
        await work?.()
        res.status(status()).send('ok')
      })
      return app
    })
  },
  connect: async ({ guards, work, status = ok }) => {
    const app = connect()
    for (const one of guards) {
      app.use(rateLimitMiddleware(limitOf(one, readNode), optionsOf(one, readNode)))
    }
    return listening((count) => {
      app.use(async (req, res) => {
        count(req)
        await work?.()
        res.statusCode = status()
        res.end('ok')
      })
      return app
    })
  },
  koa: async ({ guards, work, status = ok }) => {
    const app = new Koa({ asyncLocalStorage: false })
    app.silent = true
    for (const one of guards)
      app.use(rateLimitKoa(limitOf(one, readNode), optionsOf(one, readNode)))
    return listening((count) => {
      app.use(async (ctx) => {
        count(ctx.state)
        await work?.()
        ctx.body = 'ok'
        ctx.status = status()
      })
      return app.callback()
    })
  },
  fastify: async ({ guards, work, status = ok }) => {
    const app = fastify()
    const { seen, count } = record()
    for (const one of guards) {
      app.register(rateLimitPlugin, {
        limiter: limitOf(one, readNode),
        ...optionsOf(one, readNode),
      })
    }
    app.get('/', async (req, reply) => {
      count(req)
      await work?.()
      reply.code(status())
      return 'ok'
    })
    const url = await app.listen({ port: 0, host: '127.0.0.1' })
    return {
      url,
      ...seen,
      get handled() {
        return seen.decisions.length
      },
      async [Symbol.asyncDispose]() {
        app.server.closeAllConnections()
        await app.close()
      },
    }
  },
  hono: async ({ guards, work, status = ok }) => {
    const app = new Hono<{ Variables: RateLimited }>()
    for (const one of guards)
      app.use(rateLimitHono(limitOf(one, readHono), optionsOf(one, readHono)))
    const { seen, count } = record()
    app.get('/', async (c) => {
      count({ rateLimit: c.get('rateLimit') })
      await work?.()
      return c.text('ok', status() as 200)
    })
    const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }) as Server
    await new Promise((resolve) => server.once('listening', resolve))
    return running(server, seen)
  },
  'h3 1': async ({ guards, work, status = ok }) =>
    listening((count) => {
      const app = createApp({ onError: (error, event) => sendError(event, error) })
      for (const one of guards) {
        app.use(defineEventHandler(rateLimitH3(limitOf(one, readH3), optionsOf(one, readH3))))
      }
      app.use(
        defineEventHandler(async (event) => {
          count(event.context)
          await work?.()
          setResponseStatus(event, status())
          return 'ok'
        }),
      )
      return toNodeListener(app)
    }),
  'h3 2': async ({ guards, work, status = ok }) =>
    listening((count) => {
      const app = new H3({ silent: true })
      for (const one of guards) app.use(rateLimitH3(limitOf(one, readH3), optionsOf(one, readH3)))
      app.get('/', async (event) => {
        count(event.context)
        await work?.()
        event.res.status = status()
        return 'ok'
      })
      return toNodeHandler(app) as RequestListener
    }),
  'nest, over express': async (behaviour) => nest(new ExpressAdapter(), behaviour),
  'nest, over fastify': async (behaviour) => nest(new FastifyAdapter(), behaviour),
  fetch: async ({ guards, work, status = ok }) =>
    listening((count) => {
      let handler = async (request: Request, ..._rest: unknown[]): Promise<Response> => {
        count(request)
        await work?.()
        return new Response('ok', { status: status() })
      }
      for (const one of [...guards].reverse()) {
        handler = rateLimitFetch(limitOf(one, readFetch), optionsOf(one, readFetch))(handler)
      }
      return getRequestListener(handler)
    }),
}

/** An app of NestJS with one route. No decorators of parameters: what transpiles the tests knows only those of TC39. */
async function nest(
  adapter: AbstractHttpAdapter,
  { guards, work, status = ok }: Behaviour,
): Promise<Running> {
  const { seen, count } = record()
  class Controlled {
    async get(request: object, response: { status(code: number): unknown }): Promise<string> {
      count(request)
      await work?.()
      response.status(status())
      return 'ok'
    }
  }
  const method = Object.getOwnPropertyDescriptor(Controlled.prototype, 'get') as PropertyDescriptor
  Get()(Controlled.prototype, 'get', method)
  Req()(Controlled.prototype, 'get', 0)
  Res({ passthrough: true })(Controlled.prototype, 'get', 1)
  Controller()(Controlled)
  class App {}
  Module({ controllers: [Controlled] })(App)
  const app = await NestFactory.create(App, adapter, { logger: false })
  app.useGlobalGuards(
    ...guards.map((one) =>
      rateLimitNest(limitOf(one, readNode), {
        ...optionsOf(one, readNode),
        exception: HttpException,
      }),
    ),
  )
  await app.listen(0, '127.0.0.1')
  const server = app.getHttpServer() as Server
  return Object.assign(running(server, seen), {
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await app.close()
    },
  })
}

/** What handlers have seen. */
function record() {
  const seen = { decisions: [] as (Decision | undefined)[] }
  const count: Count = (source) => seen.decisions.push((source as RateLimited).rateLimit)
  return { seen, count }
}

async function listening(make: (count: Count) => RequestListener): Promise<Running> {
  const { seen, count } = record()
  const server = createServer(make(count))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return running(server, seen)
}

function running(server: Server, seen: Pick<Running, 'decisions'>): Running {
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    ...seen,
    get handled() {
      return seen.decisions.length
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
