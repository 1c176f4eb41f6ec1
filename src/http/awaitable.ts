/** A value, or a promise of it. */
export type Awaitable<T> = T | Promise<T>

/** Only for limiters and options, whose promises are promises. */
export function isPromise<T>(value: T | Promise<T>): value is Promise<T> {
  return typeof (value as Promise<T> | undefined)?.then === 'function'
}
