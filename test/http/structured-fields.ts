// The grammar of RFC 9651 for Lists of Items, written from the RFC's section 3 (ABNF) and 4.2 (parsing) and apart from
// what src/ does, to check what src/ writes.

export type Bare = string | number | { bytes: string } | { token: string } | boolean
export interface SfItem {
  value: Bare
  params: Record<string, Bare>
}

/** Parses by section 4.2.1, strictly: throws where the RFC says "fail parsing". */
export function parseSfList(input: string): SfItem[] {
  let rest = input.replace(/^ +/, '')
  const list: SfItem[] = []
  while (rest !== '') {
    const [value, afterValue] = bareItem(rest)
    rest = afterValue
    const params: Record<string, Bare> = {}
    while (rest.startsWith(';')) {
      rest = rest.slice(1).replace(/^ +/, '')
      const key = /^[a-z*][a-z0-9_\-.*]*/.exec(rest)?.[0]
      if (key === undefined) throw new Error(`no key at '${rest}'`)
      rest = rest.slice(key.length)
      let param: Bare = true
      if (rest.startsWith('=')) [param, rest] = bareItem(rest.slice(1))
      params[key] = param
    }
    list.push({ value, params })
    rest = rest.replace(/^[ \t]+/, '')
    if (rest === '') return list
    if (!rest.startsWith(',')) throw new Error(`no comma at '${rest}'`)
    rest = rest.slice(1).replace(/^[ \t]+/, '')
    if (rest === '') throw new Error('a trailing comma')
  }
  return list
}

function bareItem(text: string): [Bare, string] {
  const first = text[0] ?? ''
  if (first === '"') {
    let out = ''
    for (let i = 1; i < text.length; i++) {
      if (text[i] === '"') return [out, text.slice(i + 1)]
      if (text[i] === '\\') {
        i += 1
        if (text[i] !== '"' && text[i] !== '\\') throw new Error(`bad escape in ${text}`)
      }
      if (!/^[ -~]$/.test(text[i] ?? '')) throw new Error(`not printable ASCII: ${text}`)
      out += text[i]
    }
    throw new Error(`a string without end: ${text}`)
  }
  if (/[-0-9]/.test(first)) {
    const number = /^-?[0-9]+(\.[0-9]+)?/.exec(text)?.[0]
    if (number === undefined) throw new Error(`no number: ${text}`)
    if (number.includes('.')) {
      if (!/^-?[0-9]{1,12}\.[0-9]{1,3}$/.test(number)) throw new Error(`bad decimal ${number}`)
    } else if (!/^-?[0-9]{1,15}$/.test(number)) throw new Error(`too long an integer ${number}`)
    return [Number(number), text.slice(number.length)]
  }
  const bytes = /^:([A-Za-z0-9+/=]*):/.exec(text)
  if (bytes !== null) return [{ bytes: bytes[1] as string }, text.slice(bytes[0].length)]
  const token = /^[A-Za-z*][!#$%&'*+\-.^_`|~0-9A-Za-z:/]*/.exec(text)?.[0]
  if (token !== undefined) return [{ token }, text.slice(token.length)]
  const boolean = /^\?([01])/.exec(text)
  if (boolean !== null) return [boolean[1] === '1', text.slice(2)]
  throw new Error(`no item at '${text}'`)
}

/** Checks what draft-ietf-httpapi-ratelimit-headers asks of both fields, and returns their members by name. */
export function readRateLimit(headers: Headers): {
  policies: Record<string, Record<string, Bare>>
  limits: Record<string, Record<string, Bare>>
} {
  const policies = named(parseSfList(headers.get('ratelimit-policy') ?? ''))
  const limits = named(parseSfList(headers.get('ratelimit') ?? ''))
  for (const [name, { q, w, qu }] of Object.entries(policies)) {
    whole(`q of ${name}`, q, 0)
    if (w !== undefined) whole(`w of ${name}`, w, 1)
    if (
      qu !== undefined &&
      !['requests', 'content-bytes', 'concurrent-requests'].includes(String(qu))
    )
      throw new Error(`qu of ${name} is ${qu}`)
  }
  for (const [name, { r, t }] of Object.entries(limits)) {
    whole(`r of ${name}`, r, 0)
    if (t !== undefined) whole(`t of ${name}`, t, 0)
    if (!(name in policies)) throw new Error(`no policy is called ${name}`)
    const after = headers.get('retry-after')
    if (after !== null && t !== undefined && Number(after) < Number(t))
      throw new Error(`Retry-After ${after} is before t=${t} of ${name}`)
  }
  return { policies, limits }
}

function named(list: SfItem[]): Record<string, Record<string, Bare>> {
  const all: Record<string, Record<string, Bare>> = Object.create(null)
  for (const { value, params } of list) {
    if (typeof value !== 'string') throw new Error('a name that is no String')
    if (value in all) throw new Error(`two are called ${value}`)
    all[value] = params
  }
  return all
}

function whole(what: string, value: Bare | undefined, least: number): void {
  if (!Number.isSafeInteger(value) || (value as number) < least)
    throw new Error(`${what} is ${String(value)}`)
}
