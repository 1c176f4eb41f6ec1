import { isThenable } from '../core/thenable.ts'

/** A value, or a promise of it. */
export type Awaitable<T> = T | Promise<T>

/** What `use` makes of the value: at once where it is there. */
export function after<T, R>(value: Awaitable<T>, use: (value: T) => Awaitable<R>): Awaitable<R> {
  return isThenable(value) ? value.then(use) : use(value)
}

/** For promises whose outcome does not matter any more, since the caller has been told of another error. */
export function ignoring(values: readonly unknown[]): void {
  for (const value of values) if (isThenable(value)) value.then(undefined, () => {})
}
