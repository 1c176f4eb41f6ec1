import type { Millis } from '../../core/duration.ts'

/** The part of a log line that a limit looks at. */
export interface LogRecord {
  /** Milliseconds since 1970, by the log's own clock. */
  readonly time: Millis
  /** The key that the request counts under. */
  readonly key: string
  /** The tokens that the request costs; 1 without `--cost`, `NaN` where the line has no such number. */
  readonly cost: number
}

/** The key of a record without the wanted field. Access logs write the same word. */
export const NO_KEY = '-'

/** The fields that the user wants to be read from each line. */
export interface Wanted {
  /** The field that requests are counted by: `ip`, `path`, `user`, or a name of the format. */
  readonly key: string
  /** The field that holds the time; `undefined`: the format's own. */
  readonly time?: string | undefined
  /** The field that holds the cost; `undefined`: every request costs 1. */
  readonly cost?: string | undefined
}

/**
 * Why a line is no request.
 *
 * - `shape`: the line is not of this format
 * - `time`: the line has no time, or a text that is no time
 * - `client`: the key is `ip`, and the line names no client
 * - `comment`: a directive or a heading of the format; not malformed
 */
export type Fault = 'shape' | 'time' | 'client' | 'comment'

/** Reads one line of a log. May remember what earlier lines said, so each file needs its own. */
export type LineReader = (line: string) => LogRecord | Fault

/** One format of access logs. */
export interface LogFormat {
  /** The name for `--format`. */
  readonly name: string
  /** Starts at the beginning of a file. */
  reader(wanted: Wanted): LineReader
}

/** A field by a name that the user chose, which may be the name of something that every object inherits. */
export function ownField<T>(fields: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(fields, name) ? fields[name] : undefined
}

/** The number in a field as a cost; `NaN` where it is none. */
export function costOf(text: string | undefined): number {
  return text !== undefined && /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : Number.NaN
}
