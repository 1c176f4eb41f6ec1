/** An address as eight groups of 16 bits; an IPv4 address is the last two of `::ffff:a.b.c.d`. */
export type Address = readonly number[]

/** `:80`, or a port that is obscured, as `:_gazonk` (RFC 7239, section 6). */
const PORT = /^:(?:\d{1,5}|_[\w.-]+)$/
/**
 * Ends in a port that cannot be the last group of an IPv6 address: it is too long, or eight groups or an IPv4 address are before it.
 */
const NO_GROUP = /[^:]:(?:\d{5}|_[\w.-]+)$|^(?:[^:]+:){8}\d{2,4}$|\.\d{1,3}:\d{1,5}$/
/** The zone of an address: the name or the number of an interface. */
const ZONE = /^[\w.:~-]+$/

/**
 * Reads an address in any form in which frameworks and proxies write it: with or without port, brackets and quotes. What is
 * an address as it is has no port: `2001:db8::7:80` ends in a group, `2001:db8::7:50000` in a port. Without brackets, what could be a
 * group is no port.
 *
 * @returns undefined where it is none
 */
export function parseEndpoint(text: string): Address | undefined {
  let entry = text.trim()
  if (entry.length > 1 && entry.startsWith('"') && entry.endsWith('"')) entry = entry.slice(1, -1)
  if (entry.startsWith('[')) {
    const end = entry.indexOf(']')
    const port = entry.slice(end + 1)
    return end > 0 && (port === '' || isPort(port)) ? parseAddress(entry.slice(1, end)) : undefined
  }
  const whole = parseAddress(entry)
  if (whole !== undefined) return whole
  const colon = entry.lastIndexOf(':')
  if (colon <= 0 || !isPort(entry.slice(colon))) return undefined
  const address = entry.slice(0, colon)
  return address.includes(':') && !NO_GROUP.test(entry) ? undefined : parseAddress(address)
}

function isPort(text: string): boolean {
  return PORT.test(text) && !(Number(text.slice(1)) > 65_535)
}

/** True for an IPv4 address in dotted decimals, as `10.0.0.7`. */
export function isPlainV4(text: string): boolean {
  return parseV4(text) !== undefined
}

/** Reads an IPv4 or IPv6 address, without port or brackets; a zone (`%eth0`) is dropped. Undefined where it is none. */
export function parseAddress(text: string): Address | undefined {
  const v4 = parseV4(text)
  if (v4 !== undefined) return [0, 0, 0, 0, 0, 0xffff, ...v4]
  const percent = text.indexOf('%')
  if (percent >= 0 && !ZONE.test(text.slice(percent + 1))) return undefined
  const body = percent < 0 ? text : text.slice(0, percent)
  if (body.length > 45) return undefined
  const halves = body.split('::')
  // Dots only stand at the end: `ab:1.2.3.4::` is none.
  if (halves.length > 2 || (halves.length === 2 && halves[0]?.includes('.'))) return undefined
  const [head, tail] = halves.map(groups) as [number[] | undefined, number[] | undefined]
  if (head === undefined) return undefined
  if (halves.length === 1) return head.length === 8 ? head : undefined
  if (tail === undefined || head.length + tail.length > 7) return undefined
  return [...head, ...new Array<number>(8 - head.length - tail.length).fill(0), ...tail]
}

/** True when the first `bits` of both are equal. */
export function sameNetwork(a: Address, b: Address, bits: number): boolean {
  return masked(a, bits).every((group, i) => group === masked(b, bits)[i])
}

export function isV4(address: Address): boolean {
  return address[5] === 0xffff && address.slice(0, 5).every((group) => group === 0)
}

/** As a key: an IPv4 address as it is, an IPv6 one as its network of `bits`, in the form of RFC 5952. */
export function networkText(address: Address, bits: number): string {
  if (isV4(address)) {
    const [high, low] = address.slice(6) as [number, number]
    return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`
  }
  const text = compressed(masked(address, bits))
  return bits === 128 ? text : `${text}/${bits}`
}

/** Four numbers without leading zeros, which some read as octal. */
function parseV4(text: string): [number, number] | undefined {
  if (text.length > 15) return undefined
  const parts = text.split('.')
  if (parts.length !== 4) return undefined
  const [a, b, c, d] = parts.map(byte) as [number, number, number, number]
  // NaN is not from 0 to 255 either.
  return Math.max(a, b, c, d) <= 255 ? [(a << 8) | b, (c << 8) | d] : undefined
}

function byte(text: string): number {
  return /^(?:0|[1-9]\d{0,2})$/.test(text) ? Number(text) : Number.NaN
}

function groups(text: string): number[] | undefined {
  if (text === '') return []
  const parts = text.split(':')
  const list: number[] = []
  for (const [i, part] of parts.entries()) {
    const v4 = i === parts.length - 1 ? parseV4(part) : undefined
    if (v4 !== undefined) list.push(...v4)
    else if (/^[0-9a-f]{1,4}$/i.test(part)) list.push(Number.parseInt(part, 16))
    else return undefined
  }
  return list
}

function masked(address: Address, bits: number): Address {
  return address.map((group, i) => {
    const own = Math.max(0, Math.min(16, bits - 16 * i))
    return group & (0xffff << (16 - own)) & 0xffff
  })
}

/** The longest run of two zeros or more becomes `::`. */
function compressed(address: Address): string {
  let from = 0
  let length = 1
  for (let i = 0; i < 8; i++) {
    let end = i
    while (address[end] === 0) end += 1
    if (end - i > length) [from, length] = [i, end - i]
  }
  const hex = (list: Address) => list.map((group) => group.toString(16)).join(':')
  if (length === 1) return hex(address)
  return `${hex(address.slice(0, from))}::${hex(address.slice(from + length))}`
}
