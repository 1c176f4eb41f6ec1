import { type Format, readerOf } from '../../../src/cli/formats/formats.ts'
import type { LineReader, LogRecord, Wanted } from '../../../src/cli/formats/record.ts'

/** A reader at the beginning of a file. */
export function reader(
  key: string,
  format: Format = 'auto',
  more: Partial<Wanted> = {},
): LineReader {
  return readerOf(format, { key, ...more })
}

/** A line that must be a request. */
export function read(
  line: string,
  key = 'ip',
  format: Format = 'auto',
  more: Partial<Wanted> = {},
): LogRecord {
  const found = reader(key, format, more)(line)
  if (typeof found === 'string') throw new Error(`no request (${found}): ${line}`)
  return found
}
