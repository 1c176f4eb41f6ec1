import { parseClf } from './clf.ts'
import { parseJson } from './json-line.ts'
import type { LogRecord } from './record.ts'

export const FORMATS = ['auto', 'clf', 'combined', 'json'] as const
export type Format = (typeof FORMATS)[number]

/** Reads a line, or finds it malformed: `undefined`. */
export type ParseLine = (line: string, field: string) => LogRecord | undefined

const COMBINED_ONLY = new Set(['referer', 'agent'])

export const parsers: Readonly<Record<Format, ParseLine>> = {
  // Line by line: a log may change its format on the way, and a look at one character is cheap.
  auto: (line, field) => (line[0] === '{' ? parseJson(line, field) : parseClf(line, field)),
  clf: (line, field) => parseClf(line, COMBINED_ONLY.has(field) ? '' : field),
  combined: parseClf,
  json: parseJson,
}

/** The formats that some of `lines` could be read in. */
export function formatsOf(lines: readonly string[]): Format[] {
  return (['combined', 'json'] as const).filter((format) =>
    lines.some((line) => parsers[format](line, 'ip') !== undefined),
  )
}
