import { describe, OptionRangeError, OptionTypeError } from './errors.ts'
import { nearest } from './nearest.ts'
import { isThenable } from './thenable.ts'

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

/** A finite number, of either sign. */
export function finite(name: string, value: number): number {
  number(name, value)
  mustLie(Number.isFinite(value), name, 'be a finite number', value)
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
  if (!(value >= least && value <= most)) mustLie(false, name, rangeOf(least, most), value)
  return value
}

/** The smallest and the largest number stand for bounds that nobody would write down. */
function rangeOf(least: number, most: number): string {
  if (most === Number.MAX_VALUE) return `be a finite number >= ${least}`
  const from = least === Number.MIN_VALUE ? 'above 0, at most' : `from ${least} to`
  return `be a number ${from} ${most}`
}

/** The next number from 0 to 1 of a function that was given for chance. */
export function drawn(name: string, random: () => number): number {
  return between(name, random(), 0, 1)
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

/** What a function of the user's answers to yes or no. A promise would pass for yes, whatever comes of it. */
export function atOnce<V>(name: string, answer: V): V {
  if (!isThenable(answer)) return answer
  // It is not waited for, so its failure must not end the process.
  if (answer instanceof Promise) answer.catch(() => {})
  throw new OptionTypeError(name, `${name} must answer at once, true or false, got a promise`)
}

/** An object with the method `verb`, or `undefined`. */
export function having<V>(name: string, value: V, verb: string & keyof NonNullable<V>): V {
  return value === undefined ? value : mustHave(name, value, verb)
}

/** An object with the method `verb`. */
export function mustHave<V>(name: string, value: V, verb: string & keyof NonNullable<V>): V {
  must(typeof value?.[verb] === 'function', name, `have ${verb}()`, value)
  return value
}

/** An AbortSignal, or nothing. */
export function abortable<S extends AbortSignal | undefined>(value: S): S {
  const right = value === undefined || typeof value?.throwIfAborted === 'function'
  must(right, 'signal', 'be an AbortSignal', value)
  return value
}

/**
 * An object of options, and not a bare value that was meant for one of them.
 *
 * @param whose the part they belong to, where `name` does not say it
 */
export function options(name: string, value: unknown, whose?: string): void {
  const right = typeof value === 'object' && value !== null && !Array.isArray(value)
  if (!right) must(false, name, OBJECT + (whose === undefined ? '' : ` for ${whose}`), value)
}

const OBJECT = 'be an object of options'

/** True for an object as `{ ... }` makes it. Of any other {@link known} has to be asked, even where no name in it is wrong. */
export function isPlain(value: unknown): boolean {
  return (
    typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype
  )
}

/** A number of any size. */
export function number(name: string, value: number): void {
  must(typeof value === 'number', name, 'be a number', value)
}

/**
 * The names that an object of options can have, one `true` for each. The compiler compares it with the type: a name that only one
 * of them has is an error, so an option is added to both.
 *
 * @example
 * const PRINTER_OPTIONS: OptionTable<PrinterOptions> = { name: true, pages: true }
 */
export type OptionTable<Options> = { readonly [Name in keyof Options]-?: true }

/**
 * An object of options that has no other names than those in `table`: a misspelt option must not pass for one that was left out.
 *
 * @param what whose options they are, as users call it: `LimiterFactory.tokenBucket`, `limiter.wait`
 * @param table all names of the type, or those of them that can be given here
 * @param name how the object itself is called, where it is not an object
 */
export function known<Options extends object>(
  what: string,
  value: Options,
  table: Partial<OptionTable<NoInfer<Options>>> | readonly string[],
  name = 'options',
): void {
  options(name, value, name === 'options' ? what : undefined)
  const names = (Array.isArray(table) ? tableOf(table) : table) as Readonly<Record<string, true>>
  let empty = true
  // Inherited names count too: options may be made by Object.create(defaults).
  for (const key in value) {
    empty = false
    if (names[key] !== true) refuse(what, value, key, Object.keys(names))
  }
  // A Date, a Map or a promise has no names at all: it was meant for something else.
  if (empty && !isPlain(value)) {
    must(Object.prototype.toString.call(value) === '[object Object]', name, OBJECT, value)
  }
}

/** The options that `table` names, for the part they belong to. */
export function pick<Options extends object>(value: Options, table: OptionTable<Options>): Options {
  const names = Object.keys(table).filter((name) => name in value) as (keyof Options)[]
  return Object.fromEntries(names.map((name) => [name, value[name]])) as Options
}

/** The options with what `change` says otherwise. What is undefined there stays as it was. */
export function changed<Options extends object>(
  options: Options,
  change: { readonly [Name in keyof Options]?: Options[Name] | undefined },
): Options {
  const said = Object.entries(change).filter(([, value]) => value !== undefined)
  return { ...options, ...Object.fromEntries(said) }
}

function tableOf(names: readonly string[]): Readonly<Record<string, true>> {
  return Object.fromEntries(names.map((name) => [name, true]))
}

function refuse(what: string, value: object, key: string, names: readonly string[]): void {
  // A property that was added to the prototype of all objects is no option.
  if (key in Object.prototype && !Object.hasOwn(value, key)) return
  const hint =
    names.length === 0
      ? 'it takes none'
      : `the nearest is ${nearest(key, names)}, all are ${names.join(', ')}`
  throw new OptionTypeError(key, `${key} is not an option of ${what}: ${hint}`)
}
