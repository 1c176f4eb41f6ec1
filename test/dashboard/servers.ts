import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import type { Dashboard } from 'aioflux/dashboard'
import connect from 'connect'
import express from 'express'
import fastify from 'fastify'
import { Hono } from 'hono'

/** A server on a port of its own that has a dashboard, and answers 'other' on all other paths where it can. */
export interface Serving extends AsyncDisposable {
  /** Where the page is, with a slash at its end. */
  readonly url: string
  readonly port: number
}

export type Serve = (dashboard: (options: { basePath?: string }) => Dashboard) => Promise<Serving>

/** Each framework, in each way that a dashboard can be put into it. */
export const frameworks: Record<string, Serve> = {
  'node:http': (make) => served(make({}), '/', (board) => board.handler),
  'node:http with a base path': (make) =>
    served(make({ basePath: '/ops/flow' }), '/ops/flow/', (board) => (req, res) => {
      board.handler(req, res, () => res.end('other'))
    }),
  'express, mounted': (make) =>
    served(make({}), '/flow/', (board) => {
      const app = express()
      app.use('/flow', board.handler)
      app.use((_req, res) => void res.end('other'))
      return app
    }),
  'express, with its parser of JSON': (make) =>
    served(make({ basePath: '/flow' }), '/flow/', (board) => {
      const app = express()
      app.use(express.json())
      app.use(board.handler)
      app.use((_req, res) => void res.end('other'))
      return app
    }),
  'connect, mounted': (make) =>
    served(make({}), '/flow/', (board) => {
      const app = connect()
      app.use('/flow', board.handler as never)
      app.use((_req, res) => void res.end('other'))
      return app
    }),
  'fastify, under a prefix': async (make) => fastifyServed(make({}), { prefix: '/flow' }),
  'fastify, with a base path': async (make) => fastifyServed(make({ basePath: '/flow' }), {}),
  hono: (make) =>
    served(make({ basePath: '/flow' }), '/flow/', (board) => {
      const app = new Hono()
      app.all('/flow', (c) => board.fetch(c.req.raw))
      app.all('/flow/*', (c) => board.fetch(c.req.raw))
      app.all('*', (c) => c.text('other'))
      return getRequestListener(app.fetch)
    }),
}

async function served(
  board: Dashboard,
  path: string,
  listenerOf: (board: Dashboard) => RequestListener,
): Promise<Serving> {
  const server: Server = createServer(listenerOf(board))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}${path}`,
    port,
    async [Symbol.asyncDispose]() {
      await board.close()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function fastifyServed(board: Dashboard, options: { prefix?: string }): Promise<Serving> {
  const app = fastify({ forceCloseConnections: true })
  await app.register(board.plugin, options)
  app.setNotFoundHandler((_request, reply) => void reply.send('other'))
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/flow/`,
    port,
    async [Symbol.asyncDispose]() {
      await board.close()
      await app.close()
    },
  }
}

/** The simplest of them. @param watch is shown each request, and the answer to it */
export function serve(board: Dashboard, watch?: RequestListener): Promise<Serving> {
  return served(board, '/', ({ handler }) => (request, response) => {
    watch?.(request, response)
    handler(request, response)
  })
}
