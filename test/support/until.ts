/** How long to wait for a condition, and how often to look. */
export interface Patience {
  /** Milliseconds until giving up. @default 10_000 */
  within?: number
  /** Milliseconds between two looks. @default 20 */
  every?: number
}

/** Waits until `look` returns something truthy; an error it throws is "not yet", and the cause if it never comes. */
export async function until<T>(
  what: string,
  look: () => T | Promise<T>,
  { within = 10_000, every = 20 }: Patience = {},
): Promise<NonNullable<T>> {
  const deadline = performance.now() + within
  for (;;) {
    let cause: unknown
    try {
      const found = await look()
      if (found) return found
    } catch (error) {
      cause = error
    }
    if (performance.now() >= deadline) {
      const why = cause instanceof Error ? `: ${cause.message}` : ''
      throw new Error(`${what}: not within ${within} ms${why}`, { cause })
    }
    await new Promise((resolve) => setTimeout(resolve, every))
  }
}
