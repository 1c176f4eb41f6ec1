import { OptionTypeError } from '../../core/errors.ts'

/** No item is nested deeper: its text is made by recursion. */
const DEEPEST = 500
/** Bytes are written in parts of so many. */
const CHUNK = 8192
const MANY = 65_536

/**
 * What makes an item the same as another: itself, if it is a primitive or a function; else a text of all that it holds, in which
 * values of different types never look alike. Keys, entries of a Map and members of a Set are sorted; properties that are
 * undefined count as absent. An object with a `toJSON` is what that gives and what the object itself holds.
 *
 * @throws OptionTypeError where a text would not say all that the item holds: functions, symbols, circles, properties that are not
 * enumerable, inherited or beside the entries of a list, and objects that hide what they hold: in private fields, or as a Promise does
 */
export function fingerprint(item: unknown): unknown {
  if (typeof item === 'string') return /^(object|string):/.test(item) ? `string:${item}` : item
  if (typeof item !== 'object' || item === null) return item
  return `object:${textOf(item, [])}`
}

/** @param around the objects that hold this value */
function textOf(value: unknown, around: readonly object[]): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value)
    case 'bigint':
      return `${value}n`
    case 'function':
    case 'symbol':
      throw keyFnNeeded(`a ${typeof value}`)
    case 'object':
      return value === null ? 'null' : textOfObject(value, around)
    case 'boolean':
    case 'number':
    case 'undefined':
      return String(value)
  }
}

function textOfObject(value: object, around: readonly object[]): string {
  if (around.includes(value)) throw keyFnNeeded('a circle')
  if (around.length === DEEPEST) throw keyFnNeeded(`more than ${DEEPEST} levels`)
  checkVisible(value)
  const text = (part: unknown) => textOf(part, [...around, value])
  const name = isPlain(value) ? '' : (value.constructor?.name ?? '')
  if (Array.isArray(value)) return `[${Array.from(value, text).join()}]`
  if (value instanceof Date) return `${name}(${value.getTime()})`
  if (value instanceof Map) {
    const entries = Array.from(value, ([key, part]) => `${text(key)}=>${text(part)}`)
    return `${name}{${entries.sort().join()}}`
  }
  if (value instanceof Set) return `${name}{${Array.from(value, text).sort().join()}}`
  if (value instanceof ArrayBuffer) return `${name}[${base64(new Uint8Array(value))}]`
  if (ArrayBuffer.isView(value)) {
    return `${name}[${base64(new Uint8Array(value.buffer, value.byteOffset, value.byteLength))}]`
  }
  const { toJSON } = value as { toJSON?: unknown }
  const json = typeof toJSON === 'function' ? `(${text(toJSON.call(value))})` : ''
  const entries = Object.entries(value).filter(([, part]) => part !== undefined)
  if (json === '' && !isPlain(value)) {
    if (name === '') throw keyFnNeeded('instances of a class without a name')
    if (Object.keys(value).length === 0 || isOfEngine(value) || hasPrivate(value)) {
      throw keyFnNeeded(`${name}s`)
    }
  }
  const parts = entries.map(([key, part]) => `${JSON.stringify(key)}:${text(part)}`)
  return `${name}${json}{${parts.sort().join()}}`
}

function base64(bytes: Uint8Array): string {
  let text = ''
  for (let i = 0; i < bytes.length; i += CHUNK) {
    text += String.fromCharCode(...bytes.subarray(i, i + CHUNK))
  }
  return btoa(text)
}

/** True for what the engine made in a way of its own, as a Promise or a boxed number: its properties are not all there is. */
function isOfEngine(value: object): boolean {
  return Object.prototype.toString.call(value) !== '[object Object]'
}

const privates = new WeakMap<object, boolean>()

/** True where the source of its class, or of one that it extends, reads private fields: they cannot be looked at from outside. */
function hasPrivate(value: object): boolean {
  let holder: object | null = Object.getPrototypeOf(value)
  for (; holder !== null && holder !== Object.prototype; holder = Object.getPrototypeOf(holder)) {
    const maker = holder.constructor
    if (typeof maker !== 'function') continue
    let known = privates.get(maker)
    if (known === undefined) {
      known = /[.?]\s*#[\w$]/.test(Function.prototype.toString.call(maker))
      privates.set(maker, known)
    }
    if (known) return true
  }
  return false
}

/** True when the text of `value` names all its properties. */
function checkVisible(value: object): void {
  // The names of so many bytes cost more than all the rest, and they have no properties in practice.
  if (ArrayBuffer.isView(value) && value.byteLength > MANY) return
  if (Object.getOwnPropertySymbols(value).some(saysMore)) {
    throw keyFnNeeded('properties named by symbols')
  }
  const names = Object.getOwnPropertyNames(value).length
  const keys = Object.keys(value).length
  // The length of a list is no entry of it.
  if (names > keys + (Array.isArray(value) ? 1 : 0)) {
    throw keyFnNeeded('properties that are not enumerable')
  }
  const entries = entriesOf(value)
  if (entries === undefined) checkInherited(value)
  else if (keys > entries) {
    throw keyFnNeeded('a list or another collection with properties of its own')
  }
}

/** False for the mark that Deno puts on each object of the web platform, a URL for example: it is the same on all. */
function saysMore({ description }: symbol): boolean {
  return description !== '[[webidl.brand]]'
}

/** Methods and accessors of a class say nothing that differs from one instance to the next; a value that is inherited may. */
function checkInherited(value: object): void {
  for (const key in value) {
    if (Object.hasOwn(value, key)) continue
    let holder: object = value
    while (!Object.hasOwn(holder, key)) holder = Object.getPrototypeOf(holder)
    const inherited = Object.getOwnPropertyDescriptor(holder, key)?.value
    if (inherited !== undefined && typeof inherited !== 'function') {
      throw keyFnNeeded('inherited properties')
    }
  }
}

/** How many properties are entries, where a value has entries and its text names nothing else. */
function entriesOf(value: object): number | undefined {
  if (Array.isArray(value)) {
    let entries = 0
    for (let i = 0; i < value.length; i++) if (i in value) entries += 1
    return entries
  }
  if (value instanceof DataView) return 0
  if (ArrayBuffer.isView(value)) return (value as Uint8Array).length
  const bare =
    value instanceof Date ||
    value instanceof Map ||
    value instanceof Set ||
    value instanceof ArrayBuffer
  return bare ? 0 : undefined
}

function keyFnNeeded(what: string): OptionTypeError {
  return new OptionTypeError(
    'keyFn',
    `keyFn is needed to tell items apart that hold ${what}, got none`,
  )
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}
