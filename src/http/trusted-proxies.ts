import { integer } from '../core/check.ts'
import { describe, OptionRangeError, OptionTypeError } from '../core/errors.ts'
import { type Address, isV4, parseAddress, parseEndpoint, sameNetwork } from './ip-address.ts'

/** True when the sender at this address, so many hops away, is a trusted proxy. The address is `undefined` where it is not known. */
export type Trust = (address: Address | undefined, hops: number) => boolean

const NAMED: Readonly<Record<string, readonly string[]>> = {
  loopback: ['127.0.0.0/8', '::1/128'],
  linklocal: ['169.254.0.0/16', 'fe80::/10'],
  uniquelocal: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'],
}

/** Reads the option `trustedProxies`: how many proxies stand in front, or their addresses and networks. */
export function toTrust(trusted: number | readonly string[]): Trust {
  if (typeof trusted === 'number') {
    const most = integer('trustedProxies', trusted, 0)
    return (_address, hops) => hops < most
  }
  if (!Array.isArray(trusted)) {
    throw new OptionTypeError(
      'trustedProxies',
      `trustedProxies must be a number of proxies or a list of addresses, got ${describe(trusted)}`,
    )
  }
  const networks = trusted.flatMap((entry) => NAMED[entry] ?? [entry]).map(toNetwork)
  return (address) =>
    address !== undefined && networks.some(([base, bits]) => sameNetwork(base, address, bits))
}

/** True for an address that only machines of a private network have. */
export function isPrivate(text: string): boolean {
  return toTrust(Object.keys(NAMED))(parseEndpoint(text), 0)
}

function toNetwork(text: string): [base: Address, bits: number] {
  const [, base = '', length] = /^([^/]*)(?:\/(\d{1,3}))?$/.exec(String(text)) ?? []
  const address = parseAddress(base)
  const own = address !== undefined && isV4(address) && !base.includes(':') ? 32 : 128
  const bits = length === undefined ? own : Number(length)
  if (address === undefined || bits > own) {
    throw new OptionRangeError(
      'trustedProxies',
      `trustedProxies must be addresses like '10.0.0.7', networks like '10.0.0.0/8', or 'loopback', 'linklocal', 'uniquelocal', got ${describe(text)}`,
    )
  }
  return [address, 128 - own + bits]
}
