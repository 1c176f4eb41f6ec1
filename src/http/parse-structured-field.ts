/** A value of RFC 9651 without parameters. Byte sequences stay in base64, dates are seconds since 1970. */
export interface BareItem {
  readonly type:
    | 'integer'
    | 'decimal'
    | 'string'
    | 'token'
    | 'bytes'
    | 'boolean'
    | 'date'
    | 'display-string'
  readonly value: string | number | boolean
}

export type Parameters = ReadonlyMap<string, BareItem>

/** A value with its parameters, or an inner list with those of the list. */
export interface Member {
  readonly value: BareItem | readonly Member[]
  readonly parameters: Parameters
}

/** Reads a List (RFC 9651, section 4.2.1). `undefined` where it is none: such a field is to be ignored as a whole. */
export function parseList(field: string): Member[] | undefined {
  return parsed(field, (reader) => reader.list())
}

/** Reads a Dictionary (RFC 9651, section 4.2.2), likewise. */
export function parseDictionary(field: string): Map<string, Member> | undefined {
  return parsed(field, (reader) => reader.dictionary())
}

/** Reads an Item (RFC 9651, section 4.2.3), likewise. */
export function parseItem(field: string): Member | undefined {
  return parsed(field, (reader) => reader.item())
}

/** Thrown inside only. */
const MALFORMED = new Error('malformed')

function parsed<T>(field: string, read: (reader: Reader) => T): T | undefined {
  try {
    const reader = new Reader(field)
    reader.skip(SPACE)
    const value = read(reader)
    reader.skip(SPACE)
    return reader.ended ? value : undefined
  } catch (error) {
    if (error === MALFORMED) return undefined
    throw error
  }
}

// Each tells about one character: nothing here can backtrack.
const SPACE = /^ $/
const BLANK = /^[ \t]$/
const DIGIT = /^\d$/
const LOWER_HEX = /^[\da-f]{2}$/
const KEY_START = /^[a-z*]$/
const KEY = /^[a-z\d_.*-]$/
const TOKEN_START = /^[A-Za-z*]$/
const TOKEN = /^[!#$%&'*+.^_`|~\w:/-]$/
const BASE64 = /^[A-Za-z\d+/=]$/
const PRINTABLE = /^[ -~]$/

/** Reads from left to right, each character once. */
class Reader {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  get ended(): boolean {
    return this.#at === this.#text.length
  }

  list(): Member[] {
    const members: Member[] = []
    this.#members(() => members.push(this.#member()))
    return members
  }

  dictionary(): Map<string, Member> {
    const members = new Map<string, Member>()
    this.#members(() => {
      const key = this.#key()
      const member = this.#take('=')
        ? this.#member()
        : { value: TRUE, parameters: this.#parameters() }
      members.set(key, member)
    })
    return members
  }

  item(): Member {
    return { value: this.#bareItem(), parameters: this.#parameters() }
  }

  /** Skips characters of `kind`, and returns them. */
  skip(kind: RegExp): string {
    const from = this.#at
    while (kind.test(this.#next)) this.#at += 1
    return this.#text.slice(from, this.#at)
  }

  get #next(): string {
    return this.#text[this.#at] ?? ''
  }

  #take(character: string): boolean {
    if (this.#next !== character) return false
    this.#at += 1
    return true
  }

  #must(right: boolean): asserts right {
    if (!right) throw MALFORMED
  }

  #members(read: () => void): void {
    while (!this.ended) {
      read()
      this.skip(BLANK)
      if (this.ended) return
      this.#must(this.#take(','))
      this.skip(BLANK)
      this.#must(!this.ended)
    }
  }

  #member(): Member {
    if (!this.#take('(')) return this.item()
    const items: Member[] = []
    for (;;) {
      const apart = this.skip(SPACE) !== '' || items.length === 0
      if (this.#take(')')) return { value: items, parameters: this.#parameters() }
      this.#must(apart)
      items.push(this.item())
    }
  }

  #parameters(): Parameters {
    if (this.#next !== ';') return NONE
    const parameters = new Map<string, BareItem>()
    while (this.#take(';')) {
      this.skip(SPACE)
      const key = this.#key()
      parameters.set(key, this.#take('=') ? this.#bareItem() : TRUE)
    }
    return parameters
  }

  #key(): string {
    this.#must(KEY_START.test(this.#next))
    return this.skip(KEY)
  }

  #bareItem(): BareItem {
    const first = this.#next
    if (first === '-' || DIGIT.test(first)) return this.#number()
    if (TOKEN_START.test(first)) return { type: 'token', value: this.skip(TOKEN) }
    this.#at += 1
    switch (first) {
      case '"':
        return { type: 'string', value: this.#string() }
      case ':':
        return { type: 'bytes', value: this.#bytes() }
      case '?':
        return this.#boolean()
      case '@':
        return this.#date()
      case '%':
        return { type: 'display-string', value: this.#displayString() }
      default:
        throw MALFORMED
    }
  }

  #number(): BareItem {
    const sign = this.#take('-') ? -1 : 1
    const whole = this.skip(DIGIT)
    this.#must(whole !== '')
    if (!this.#take('.')) {
      this.#must(whole.length <= 15)
      return { type: 'integer', value: sign * Number(whole) }
    }
    const fraction = this.skip(DIGIT)
    this.#must(whole.length <= 12 && fraction !== '' && fraction.length <= 3)
    return { type: 'decimal', value: sign * Number(`${whole}.${fraction}`) }
  }

  #string(): string {
    let text = ''
    while (!this.#take('"')) {
      const escaped = this.#take('\\')
      const character = this.#next
      this.#must(escaped ? character === '"' || character === '\\' : PRINTABLE.test(character))
      text += character
      this.#at += 1
    }
    return text
  }

  #bytes(): string {
    const base64 = this.skip(BASE64)
    this.#must(this.#take(':'))
    // Padding may be left out at the end.
    const padding = base64.indexOf('=')
    const digits = padding < 0 ? base64.length : padding
    this.#must(digits % 4 !== 1)
    for (let at = digits; at < base64.length; at++) this.#must(base64[at] === '=')
    return base64
  }

  #boolean(): BareItem {
    if (this.#take('1')) return TRUE
    this.#must(this.#take('0'))
    return { type: 'boolean', value: false }
  }

  #date(): BareItem {
    const { type, value } = this.#number()
    this.#must(type === 'integer')
    return { type: 'date', value }
  }

  #displayString(): string {
    this.#must(this.#take('"'))
    const bytes: number[] = []
    while (!this.#take('"')) {
      const character = this.#next
      this.#must(PRINTABLE.test(character))
      this.#at += 1
      if (character === '%') {
        const hex = this.#text.slice(this.#at, this.#at + 2)
        this.#must(LOWER_HEX.test(hex))
        this.#at += 2
        bytes.push(Number.parseInt(hex, 16))
      } else bytes.push(character.charCodeAt(0))
    }
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(
        new Uint8Array(bytes),
      )
    } catch {
      throw MALFORMED
    }
  }
}

const NONE: Parameters = new Map()
const TRUE: BareItem = { type: 'boolean', value: true }
