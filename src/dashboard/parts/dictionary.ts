/** An object for any names: no name has a special meaning, not even `__proto__`. */
export function dictionary<V>(): Record<string, V> {
  return Object.create(null) as Record<string, V>
}
