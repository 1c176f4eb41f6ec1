import { describe, OptionRangeError, OptionTypeError } from './errors.ts'

/** A finite number above 0, or an error that names the option and the value. */
export function positive(name: string, value: number): number {
  number(name, value)
  if (!(value > 0 && value < Infinity)) {
    throw new OptionRangeError(name, `${name} must be a finite number > 0, got ${describe(value)}`)
  }
  return value
}

/** A whole number of at least `least`. */
export function integer(name: string, value: number, least: number): number {
  number(name, value)
  if (!(Number.isSafeInteger(value) && value >= least)) {
    throw new OptionRangeError(
      name,
      `${name} must be a whole number >= ${least}, got ${describe(value)}`,
    )
  }
  return value
}

/** A number from `least` to `most`, both allowed. */
export function between(name: string, value: number, least: number, most: number): number {
  number(name, value)
  if (!(value >= least && value <= most)) {
    throw new OptionRangeError(
      name,
      `${name} must be a number from ${least} to ${most}, got ${describe(value)}`,
    )
  }
  return value
}

/** One of the strings in `choices`. */
export function oneOf<T extends string>(name: string, value: T, choices: readonly T[]): T {
  if (!choices.includes(value)) {
    const error = typeof value === 'string' ? OptionRangeError : OptionTypeError
    throw new error(
      name,
      `${name} must be one of ${choices.map((choice) => `'${choice}'`).join(', ')}, got ${describe(value)}`,
    )
  }
  return value
}

/** A string that is not empty. */
export function text(name: string, value: string): string {
  if (typeof value !== 'string') {
    throw new OptionTypeError(name, `${name} must be a string, got ${describe(value)}`)
  }
  if (value === '') throw new OptionRangeError(name, `${name} must not be empty, got ''`)
  return value
}

/** `true` or `false`, and nothing that only passes for it. */
export function flag(name: string, value: boolean): boolean {
  if (typeof value !== 'boolean') {
    throw new OptionTypeError(name, `${name} must be true or false, got ${describe(value)}`)
  }
  return value
}

/** A function, or nothing. */
export function callable<F>(name: string, value: F): F {
  if (value !== undefined && typeof value !== 'function') {
    throw new OptionTypeError(name, `${name} must be a function, got ${describe(value)}`)
  }
  return value
}

/** Something with that method, or nothing. */
export function having<V>(name: string, value: V, verb: string & keyof NonNullable<V>): V {
  if (value !== undefined && typeof value?.[verb] !== 'function') {
    throw new OptionTypeError(name, `${name} must have ${verb}(), got ${describe(value)}`)
  }
  return value
}

/** An AbortSignal, or nothing. */
export function abortable<S extends AbortSignal | undefined>(value: S): S {
  if (value !== undefined && typeof value?.throwIfAborted !== 'function') {
    throw new OptionTypeError('signal', `signal must be an AbortSignal, got ${describe(value)}`)
  }
  return value
}

/** An object of options, and not a bare value that was meant for one of them. */
export function options(name: string, value: unknown): void {
  if (typeof value !== 'object' || value === null) {
    throw new OptionTypeError(name, `${name} must be an object of options, got ${describe(value)}`)
  }
}

/** Only what is known: a misspelt option must not pass for one that was left out. */
export function known(name: string, value: object, names: readonly string[]): void {
  for (const key of Object.keys(value)) {
    if (names.includes(key)) continue
    throw new OptionTypeError(
      key,
      `${key} is not something ${name} can take: ${names.join(', ')} are`,
    )
  }
}

function number(name: string, value: number): void {
  if (typeof value !== 'number') {
    throw new OptionTypeError(name, `${name} must be a number, got ${describe(value)}`)
  }
}
