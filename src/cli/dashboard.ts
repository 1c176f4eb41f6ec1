import { timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { text } from '../core/check.ts'
import { OptionTypeError } from '../core/errors.ts'
import { dashboard as makeDashboard } from '../dashboard/dashboard.ts'
import { checkUrl } from '../redis/client/client.ts'
import { RedisStorage } from '../redis/redis-storage.ts'
import type { Terminal } from '../terminal/terminal.ts'
import { parsed, portOf } from './arguments.ts'
import { openClient } from './redis-client.ts'

export const USAGE = `usage: aioflux dashboard --redis redis://... [--cluster | --sentinel name] [--prefix aioflux] [--port 9465] [--read-only]

Serves a page with the queues, leaders, locks and schedules in a Redis, on this machine only: http://127.0.0.1:9465. Prints an address
with a token. The address works once; then the browser has a cookie, until this command ends.

  --redis      the url of the Redis, of a node of the Cluster, or of a Sentinel
  --cluster    the Redis is a Cluster
  --sentinel   the name of the master at the Sentinel
  --prefix     the prefix of the keys                 (default aioflux)
  --port       the port, 0 for any free port          (default 9465)
  --read-only  the page shows, and no action is allowed
`

const COOKIE = 'aioflux-dashboard'

/** `aioflux dashboard`: serves until it is interrupted. */
export async function dashboard(
  args: readonly string[],
  terminal: Terminal,
  signal: AbortSignal = interrupted(),
): Promise<void> {
  const { values, positionals } = parsed(args, {
    redis: { type: 'string' },
    cluster: { type: 'boolean', default: false },
    sentinel: { type: 'string' },
    prefix: { type: 'string', default: 'aioflux' },
    port: { type: 'string', default: '9465' },
    'read-only': { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  })
  if (values['help']) {
    terminal.stdout.write(USAGE)
    return
  }
  const { redis, prefix, sentinel } = values as {
    redis?: string
    prefix: string
    sentinel?: string
  }
  if (positionals.length > 0) {
    throw new OptionTypeError('arguments', `dashboard takes options only, got '${positionals[0]}'`)
  }
  if (redis === undefined) {
    throw new OptionTypeError(
      '--redis',
      '--redis is needed: the url of a Redis, redis://localhost:6379',
    )
  }
  const port = portOf('--port', values['port'] as string)
  if (sentinel !== undefined) text('--sentinel', sentinel)
  if (values['cluster'] && sentinel !== undefined) {
    throw new OptionTypeError('--cluster', '--cluster and --sentinel exclude each other')
  }
  checkUrl('--redis', redis)
  using opened =
    values['cluster'] || sentinel !== undefined ? await openClient(redis, sentinel) : undefined
  await using storage = new RedisStorage({
    ...(opened === undefined ? { url: redis } : { client: opened.client }),
    prefix,
    timeout: '5s',
  })
  // Fails before the page is served when the Redis cannot be reached.
  await storage.exists('dashboard')
  const door = new Door()
  await using board = makeDashboard({
    storage,
    title: new URL(redis).host,
    history: '30m',
    access: (request: IncomingMessage) =>
      door.isKnown(request) && {
        may: values['read-only'] ? 'read' : 'all',
        // The list of actions names the user that started the command.
        user: terminal.env.USER ?? 'aioflux dashboard',
      },
  })
  const server = createServer((request, response) => {
    if (!door.opens(request, response)) board.handler(request, response)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  const { port: own } = server.address() as { port: number }
  terminal.stdout.write(`http://127.0.0.1:${own}/?token=${door.token}\n`)
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
  server.closeAllConnections()
  await new Promise<void>((resolve) => server.close(() => resolve()))
}

/** Accepts the token once, and gives the browser a cookie that it accepts from then on. */
class Door {
  readonly token: string = secret()
  readonly #session = secret()
  #used = false

  /** Answers the request with the token. @returns false for any other request */
  opens(request: IncomingMessage, response: ServerResponse): boolean {
    const { searchParams } = new URL(request.url ?? '/', 'http://127.0.0.1')
    const token = searchParams.get('token')
    if (token === null) return false
    if (this.#used || !same(token, this.token)) {
      if (this.isKnown(request)) {
        response.writeHead(303, { location: '/' }).end()
        return true
      }
      response.writeHead(403, { 'content-type': 'text/plain', 'cache-control': 'no-store' })
      response.end('This token has been used, or is another one. Start the command again.\n')
      return true
    }
    this.#used = true
    response.writeHead(303, {
      location: '/',
      'cache-control': 'no-store',
      'referrer-policy': 'no-referrer',
      'set-cookie': `${COOKIE}=${this.#session}; HttpOnly; SameSite=Strict; Path=/`,
    })
    response.end()
    return true
  }

  isKnown({ headers }: IncomingMessage): boolean {
    const cookies = (headers.cookie ?? '').split(';').map((each) => each.trim())
    return cookies.some((each) => same(each, `${COOKIE}=${this.#session}`))
  }
}

function secret(): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(24))).toString('base64url')
}

function same(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length === right.length && timingSafeEqual(left, right)
}

function interrupted(): AbortSignal {
  const controller = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => controller.abort())
  return controller.signal
}
