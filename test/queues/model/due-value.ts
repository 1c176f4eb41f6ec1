/** What tells whose result a caller may get. */
interface Put {
  readonly kind: string
  readonly mode: string
  readonly n: number
  /** True where the put was refused in favour of another. */
  readonly duplicate: boolean
  /** True where it had an id of its own. */
  readonly named: boolean
}

/** What is wrong with the result of a put, where the result of an item is its number; `undefined` where nothing is. */
export function wrongValue(
  { kind, mode, n, duplicate, named }: Put,
  value: unknown,
): string | undefined {
  // Items that are pulled complete without a value.
  if (value === undefined || duplicate || named) return undefined
  const shared = kind === 'dedupe' && mode !== 'ttl' && mode !== 'pending'
  const of = value as number
  const right = !shared ? of === n : mode === 'coalesce' ? of <= n : of >= n
  return right ? undefined : `put ${n} got the result of item ${of}`
}
