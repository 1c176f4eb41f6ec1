/**
 * The senders of a request, as the proxies name them, the nearest proxy first. '' where a proxy says nothing that can be read; nothing
 * comes after an element of `Forwarded` whose beginning cannot be found.
 *
 * Read from the right, since each proxy adds to the right: what a client has sent, an open quote too, changes nothing of what
 * the proxies have added behind.
 */
export function* forwardedFor(header: string, value: string): Generator<string, void> {
  const elementOf = header === 'forwarded' ? forOf : (entry: string) => entry
  const commaBefore = header === 'forwarded' ? unquotedCommaBefore : plainCommaBefore
  for (let end = value.length; end >= 0; ) {
    const comma = commaBefore(value, end)
    if (comma === undefined) return yield ''
    const element = value.slice(comma + 1, end).trim()
    // Empty elements are none (RFC 9110, section 5.6.1).
    if (element !== '') yield elementOf(element)
    end = comma
  }
}

function plainCommaBefore(value: string, end: number): number {
  return end === 0 ? -1 : value.lastIndexOf(',', end - 1)
}

/** `undefined` where a quoted text ends before `end`, and begins nowhere. */
function unquotedCommaBefore(value: string, end: number): number | undefined {
  let quoted = false
  for (let at = end - 1; at >= 0; at--) {
    if (value[at] === ',' && !quoted) return at
    if (value[at] === '"' && !(quoted && isEscaped(value, at))) quoted = !quoted
  }
  return quoted ? undefined : -1
}

/** True when an odd number of backslashes stands before it. */
function isEscaped(value: string, at: number): boolean {
  let first = at
  while (value[first - 1] === '\\') first -= 1
  return (at - first) % 2 === 1
}

/** The `for` of an element of `Forwarded` (RFC 7239, section 4); '' where it has none, or is not well formed. */
function forOf(element: string): string {
  let found: string | undefined
  for (let at = 0; at < element.length; ) {
    const equals = element.indexOf('=', at)
    if (equals < 0) return ''
    const name = element.slice(at, equals).trim().toLowerCase()
    const end = valueEnd(element, equals + 1)
    const value = unquoted(element.slice(equals + 1, end).trim())
    if (value === undefined || name.includes(';') || name.includes('"')) return ''
    if (name === 'for') {
      if (found !== undefined) return ''
      found = value
    }
    at = end + 1
  }
  return found ?? ''
}

/** Where the value ends that begins at `from`: at the next semicolon that is not quoted, or at the end. */
function valueEnd(element: string, from: number): number {
  let quoted = false
  for (let at = from; at < element.length; at++) {
    if (quoted && element[at] === '\\') at += 1
    else if (element[at] === '"') quoted = !quoted
    else if (element[at] === ';' && !quoted) return at
  }
  return element.length
}

/** A token as it is, or what a quoted string says; `undefined` where it is neither. */
function unquoted(value: string): string | undefined {
  if (!value.startsWith('"')) return value.includes('"') ? undefined : value
  let text = ''
  for (let at = 1; at < value.length; at++) {
    if (value[at] === '"') return at === value.length - 1 ? text : undefined
    if (value[at] === '\\') at += 1
    text += value[at] ?? ''
  }
  return undefined
}
