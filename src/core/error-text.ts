/** How long a text of others may be: a message, a key, a name. */
const LONGEST = 500

/** The message of an error, with its code or name before it; of anything else, its text. Bounded. */
export function messageOf(error: unknown): string {
  const { message, code, name } = Object(error) as Record<string, unknown>
  if (typeof message !== 'string') return cut(String(error))
  const kind = typeof code === 'string' ? code : typeof name === 'string' ? name : ''
  return cut(kind === '' || message.includes(kind) ? message : `${kind} ${message}`)
}

export function cut(text: string, longest: number = LONGEST): string {
  return text.length <= longest ? text : `${text.slice(0, longest - 1)}…`
}
