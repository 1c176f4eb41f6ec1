/** How long a text of others may be: a message, a key, a name. */
const LONGEST = 500

/** The message of an error, with its code or name before it; of anything else, its text. Bounded. */
export function messageOf(error: unknown): string {
  const message = property(error, 'message')
  if (typeof message !== 'string') return cut(textOf(error))
  const code = property(error, 'code')
  const name = property(error, 'name')
  const kind = typeof code === 'string' ? code : typeof name === 'string' ? name : ''
  return cut(kind === '' || message.includes(kind) ? message : `${kind} ${message}`)
}

/**
 * The message of an error alone; of anything else, its text. The stack is not asked for: an engine writes it when it is read, and that
 * takes a hundred times as long.
 */
export function errorMessage(error: unknown): string {
  return textOf(isError(error) ? property(error, 'message') : error)
}

/** As `instanceof`, where a proxy may refuse to tell its prototype. */
export function isError(value: unknown): boolean {
  try {
    return value instanceof Error
  } catch {
    return false
  }
}

export function cut(text: string, longest: number = LONGEST): string {
  return text.length <= longest ? text : `${text.slice(0, longest - 1)}…`
}

/** A value as `String` writes it. Anything can be thrown, also what has no text: an object without a prototype, a proxy. */
export function textOf(value: unknown): string {
  try {
    return String(value)
  } catch {
    return '[object without a text]'
  }
}

/** A property of anything; `undefined` also where reading it throws. */
export function property(value: unknown, name: string | symbol): unknown {
  try {
    return (Object(value) as Record<string | symbol, unknown>)[name]
  } catch {
    return undefined
  }
}

/** Writes an error to the console. The console throws for an error whose own properties throw; then its text is written. */
export function complain(text: string, error: unknown): void {
  try {
    console.error(text, error)
  } catch {
    console.error(text, messageOf(error))
  }
}
