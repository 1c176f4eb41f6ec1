import { describe, WaitTimeoutError } from '../core/errors.ts'

/** What `key` waits for cannot come in time. */
export function late(key: string, retryAfter: number): WaitTimeoutError {
  return new WaitTimeoutError(`what ${describe(key)} waits for cannot come in time`, retryAfter)
}
