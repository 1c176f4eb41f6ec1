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
