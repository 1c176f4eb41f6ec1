import { integer, known, type OptionTable } from '../core/check.ts'
import { describe, OptionRangeError, OptionTypeError } from '../core/errors.ts'
import { connectionAddress, type RequestSource, readHeader } from './connection.ts'
import { forwardedFor } from './forwarded.ts'
import { isPlainV4, networkText, parseEndpoint } from './ip-address.ts'
import { type Trust, toTrust } from './trusted-proxies.ts'
import { warnOfProxy } from './unknown-proxy.ts'

/** Which headers are believed for the address of a client, and how much of an address tells clients apart. */
export interface ClientIpOptions {
  /**
   * The proxies whose headers are believed: how many stand in front of this server, or their addresses
   * and networks (`'10.0.0.0/8'`; `'loopback'`, `'linklocal'`, `'uniquelocal'` are the private ones).
   * @default none: the address of the connection, or the address that the framework takes for it
   */
  trustedProxies?: number | readonly string[]
  /**
   * The header in which the proxies name the client: `'x-forwarded-for'`, `'forwarded'` (RFC 7239), or another header with one address, as
   * `'cf-connecting-ip'`. Only with `trustedProxies`.
   * @default 'x-forwarded-for'
   */
  header?: string
  /**
   * How many bits of an IPv6 address make a client. One home or machine has a whole network, from /64 to /48, so single
   * addresses would be as good as no limit.
   * @default 56
   */
  ipv6Prefix?: number
}

export const CLIENT_IP_OPTIONS: OptionTable<ClientIpOptions> = {
  trustedProxies: true,
  header: true,
  ipv6Prefix: true,
}

/** No request comes over more proxies: what stands left of them was written to cost time. */
const LONGEST_WAY = 1000

interface Plan {
  readonly trust: Trust | undefined
  readonly header: string
  readonly bits: number
}

const DEFAULTS: ClientIpOptions = {}
const plans = new WeakMap<ClientIpOptions, Plan>()

/**
 * The sender of a request, as a key: an IPv4 address, or the network of an IPv6 one.
 *
 * A header is believed only from a trusted proxy. Its list is read from the right, from proxy to proxy, and ends at the first
 * address that is not trusted: any client can write the entries to the left of that. It also ends at an entry that is no address.
 *
 * Without `trustedProxies` it is `req.ip` where the framework has that (Express with `trust proxy`, Fastify with `trustProxy`,
 * Koa with `proxy`), else the address of the connection. It is never read from a header. When a header says that there is a
 * proxy which is not configured, the process warns once (`AIOFLUX_UNKNOWN_PROXY`).
 *
 * A port beside an address, as `203.0.113.7:51234` and `[2001:db8::7]:443`, is no part of the client. What is no address is
 * not taken for one.
 *
 * Keep the options in a constant: they are read once for each object.
 *
 * @param connection what the runtime hands to a fetch handler beside the request, where that knows the address: `info` of
 * Deno, `server` of Bun, `env` of Hono on Node; or the address itself
 * @returns '' when it is not known
 *
 * @example
 * const behind = { trustedProxies: ['10.0.0.0/8'] }
 * app.use(rateLimitMiddleware(limiter, { key: (req) => clientIp(req, behind) }))
 *
 * @throws OptionTypeError | OptionRangeError naming the option and its value
 */
export function clientIp(
  source: RequestSource,
  options: ClientIpOptions = DEFAULTS,
  connection?: unknown,
): string {
  const { trust, header, bits } = plans.get(options) ?? planOf(options)
  if (trust === undefined) return untrusting(source, bits, connection)
  const nearest = connectionAddress(source, connection)
  let address = nearest === undefined ? undefined : parseEndpoint(nearest)
  if (trust(address, 0)) {
    let hops = 1
    for (const entry of forwardedFor(header, readHeader(source, header) ?? '')) {
      const before = parseEndpoint(entry)
      if (before === undefined) break
      address = before
      if (hops === LONGEST_WAY || !trust(address, hops++)) break
    }
  }
  return address === undefined ? '' : networkText(address, bits)
}

/** The key when no proxy is trusted: the address that the framework found, else the address of the connection. */
function untrusting(source: RequestSource, bits: number, connection: unknown): string {
  const { ip } = source as { ip?: unknown }
  const told = typeof ip === 'string' ? ip : undefined
  warnOfProxy(source, connection, told)
  const key = told === undefined ? '' : keyOf(told, bits)
  return key === '' ? keyOf(connectionAddress(source, connection) ?? '', bits) : key
}

/** '' where it is no address. */
function keyOf(address: string, bits: number): string {
  // Most are IPv4: no need to take them apart and put them together.
  if (isPlainV4(address)) return address
  const parsed = parseEndpoint(address)
  return parsed === undefined ? '' : networkText(parsed, bits)
}

function planOf(options: ClientIpOptions): Plan {
  known('clientIp', options, CLIENT_IP_OPTIONS)
  const { trustedProxies, header = 'x-forwarded-for', ipv6Prefix = 56 } = options
  if (typeof header !== 'string' || header === '') {
    throw new OptionTypeError('header', `header must be a name, got ${describe(header)}`)
  }
  if (options.header !== undefined && trustedProxies === undefined) {
    throw new OptionRangeError(
      'header',
      `header needs trustedProxies, got ${describe(header)} without them`,
    )
  }
  const bits = integer('ipv6Prefix', ipv6Prefix, 1)
  if (bits > 128) {
    throw new OptionRangeError('ipv6Prefix', `ipv6Prefix must be at most 128, got ${bits} (number)`)
  }
  const trust = trustedProxies === undefined ? undefined : toTrust(trustedProxies)
  const plan = { trust, header: header.toLowerCase(), bits }
  plans.set(options, plan)
  return plan
}
