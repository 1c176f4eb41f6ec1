import { LONGEST_TIMEOUT } from './clock.ts'
import type { Millis } from './duration.ts'
import { StorageDownError } from './errors.ts'

/**
 * Rejects with a StorageDownError when `work` has not settled within `timeout`. What was asked may still happen.
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
    const timer = setTimeout(() => reject(unanswered(timeout, why())), longest)
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
