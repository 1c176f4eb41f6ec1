import type { Field } from './fields.ts'

/** Reads and writes the header fields of a framework's response. */
export interface HeaderAccess<Target> {
  read(target: Target, name: string): string | undefined
  write(target: Target, name: string, value: string): void
}

/**
 * Adds the fields of one guard to those of others on the same response: lists get longer; of other fields the value
 * of the tightest limit stays.
 */
export function writeFields<Target>(
  access: HeaderAccess<Target>,
  target: Target,
  fields: readonly Field[],
): void {
  for (const [name, value] of fields) {
    const before = access.read(target, name)
    if (before === undefined || name === 'Retry-After') access.write(target, name, value)
    else if (!name.startsWith('X-')) access.write(target, name, `${before}, ${value}`)
    // The three of old speak of one limit, so they are written together or not at all.
    else if (name === 'X-RateLimit-Limit' && isTighter(access, target, fields)) {
      for (const [own, text] of fields) if (own.startsWith('X-')) access.write(target, own, text)
    }
  }
}

function isTighter<Target>(
  access: HeaderAccess<Target>,
  target: Target,
  fields: readonly Field[],
): boolean {
  const remaining = fields.find(([name]) => name === 'X-RateLimit-Remaining')?.[1]
  return Number(remaining) < Number(access.read(target, 'X-RateLimit-Remaining'))
}
