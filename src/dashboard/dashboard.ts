import { type DashboardOptions, type DashboardSettings, dashboardSettings } from './options.ts'
import { type Answer, type PageRequest, refusal } from './serve/answer.ts'
import { Api } from './serve/api.ts'
import {
  askedOf,
  type DashboardRequest,
  type DashboardResponse,
  pathsOf,
  send,
} from './serve/node.ts'
import { askedOfWeb, responseOf } from './serve/web.ts'
import { Sampler } from './watch/sampler.ts'

type Next = (error?: unknown) => void

/** The part of a request of Fastify that is used. */
export interface DashboardFastifyRequest {
  readonly raw: DashboardRequest
  readonly body?: unknown
}

/** The part of a reply of Fastify that is used. */
export interface DashboardFastifyReply {
  readonly raw: DashboardResponse
  hijack(): unknown
  callNotFound(): unknown
}

/** The part of a Fastify instance that is used. */
export interface DashboardFastify {
  // biome-ignore lint/suspicious/noExplicitAny: the types of its routes are generic.
  all(path: string, handler: any): unknown
  readonly prefix?: string
}

/** The page and its API, for each kind of framework. */
export interface Dashboard extends AsyncDisposable {
  /**
   * For node:http, Express and Connect. Requests for other paths go to `next`; without one they are answered 404.
   *
   * @example
   * app.use('/flow', dashboard({ queues: [mails], access }).handler)
   */
  readonly handler: (request: DashboardRequest, response: DashboardResponse, next?: Next) => void
  /**
   * For Hono, Bun, Deno and Workers. Requests for other paths are answered 404.
   *
   * @example
   * app.all('/flow/*', (c) => flow.fetch(c.req.raw))   // with basePath: '/flow'
   */
  readonly fetch: (request: Request) => Promise<Response>
  /**
   * For Fastify, under the prefix of `register`, or `basePath`.
   *
   * @example
   * await app.register(flow.plugin, { prefix: '/flow' })
   */
  readonly plugin: (
    fastify: DashboardFastify,
    options: object,
    done: (error?: Error) => void,
  ) => void
  /** Ends all streams and the timer. The parts go on; a breaker that the page has isolated stays isolated. May be called twice. */
  close(): Promise<void>
}

/**
 * A page that shows how limiters, queues, breakers, pools, schedules, locks and processes are doing now, and lets operators act.
 *
 * It loads nothing from another host, and has no inline script or style. All open pages share one sampler. Payloads of jobs are hidden
 * unless `show` returns the text that may be seen. Actions need `access` to answer `'all'`; the page lists each action with the user and
 * the reason.
 *
 * @example
 * const flow = dashboard({
 *   limiters: [api], queues: [mails], breakers: [gateway],
 *   access: async (req) => (await sessionOf(req))?.isOperator === true && 'all', // the session of your app
 * })
 * http.createServer(flow.handler).listen(9465, '127.0.0.1')
 *
 * @throws OptionTypeError | OptionRangeError naming the option and its value
 */
export function dashboard(options: DashboardOptions): Dashboard {
  const settings = dashboardSettings(options)
  const sampler = new Sampler(settings)
  const api = new Api(settings, sampler)
  let closing: Promise<void> | undefined
  const close = () => {
    api.close()
    closing ??= sampler.close()
    return closing
  }
  return {
    handler: (request, response, next) => handle(settings, api, request, response, next),
    fetch: (request) => fetched(settings, api, request),
    plugin: (fastify, _options, done) => {
      register(settings, api, fastify)
      done()
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

function handle(
  settings: DashboardSettings,
  api: Api,
  request: DashboardRequest,
  response: DashboardResponse,
  next: Next | undefined,
): void {
  const { whole, mounted } = pathsOf(request)
  const place = placed(settings.basePath, whole, mounted)
  const asked =
    place !== undefined && 'path' in place ? askedOf(request, place.path, place.query) : place
  pass(api, asked, (answer) => send(answer, request, response), next)
}

async function fetched(settings: DashboardSettings, api: Api, request: Request): Promise<Response> {
  const { pathname, searchParams } = new URL(request.url)
  const place = placed(settings.basePath, pathname, pathname)
  const asked =
    place !== undefined && 'path' in place ? askedOfWeb(request, place.path, searchParams) : place
  return new Promise((resolve) => {
    pass(api, asked, (answer) => resolve(responseOf(answer, request)), undefined)
  })
}

function register(settings: DashboardSettings, api: Api, fastify: DashboardFastify): void {
  const { prefix = '' } = fastify
  // Fastify removes its prefix; without a prefix, the base path is used.
  const base = prefix === '' || prefix === '/' ? settings.basePath : `${prefix}/`
  const inner = base === `${prefix}/` ? '/' : base
  const serve = (request: DashboardFastifyRequest, reply: DashboardFastifyReply) => {
    const url = request.raw.url ?? '/'
    const place = placed(base, url, url)
    const source = Object.create(request.raw, { body: { value: request.body } })
    const asked =
      place !== undefined && 'path' in place
        ? { ...askedOf(source, place.path, place.query), source: request }
        : place
    const found = asked !== undefined && 'path' in asked ? api.answer(asked) : undefined
    if (found === undefined && !(asked !== undefined && 'slash' in asked)) {
      return reply.callNotFound()
    }
    reply.hijack()
    pass(api, asked, (answer) => send(answer, request.raw, reply.raw), undefined, found)
    return reply
  }
  fastify.all(inner, serve)
  fastify.all(`${inner}*`, serve)
  if (inner !== '/') fastify.all(inner.slice(0, -1), serve)
}

/** The same path with a slash at its end, relative to the request, so that it is right behind any proxy. */
interface Slash {
  readonly slash: string
}

type Place = { readonly path: string; readonly query: string } | Slash

function slashed(path: string): Slash {
  return { slash: `${path.split('/').at(-1)}/` }
}

/**
 * Where a request goes: below the base path, to the same path with a slash at its end, or to no part of the dashboard (`undefined`).
 *
 * @param whole the path of the request
 * @param mounted the rest of it after the framework has removed its prefix
 */
function placed(base: string, whole: string, mounted: string): Place | undefined {
  const [wholePath = '', ...rest] = whole.split('?')
  const query = rest.join('?')
  // A framework that removes its prefix leaves '/' of a path that has no slash at its end.
  const isMounted = whole !== mounted
  if (isMounted && base === '/') {
    const [path = ''] = mounted.split('?')
    if (path === '/' && !wholePath.endsWith('/')) return slashed(wholePath)
    return { path: path.slice(1), query }
  }
  for (const path of [wholePath, mounted.split('?')[0] ?? '']) {
    if (`${path}/` === base) return slashed(path)
    if (path.startsWith(base)) return { path: path.slice(base.length), query }
  }
  return undefined
}

function pass(
  api: Api,
  asked: PageRequest | Slash | undefined,
  send: (answer: Answer) => void,
  next: Next | undefined,
  found: Promise<Answer> | undefined = asked !== undefined && 'path' in asked
    ? api.answer(asked)
    : undefined,
): void {
  if (asked !== undefined && 'slash' in asked) {
    return send(refusal(308, 'the path ends with a slash', { location: asked.slash }))
  }
  if (found === undefined) {
    if (next === undefined) send(refusal(404, 'this path is not a part of the dashboard'))
    else next()
    return
  }
  found.then(send, (error: unknown) => {
    if (next !== undefined) return next(error)
    console.error('aioflux: the dashboard could not answer', error)
    send(refusal(500, 'the request failed; the log of the process says why'))
  })
}
