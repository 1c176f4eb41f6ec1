import { LONGEST_TIMEOUT } from './clock.ts'
import type { Millis } from './duration.ts'
import { StorageDownError } from './errors.ts'
import { macrotask } from './macrotask.ts'

/**
 * Rejects with a StorageDownError when `work` has not settled within `timeout`. What was asked may still happen. Only time in which this
 * process could have read an answer counts against the storage.
 *
 * @param why the cause of that, where it is known
 */
export function within<T>(
  timeout: Millis,
  work: Promise<T>,
  why: () => unknown = () => undefined,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const longest = Math.min(timeout, LONGEST_TIMEOUT)
    // Where the event loop was blocked the answer may have arrived, and not been read yet.
    const late = () => macrotask(() => reject(unanswered(timeout, why())))
    const timer = setTimeout(late, longest)
    work.then(
      (value) => {
        clearTimeout(timer)
        resolve(value)
      },
      (error) => {
        clearTimeout(timer)
        reject(error)
      },
    )
  })
}

function unanswered(timeout: Millis, cause: unknown): StorageDownError {
  const what = `the storage did not answer within ${timeout} ms`
  if (cause === undefined) return new StorageDownError(what)
  const said = cause instanceof Error ? cause.message : String(cause)
  return new StorageDownError(`${what}: ${said}`, { cause })
}
