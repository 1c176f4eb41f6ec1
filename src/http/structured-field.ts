/** RFC 9651: an Integer has at most 15 digits. */
const LARGEST = 999_999_999_999_999

/** A member of a list: a string, or what was written without quotes, and its parameters. */
export interface Item {
  readonly value: string
  readonly parameters: ReadonlyMap<string, string | number | boolean>
}

/** A String of RFC 9651. What its printable ASCII cannot say is percent-encoded, so that names stay different. */
export function sfString(text: string): string {
  const plain = text.replace(/[^\x20-\x7e]/gu, encoded).replace(/["\\]/g, '\\$&')
  return `"${plain}"`
}

/** An Integer of RFC 9651 that is not negative. */
export function sfInteger(value: number): number {
  return Math.max(0, Math.min(LARGEST, value))
}

function encoded(symbol: string): string {
  try {
    return encodeURIComponent(symbol)
  } catch {
    return '%EF%BF%BD' // half of a surrogate pair, as UTF-8 shows it
  }
}

const SPACE = /[ \t]*/y
const STRING = /"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"/y
const BARE = /-?\d+(?:\.\d+)?|[a-z*][!#$%&'*+.^_`|~0-9a-z:/-]*|:[a-z0-9+/=]*:|\?[01]/iy
const KEY = /;[ ]*([a-z*][a-z0-9_.*-]*)/y

/**
 * Reads a List of Items. Lists, dates and other things that RateLimit fields do not use are not read; tokens and bytes are, as they are written.
 *
 * @returns undefined where it is not one: RFC 9651 says to ignore such a field as a whole
 */
export function parseItems(field: string): Item[] | undefined {
  let at = 0
  const take = (pattern: RegExp): RegExpExecArray | undefined => {
    pattern.lastIndex = at
    const match = pattern.exec(field)
    if (match === null) return undefined
    at = pattern.lastIndex
    return match
  }
  const bare = (): string | number | boolean | undefined => {
    const text = take(STRING)?.[1]
    if (text !== undefined) return text.replace(/\\(["\\])/g, '$1')
    const word = take(BARE)?.[0]
    if (word === undefined || !/^[-\d?]/.test(word)) return word
    if (word.startsWith('?')) return word === '?1'
    return /^-?(\d{1,15}|\d{1,12}\.\d{1,3})$/.test(word) ? Number(word) : undefined
  }
  const items: Item[] = []
  for (;;) {
    take(SPACE)
    const value = bare()
    if (value === undefined) return undefined
    const parameters = new Map<string, string | number | boolean>()
    for (let key = take(KEY)?.[1]; key !== undefined; key = take(KEY)?.[1]) {
      let parameter: string | number | boolean | undefined = true
      if (field[at] === '=') {
        at += 1
        parameter = bare()
      }
      if (parameter === undefined) return undefined
      parameters.set(key, parameter)
    }
    items.push({ value: String(value), parameters })
    take(SPACE)
    if (at === field.length) return items
    if (field[at] !== ',') return undefined
    at += 1
  }
}
