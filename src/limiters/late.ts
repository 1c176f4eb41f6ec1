import { describe, WaitTimeoutError } from '../core/errors.ts'

/** What `key` waits for cannot come in time. */
export function late(key: string, retryAfter: number): WaitTimeoutError {
  return new WaitTimeoutError(`what ${describe(key)} waits for cannot come in time`, retryAfter)
}

/** What `key` waited for has not come before its deadline. */
export function tooLate(key: string): WaitTimeoutError {
  return new WaitTimeoutError(`what ${describe(key)} waits for did not come in time`, 0)
}
