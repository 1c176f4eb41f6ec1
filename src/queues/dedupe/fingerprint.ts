import { OptionTypeError } from '../../core/errors.ts'

/**
 * What makes an item the same as another: itself, if it is a primitive or a function; else a text of all that it holds, in which
 * values of different types never look alike. Keys, entries of a Map and members of a Set are sorted; properties that are
 * undefined count as absent.
 *
 * @throws OptionTypeError where a text would say nothing: of functions, of objects that hide what they hold, of circles
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
  if (typeof toJSON === 'function') return `${name}(${text(toJSON.call(value))})`
  const entries = Object.entries(value).filter(([, part]) => part !== undefined)
  if (name !== '' && Object.keys(value).length === 0) throw keyFnNeeded(`${name}s`)
  const parts = entries.map(([key, part]) => `${JSON.stringify(key)}:${text(part)}`)
  return `${name}{${parts.sort().join()}}`
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
