import type { Duration } from '../../core/duration.ts'
import { describe, quoted } from '../../core/errors.ts'
import { nearest } from '../../core/nearest.ts'
import { type Answer, type PageRequest, refusal, TooLargeError } from './answer.ts'

/** The largest body that is read, in bytes. */
const MOST_BYTES = 65_536
/** How long a key, a reason or an id may be, in characters. */
const LONGEST = 4096

/** An argument of an action is wrong: 400. */
export class ArgumentError extends Error {}

/** The body of an action. */
export class Arguments {
  readonly #given: Readonly<Record<string, unknown>>

  constructor(given: Readonly<Record<string, unknown>>) {
    this.#given = given
  }

  has(name: string): boolean {
    return this.#given[name] !== undefined
  }

  /** Refuses arguments other than `names`: a misspelt one must not leave the default. */
  only(names: readonly string[]): void {
    for (const name of Object.keys(this.#given)) {
      if (names.includes(name)) continue
      const near = names.length > 1 ? `the nearest is ${nearest(name, names)}, ` : ''
      throw new ArgumentError(
        `${quoted(name)} is not an argument of this action: ${near}all are ${names.join(', ')}`,
      )
    }
  }

  /** True when the argument is `true`. */
  flag(name: string): boolean {
    const value = this.#given[name]
    if (value === undefined || typeof value === 'boolean') return value === true
    throw wrong(name, 'be true or false', value)
  }

  text(name: string): string {
    const value = this.#given[name]
    if (typeof value === 'string' && value.length <= LONGEST) return value
    throw wrong(name, `be a text of at most ${LONGEST} characters`, value)
  }

  optionalText(name: string): string | undefined {
    return this.has(name) ? this.text(name) : undefined
  }

  number(name: string): number {
    const value = this.#given[name]
    if (typeof value === 'number' && Number.isFinite(value)) return value
    throw wrong(name, 'be a number', value)
  }

  duration(name: string): Duration {
    const value = this.#given[name]
    if (typeof value === 'number' || typeof value === 'string') return value as Duration
    throw wrong(name, "be a number of seconds, or a text like '10m'", value)
  }

  texts(name: string): string[] | undefined {
    const value = this.#given[name]
    if (value === undefined) return undefined
    const right = Array.isArray(value) && value.length <= 1000
    if (right && value.every((one) => typeof one === 'string')) return value
    throw wrong(name, 'be a list of at most 1000 texts', value)
  }

  object(name: string): Readonly<Record<string, unknown>> {
    const value = this.#given[name]
    if (isObject(value)) return value
    throw wrong(name, 'be an object', value)
  }
}

function wrong(name: string, what: string, value: unknown): ArgumentError {
  return new ArgumentError(`${name} must ${what}, got ${describe(value)}`)
}

/** Reads the body of an action: JSON, an object, not too large. */
export async function argumentsOf(asked: PageRequest): Promise<Arguments | Answer> {
  const type = asked.header('content-type') ?? ''
  if (!/^application\/json\s*(;|$)/i.test(type)) {
    return refusal(400, 'the body must be JSON, with content-type application/json')
  }
  let text: string
  try {
    text = await asked.body(MOST_BYTES)
  } catch (error) {
    if (!(error instanceof TooLargeError)) throw error
    return refusal(413, `the body must not be larger than ${MOST_BYTES} bytes`)
  }
  if (text.length > MOST_BYTES) {
    return refusal(413, `the body must not be larger than ${MOST_BYTES} bytes`)
  }
  try {
    const given: unknown = JSON.parse(text)
    if (isObject(given)) return new Arguments(given)
  } catch {}
  return refusal(400, 'the body must be an object in JSON')
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
