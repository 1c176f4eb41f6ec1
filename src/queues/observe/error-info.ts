import type { JobErrorInfo } from '../job.ts'
import type { JobErrorRecord } from '../store/job-record.ts'

/** The error of an attempt, as people look at it. */
export function shown({ name, message, code }: JobErrorRecord): JobErrorInfo {
  return { name, message, ...(code !== undefined && { code }) }
}

/** The same with its stack. */
export function shownWhole(error: JobErrorRecord): JobErrorInfo {
  return { ...shown(error), ...(error.stack !== undefined && { stack: error.stack }) }
}
