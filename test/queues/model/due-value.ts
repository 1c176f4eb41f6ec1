/** What tells whose result a caller may get. */
interface Put {
  readonly kind: string
  readonly mode: string
  readonly n: number
  /** True where the put was refused in favour of another. */
  readonly duplicate: boolean
  /** True where a result is asked for by an id that several jobs may have had, one after the other. */
  readonly byId: boolean
}

/** What is wrong with the result of a put, where the result of an item is its number; `undefined` where nothing is. */
export function wrongValue(
  { kind, mode, n, duplicate, byId }: Put,
  value: unknown,
): string | undefined {
  // Items that are pulled complete without a value.
  if (value === undefined || duplicate) return undefined
  const of = value as number
  // A storage is asked by id: where the job was dropped, that of a later one may be told, never that of an earlier one.
  if (byId) return of >= n ? undefined : `put ${n} got the result of the earlier item ${of}`
  const shared = kind === 'dedupe' && mode !== 'ttl' && mode !== 'pending'
  const right = !shared ? of === n : mode === 'coalesce' ? of <= n : of >= n
  return right ? undefined : `put ${n} got the result of item ${of}`
}
