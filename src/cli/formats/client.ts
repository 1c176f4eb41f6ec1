import { clientIp } from '../../http/client-ip.ts'
import { forwardedFor } from '../../http/forwarded.ts'
import { parseAddress } from '../../http/ip-address.ts'

/** In a list, the addresses of a private network are our own proxies. */
const BEHIND_PRIVATE = { trustedProxies: ['loopback', 'linklocal', 'uniquelocal'] }

/** So many clients are remembered, because a log names the same ones again and again. */
const MOST_REMEMBERED = 65_536
const remembered = new Map<string, string>()

/**
 * The client as a key: the same text as `clientIp` of aioflux/http gives for a request from that address. So IPv6 counts
 * by its /56, a mapped IPv4 address as IPv4, and a port is left out. In a list as in X-Forwarded-For the client is the
 * right-most address that is not private.
 *
 * @param text one address, or several with commas between them
 * @returns '' when the text is no address
 */
export function clientKey(text: string): string {
  const known = remembered.get(text)
  if (known !== undefined) return known
  if (text.length > MOST_TEXT) return ''
  // A part of a line keeps all of the line in memory, so the text is copied.
  const own = Buffer.from(text).toString()
  const key = readClient(own)
  if (key === '') return key
  if (remembered.size >= MOST_REMEMBERED) remembered.clear()
  remembered.set(own, key)
  return key
}

/** Longer than any honest list of proxies. */
const MOST_TEXT = 2000

function readClient(text: string): string {
  const entries = forwardedFor('x-forwarded-for', text)
  const nearest = entries.pop() as string
  if (parseAddress(nearest) === undefined) return ''
  const source = {
    headers: { 'x-forwarded-for': entries.length === 0 ? undefined : entries.join(',') },
    socket: { remoteAddress: nearest },
  }
  return clientIp(source, entries.length === 0 ? undefined : BEHIND_PRIVATE)
}

/** As {@link clientKey}, of `address:port` where an IPv6 address has no brackets: what follows the last colon is the port. */
export function clientWithPort(text: string): string {
  const colon = text.lastIndexOf(':')
  if (colon < 0 || !/^\d{1,5}$/.test(text.slice(colon + 1))) return clientKey(text)
  const address = text.slice(0, colon)
  return clientKey(address.startsWith('[') ? address.slice(1, -1) : address)
}

/** A host name, as Apache writes it with `HostnameLookups On`. A single word is none, because it may be a part of a prefix. */
export function isHostName(text: string): boolean {
  return (
    text === 'localhost' ||
    /^(?!.{254})[a-z\d_](?:[a-z\d_-]{0,62}\.)+(?=[a-z\d-]*[a-z])[a-z\d-]{2,63}$/i.test(text)
  )
}
