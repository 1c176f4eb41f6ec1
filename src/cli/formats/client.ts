import { clientIp } from '../../http/client-ip.ts'
import { TextCache } from '../text-cache.ts'

/** In a list, the addresses of a private network are our own proxies. */
const BEHIND_PRIVATE = { trustedProxies: ['loopback', 'linklocal', 'uniquelocal'] }

/** The end of a connection that brought the text. An address that no client has: an answer with it says that the text is no address. */
const NOBODY = 'fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'
const NOBODY_KEY = clientIp({ headers: {}, socket: { remoteAddress: NOBODY } }, BEHIND_PRIVATE)

/** A log names the same clients again and again. */
const remembered = new TextCache()

/**
 * The client as a key: the same text as `clientIp` of aioflux/http gives for a request from that address. So IPv6 counts
 * by its /56, a mapped IPv4 address as IPv4, and a port is left out. In a list as in X-Forwarded-For the client is the
 * right-most address that is not private.
 *
 * @param text one address, or several with commas between them
 * @returns '' when the text is no address
 */
export function clientKey(text: string): string {
  if (text.length > MOST_TEXT) return ''
  // `clientIp` gives an IPv4 address back as it is.
  if (v4End(text) === text.length) return text
  return remembered.get(text) ?? remembered.set(text, readClient(text))
}

/** Where the IPv4 address at the beginning of `text` ends; -1 when there is none. Most clients of most logs are told by this. */
export function v4End(text: string): number {
  let at = 0
  for (let part = 0; part < 4; part++) {
    let value = 0
    const first = at
    for (let digit = text.charCodeAt(at) - 0x30; digit >= 0 && digit <= 9; ) {
      value = value * 10 + digit
      at += 1
      digit = text.charCodeAt(at) - 0x30
    }
    // Some read a leading zero as octal, so such a text is no plain address.
    const zero = at - first > 1 && text.charCodeAt(first) === 0x30
    if (at === first || at - first > 3 || value > 255 || zero) return -1
    if (part < 3 && text.charCodeAt(at++) !== 0x2e) return -1
  }
  return at
}

/** Longer than any honest list of proxies. */
const MOST_TEXT = 2000

function readClient(text: string): string {
  const source = { headers: { 'x-forwarded-for': text }, socket: { remoteAddress: NOBODY } }
  const key = clientIp(source, BEHIND_PRIVATE)
  return key === NOBODY_KEY ? '' : key
}

/** As {@link clientKey}, of `address:port` where an IPv6 address has no brackets: what follows the last colon is the port. */
export function clientWithPort(text: string): string {
  const colon = text.lastIndexOf(':')
  const port = text.slice(colon + 1)
  if (colon < 0 || !/^\d{1,5}$/.test(port) || Number(port) > 65_535) return clientKey(text)
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
