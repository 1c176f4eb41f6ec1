/** What makes an item the same as another: itself, or its JSON with sorted keys. */
export function keyOf(item: unknown): unknown {
  if (typeof item !== 'object' || item === null) return item
  return JSON.stringify(item, (_, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  )
}
