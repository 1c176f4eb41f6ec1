import { connectionAddress, type RequestSource, readHeader } from './connection.ts'
import { isPrivate } from './trusted-proxies.ts'

/** The headers in which proxies name the client. */
const HEADERS = ['x-forwarded-for', 'forwarded', 'x-real-ip'] as const

let warned = false

/** What tells that a framework was told about proxies: Express, Koa, Fastify. */
interface Told {
  readonly app?: { enabled?(name: string): boolean; readonly proxy?: unknown }
  readonly ips?: unknown
}

/**
 * Says once, by a warning of the process, that there is a proxy in front which is not configured: all its clients share one
 * count then.
 *
 * @param told what the framework takes for the client's address, where it takes one
 */
export function warnOfProxy(
  source: RequestSource,
  connection: unknown,
  told: string | undefined,
): void {
  if (warned) return
  // The adapter of Hono for Node makes the headers of a fetch request when they are asked for, which costs.
  const { incoming } = (connection ?? (source as { env?: object }).env ?? {}) as {
    incoming?: object
  }
  const header = HEADERS.find((name) => readHeader(incoming ?? source, name))
  if (header === undefined) return
  const nearest = connectionAddress(source, connection)
  // The framework has believed the header.
  if (told !== undefined && told !== nearest) return
  // Proxies are configured: this client came without one, and wrote the header itself.
  if (wasTold(source) && !(nearest !== undefined && isPrivate(nearest))) return
  warned = true
  const from = nearest === undefined ? 'from an unknown address' : `from ${nearest}`
  const message =
    `A request ${from} has the header ${header}, so there seems to be a proxy in front, which is not configured: ` +
    'all its clients share one count. Name your proxies: ' +
    "key: (req) => clientIp(req, { trustedProxies: ['10.0.0.0/8'] }), or Express' 'trust proxy', Fastify's trustProxy with addresses " +
    "(a number trusts no proxy there), Koa's proxy. When there is no proxy, give trustedProxies: []."
  const { process } = globalThis as {
    process?: { emitWarning?(message: string, options: object): void }
  }
  if (typeof process?.emitWarning === 'function') {
    process.emitWarning(message, { type: 'AioFluxWarning', code: 'AIOFLUX_UNKNOWN_PROXY' })
  } else console.warn(`aioflux: ${message}`)
}

function wasTold(source: RequestSource): boolean {
  const { app, ips } = source as Told
  if (typeof app?.enabled === 'function') return app.enabled('trust proxy')
  if (app !== undefined && 'proxy' in app) return app.proxy === true
  // Fastify has it only then.
  return ips !== undefined
}
