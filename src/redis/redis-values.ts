import { finite, mustLie, string } from '../core/check.ts'
import { type Duration, type Millis, toMillis } from '../core/duration.ts'
import { describe, OptionRangeError, OptionTypeError } from '../core/errors.ts'
import { checkLossless } from '../core/lossless-json.ts'
import { valueName } from './key-name.ts'
import { SCRIPTS } from './scripts/lua.generated.ts'
import { jsonOf, listOf, malformed, numberOf, textOf } from './scripts/reply.ts'
import { type RunScript, script } from './scripts/script.ts'

const VALUES = script(SCRIPTS['values'] as string)

/** Users' own values in Redis, as JSON; a number stands as itself, so that counting works on what was set. */
export class RedisValues {
  readonly #prefix: string
  readonly #run: RunScript

  constructor(prefix: string, run: RunScript) {
    this.#prefix = prefix
    this.#run = run
  }

  async get<T>(key: string): Promise<T | undefined> {
    const text = await this.#ask(key, 'get')
    return text === null || text === undefined ? undefined : jsonOf<T>(textOf(text))
  }

  /** The JSON of a value, and its time to live in milliseconds. */
  async read(key: string): Promise<{ text: string; ttl: Millis } | undefined> {
    const reply = listOf(await this.#ask(key, 'read'))
    if (reply.length !== 2) throw malformed(reply)
    const [text, ttl] = reply
    if (text === null || text === undefined) return undefined
    return { text: textOf(text), ttl: numberOf(ttl) < 0 ? Infinity : numberOf(ttl) }
  }

  async set(key: string, value: unknown, ttl?: Duration): Promise<void> {
    const millis = ttl === undefined ? 0 : Math.ceil(toMillis('ttl', ttl))
    if (ttl !== undefined && millis === 0) {
      throw new OptionRangeError('ttl', `ttl must be > 0, got ${describe(ttl)}`)
    }
    const text = toJson(value)
    const reply = await this.#ask(key, 'set', text, String(millis))
    if (textOf(reply) !== 'OK') throw malformed(reply)
  }

  async incr(key: string, by: number): Promise<number> {
    finite('by', by)
    try {
      return numberOf(await this.#ask(key, 'incr', String(by)))
    } catch (error) {
      const { message } = error as Error
      mustLie(!message.includes('AIOFLUX not finite'), 'by', 'leave a finite number', by)
      if (!message.includes('AIOFLUX not a number')) throw error
      throw new OptionTypeError(
        'key',
        `the value of key ${describe(key)} must be a number to be incremented: set a number first, or delete the key`,
      )
    }
  }

  async decr(key: string, by: number): Promise<number> {
    // Checked before the sign is turned: `-'5'` would make a number of a text.
    return this.incr(key, -finite('by', by))
  }

  async delete(key: string): Promise<boolean> {
    return numberOf(await this.#ask(key, 'delete')) > 0
  }

  async exists(key: string): Promise<boolean> {
    return numberOf(await this.#ask(key, 'exists')) > 0
  }

  async #ask(key: string, ...args: string[]): Promise<unknown> {
    string('key', key)
    return this.#run(VALUES, [valueName(this.#prefix, key)], args)
  }
}

/**
 * The JSON of a value, if no part of the value would be lost.
 *
 * @throws OptionTypeError where there is no JSON of it, as of a function, a BigInt, a circle; or where JSON would lose a part, as NaN or a Map
 */
export function toJson(value: unknown): string {
  const text = written(value)
  checkLossless('value', value, text)
  return text
}

/** @throws OptionTypeError where JSON cannot say the value */
export function written(value: unknown): string {
  let text: string | undefined
  let why = ''
  try {
    text = JSON.stringify(value)
  } catch (error) {
    why = `: ${(error as Error).message}`
  }
  if (text !== undefined) return text
  throw new OptionTypeError(
    'value',
    `value must be JSON (a string, number, boolean, null, list or plain object), got ${describe(value)}${why}`,
  )
}
