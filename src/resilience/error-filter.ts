import { atOnce } from '../core/check.ts'
import { describe, OptionTypeError } from '../core/errors.ts'

// biome-ignore lint/suspicious/noExplicitAny: the class of any error, whatever its constructor takes.
type ErrorClass = abstract new (...args: any[]) => Error

/** Selects errors: by a class, several classes, or a predicate. */
export type ErrorFilter = ErrorClass | readonly ErrorClass[] | ((error: unknown) => boolean)

/** Reads the option `name` as a predicate. */
export function errorFilter(name: string, filter: ErrorFilter): (error: unknown) => boolean {
  if (Array.isArray(filter)) {
    const classes = filter.map((one: unknown) => {
      if (isErrorClass(one)) return one
      throw new OptionTypeError(name, `${name} must list classes of errors, got ${describe(one)}`)
    })
    return (error) => classes.some((one) => error instanceof one)
  }
  if (isErrorClass(filter)) return (error) => error instanceof filter
  if (typeof filter === 'function') {
    const asks = filter as (error: unknown) => boolean
    return (error) => atOnce(name, asks(error))
  }
  throw new OptionTypeError(
    name,
    `${name} must be a class of errors, a list of them or a function, got ${describe(filter)}`,
  )
}

function isErrorClass(value: unknown): value is ErrorClass {
  if (typeof value !== 'function') return false
  return value === Error || value.prototype instanceof Error
}
