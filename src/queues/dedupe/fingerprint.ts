import { OptionTypeError } from '../../core/errors.ts'

/**
 * What makes an item the same as another: itself, if it is a primitive or a function; else a text of all that it holds, in which
 * values of different types never look alike. Keys, entries of a Map and members of a Set are sorted; properties that are
 * undefined count as absent. An object with a `toJSON` is what that gives and what the object itself holds.
 *
 * @throws OptionTypeError where a text would not say all that the item holds: functions, symbols, circles, properties that are not
 * enumerable, inherited or beside the entries of a list, and objects that hide what they hold
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
  if (value instanceof ArrayBuffer) return `${name}[${new Uint8Array(value).join()}]`
  if (ArrayBuffer.isView(value)) {
    return `${name}[${new Uint8Array(value.buffer, value.byteOffset, value.byteLength).join()}]`
  }
  const { toJSON } = value as { toJSON?: unknown }
  const json = typeof toJSON === 'function' ? `(${text(toJSON.call(value))})` : ''
  const entries = Object.entries(value).filter(([, part]) => part !== undefined)
  if (name !== '' && json === '' && Object.keys(value).length === 0) throw keyFnNeeded(`${name}s`)
  const parts = entries.map(([key, part]) => `${JSON.stringify(key)}:${text(part)}`)
  return `${name}${json}{${parts.sort().join()}}`
}

/** True when the text of `value` names all its properties. */
function checkVisible(value: object): void {
  if (Object.getOwnPropertySymbols(value).length > 0)
    throw keyFnNeeded('properties named by symbols')
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
