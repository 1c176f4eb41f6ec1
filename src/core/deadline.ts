import type { Millis } from './duration.ts'
import { StorageDownError } from './errors.ts'

/** Rejects with a StorageDownError when `work` has not settled within `timeout`. What was asked may still happen. */
export function within<T>(timeout: Millis, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new StorageDownError(`the storage did not answer within ${timeout} ms`)),
      timeout,
    )
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
