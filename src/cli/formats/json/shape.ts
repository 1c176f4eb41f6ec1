/** The names that `--key`, `--cost` and the report have for the fields of any format. */
export type FieldName =
  | 'time'
  | 'ip'
  | 'path'
  | 'user'
  | 'method'
  | 'status'
  | 'host'
  | 'agent'
  | 'referer'
  | 'bytes'
  | 'forwarded'

/**
 * How one vendor names the fields of its JSON lines. Names within names have dots: `request.uri`. Of several names the
 * first that is in the line, and can be read, counts.
 */
export interface JsonShape {
  readonly name: string
  /** A line is of this shape when one of these fields is in it. */
  readonly has: readonly string[]
  readonly fields: Readonly<Partial<Record<FieldName, readonly string[]>>>
}
