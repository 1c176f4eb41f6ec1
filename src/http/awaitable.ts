/** A value, or a promise of it. */
export type Awaitable<T> = T | Promise<T>

/** Only for what limiters and options return: there, a method `then` is enough to tell a promise. */
export function isPromise<T>(value: T | Promise<T>): value is Promise<T> {
  return typeof (value as Promise<T> | undefined)?.then === 'function'
}
