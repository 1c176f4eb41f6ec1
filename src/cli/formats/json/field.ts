/** Names with dots are taken apart once, not for each line. */
const paths = new Map<string, readonly string[]>()
/** The names come from the shapes and the command line, so there are few. */
function pathOf(name: string): readonly string[] {
  let path = paths.get(name)
  if (path === undefined) {
    path = name.split('.')
    paths.set(name, path)
  }
  return path
}

/** A field by its name, or else by its path: `request.uri` is `uri` within `request`. */
export function fieldAt(value: object, name: string): unknown {
  const direct = own(value, name)
  if (direct !== undefined) return direct
  const path = pathOf(name)
  if (path.length === 1) return undefined
  let found: unknown = value
  for (const step of path) found = own(found, step)
  return found
}

/** The same as text: a string, a number, true or false, or the first of a list of these; '' for anything else. */
export function textAt(value: object, name: string): string {
  const found = fieldAt(value, name)
  return text(Array.isArray(found) ? found[0] : found)
}

/** Own fields only: a log must not be keyed by what every object inherits. */
function own(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
  return (value as Record<string, unknown>)[name]
}

function text(value: unknown): string {
  if (typeof value === 'string') return value
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : ''
}
