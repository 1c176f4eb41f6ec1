import type { Millis } from '../core/duration.ts'

/** What is left of a line of the log: when it was, and under which key it counts. */
export interface LogRecord {
  /** Since 1970, by the log's own clock. */
  readonly time: Millis
  readonly key: string
}

/** The key of a record that lacks the field it should count under; access logs write the same. */
export const NO_KEY = '-'
