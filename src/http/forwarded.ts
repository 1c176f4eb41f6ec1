/** Who sent a request on, as the proxies say: nearest last. An entry that is no address is an obscured one. */
export function forwardedFor(header: string, value: string): string[] {
  const entries = header === 'forwarded' ? rfc7239(value) : value.split(',')
  return entries.map(withoutPort)
}

/** The `for` of each element of `Forwarded` (RFC 7239); an element without one says nothing, and is an empty entry. */
function rfc7239(value: string): string[] {
  const quotedOrNot = (separator: string) =>
    new RegExp(`(?:[^${separator}"]|"(?:[^"\\\\]|\\\\.)*"?)+`, 'g')
  return (value.match(quotedOrNot(',')) ?? []).map((element) => {
    for (const pair of element.match(quotedOrNot(';')) ?? []) {
      const [, name, text = ''] = /^\s*(\w+)=(.*?)\s*$/s.exec(pair) ?? []
      if (name?.toLowerCase() !== 'for') continue
      return text.startsWith('"') ? text.slice(1, -1).replace(/\\(.)/g, '$1') : text
    }
    return ''
  })
}

/** `[2001:db8::1]:80` and `192.0.2.1:80` as some proxies write them. */
function withoutPort(entry: string): string {
  const text = entry.trim()
  const bracketed = /^\[([^\]]*)\](?::\w+)?$/.exec(text)
  if (bracketed !== null) return bracketed[1] as string
  return /^(\d+\.\d+\.\d+\.\d+):\w+$/.exec(text)?.[1] ?? text
}
