/** A value, or a promise of it. */
export type Awaitable<T> = T | Promise<T>

/** Only for what limiters and options return: there, a method `then` is enough to tell a promise. */
export function isPromise<T>(value: T | Promise<T>): value is Promise<T> {
  return typeof (value as Promise<T> | undefined)?.then === 'function'
}

/** What `use` makes of the value: at once where it is there. */
export function after<T, R>(value: Awaitable<T>, use: (value: T) => Awaitable<R>): Awaitable<R> {
  return isPromise(value) ? value.then(use) : use(value)
}

/** For promises whose outcome does not matter any more, since the caller has been told of another error. */
export function ignoring(values: readonly unknown[]): void {
  for (const value of values) if (isPromise(value)) value.then(undefined, () => {})
}
