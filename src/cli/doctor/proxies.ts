import { createServer, type IncomingHttpHeaders } from 'node:http'
import { forwardedFor } from '../../http/forwarded.ts'
import { parseEndpoint } from '../../http/ip-address.ts'
import { isPrivate } from '../../http/trusted-proxies.ts'
import { type Check, fault, ok, warning } from './check.ts'

/** One request, as it arrives behind the proxies. */
export interface SeenRequest {
  /** The other end of the connection. */
  readonly address: string
  readonly headers: IncomingHttpHeaders
}

/** Headers with a list of addresses; the first that a request has is read. */
const LISTS = ['x-forwarded-for', 'forwarded'] as const

/** How long the command waits for a request, in milliseconds. */
const PATIENCE = 300_000

/**
 * Listens on `port` until one request has come.
 *
 * @param listening called with the port when a request can come
 * @returns `undefined` when none came within {@link PATIENCE}
 * @throws (rejects) the error of the system where the port cannot be listened on
 */
export async function receiveRequest(
  port: number,
  listening: (port: number) => void,
): Promise<SeenRequest | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer(({ socket, headers }, response) => {
      clearTimeout(timer)
      resolve({ address: socket.remoteAddress ?? '', headers })
      response.end('aioflux doctor has seen this request.\n', close)
    })
    const close = () => {
      server.close()
      server.closeAllConnections()
    }
    const timer = setTimeout(() => {
      resolve(undefined)
      close()
    }, PATIENCE)
    server.once('error', (error) => {
      clearTimeout(timer)
      reject(error)
    })
    server.listen(port, () => listening((server.address() as { port: number }).port))
  })
}

/** Which proxies stand in front of a server, by one request that came through them. */
export function checkProxies(seen: SeenRequest | undefined): Check {
  if (seen === undefined) {
    return fault(
      'proxies',
      'no request came within 5 minutes',
      'Let the proxies forward to this port, and open the public address of your site from outside.',
    )
  }
  const address = addressOf(seen.address)
  const list = LISTS.find((name) => seen.headers[name] !== undefined)
  if (list === undefined) return withoutList(address)
  const entries = [...forwardedFor(list, [seen.headers[list]].flat().join(', '))].map(addressOf)
  const found = `from ${address}, ${list}: ${[...entries].reverse().join(', ')}`
  if (!isPrivate(address)) {
    return warning(
      'proxies',
      found,
      `When ${address} is your proxy or CDN, give guards its published networks as trustedProxies. When it is the client, it has written the header itself: trustedProxies: [].`,
    )
  }
  const hops = [address, ...entries]
  const at = hops.findIndex((hop) => !isPrivate(hop))
  const client = hops[at]
  if (client === undefined || client === UNREADABLE) {
    return warning(
      'proxies',
      `${found}: no client is named`,
      'Send the request from outside your network, and let each proxy add the address of the sender.',
    )
  }
  const proxies = [...new Set(hops.slice(0, at))].map((hop) => `'${hop}'`).join(', ')
  const header = list === 'forwarded' ? ", header: 'forwarded'" : ''
  return warning(
    'proxies',
    `${found}: the client is ${client}`,
    `If ${client} is your own address, give guards key: (req) => clientIp(req, { trustedProxies: [${proxies}]${header} }), or the networks of these addresses. Without it all clients share one count.`,
  )
}

/** A request without a list of addresses. */
function withoutList(address: string): Check {
  if (!isPrivate(address)) return ok('proxies', `none: the request came from ${address}`)
  return warning(
    'proxies',
    `the request came from ${address}, and no header names the client`,
    'When it came through a proxy, let the proxy add X-Forwarded-For. Otherwise send it from outside your network.',
  )
}

/** Printed in place of an entry that is not an address: a client may have written that entry. */
const UNREADABLE = '?'

function addressOf(text: string): string {
  if (parseEndpoint(text) === undefined) return UNREADABLE
  // An IPv4 address that came over IPv6.
  return text.replace(/^::ffff:(?=[\d.]+$)/i, '')
}
