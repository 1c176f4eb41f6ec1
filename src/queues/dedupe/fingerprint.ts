import { OptionTypeError } from '../../core/errors.ts'

/**
 * What makes an item the same as another: itself, or its JSON with sorted keys.
 *
 * @throws OptionTypeError where that would say nothing: of objects that keep to themselves what they hold
 */
export function keyOf(item: unknown): unknown {
  if (typeof item !== 'object' || item === null) return item
  return JSON.stringify(item, (_, value: unknown) => {
    if (typeof value === 'bigint') return `${value}n`
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
    if (value instanceof Map || value instanceof Set) return [...value]
    const entries = Object.entries(value)
    if (entries.length === 0 && !isPlain(value)) {
      throw new OptionTypeError(
        'keyFn',
        `keyFn is needed to tell items apart that hold ${value.constructor?.name ?? 'such object'}s, got none`,
      )
    }
    return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)))
  })
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}
