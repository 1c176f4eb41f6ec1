import { describe, WaitTimeoutError } from '../core/errors.ts'

/** The error of a wait that is refused: the turn of `key` comes later than `timeout` allows. */
export function late(key: string, retryAfter: number): WaitTimeoutError {
  return new WaitTimeoutError(`the turn of key ${describe(key)} cannot come in time`, retryAfter)
}
