/** An object for names of others: none of them, `__proto__` neither, means anything to it. */
export function dictionary<V>(): Record<string, V> {
  return Object.create(null) as Record<string, V>
}
