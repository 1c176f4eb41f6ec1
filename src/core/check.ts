import { describe, OptionRangeError, OptionTypeError } from './errors.ts'

/** Unless it is `right`, an error that names the option and the value: `name` must `what`. */
export function must(
  right: boolean,
  name: string,
  what: string,
  value: unknown,
  error: typeof OptionTypeError | typeof OptionRangeError = OptionTypeError,
): asserts right {
  if (!right) throw new error(name, `${name} must ${what}, got ${describe(value)}`)
}

/** As {@link must}, of a value that has the right type. */
export function mustLie(right: boolean, name: string, what: string, value: unknown): asserts right {
  must(right, name, what, value, OptionRangeError)
}

/** A finite number above 0. */
export function positive(name: string, value: number): number {
  number(name, value)
  mustLie(value > 0 && value < Infinity, name, 'be a finite number > 0', value)
  return value
}

/** A whole number of at least `least`. */
export function integer(name: string, value: number, least: number): number {
  number(name, value)
  const right = Number.isSafeInteger(value) && value >= least
  mustLie(right, name, `be a whole number >= ${least}`, value)
  return value
}

/** A number from `least` to `most`, both allowed. */
export function between(name: string, value: number, least: number, most: number): number {
  number(name, value)
  mustLie(value >= least && value <= most, name, `be a number from ${least} to ${most}`, value)
  return value
}

/** One of the strings in `choices`. */
export function oneOf<T extends string>(name: string, value: T, choices: readonly T[]): T {
  const what = `be one of ${choices.map((choice) => `'${choice}'`).join(', ')}`
  must(typeof value === 'string', name, what, value)
  mustLie(choices.includes(value), name, what, value)
  return value
}

/** A string, of any length. */
export function string(name: string, value: string): string {
  must(typeof value === 'string', name, 'be a string', value)
  return value
}

/** A string that is not empty. */
export function text(name: string, value: string): string {
  string(name, value)
  mustLie(value !== '', name, 'not be empty', value)
  return value
}

/** `true` or `false`, and nothing that only passes for it. */
export function flag(name: string, value: boolean): boolean {
  must(typeof value === 'boolean', name, 'be true or false', value)
  return value
}

/** A function that can be called. */
export function callable(name: string, value: unknown): void {
  must(typeof value === 'function', name, 'be a function', value)
}

/** A function, or nothing. */
export function callback<F>(name: string, value: F): F {
  if (value !== undefined) callable(name, value)
  return value
}

/** Something with that method, or nothing. */
export function having<V>(name: string, value: V, verb: string & keyof NonNullable<V>): V {
  const right = value === undefined || typeof value?.[verb] === 'function'
  must(right, name, `have ${verb}()`, value)
  return value
}

/** An AbortSignal, or nothing. */
export function abortable<S extends AbortSignal | undefined>(value: S): S {
  const right = value === undefined || typeof value?.throwIfAborted === 'function'
  must(right, 'signal', 'be an AbortSignal', value)
  return value
}

/** An object of options, and not a bare value that was meant for one of them. */
export function options(name: string, value: unknown): void {
  const right = typeof value === 'object' && value !== null
  must(right, name, 'be an object of options', value)
}

/** A number of any size. */
export function number(name: string, value: number): void {
  must(typeof value === 'number', name, 'be a number', value)
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
