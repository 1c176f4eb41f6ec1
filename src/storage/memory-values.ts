import { finite, must, mustLie, string } from '../core/check.ts'
import type { Clock } from '../core/clock.ts'
import { type Duration, type Millis, toMillis } from '../core/duration.ts'
import { describe, OptionRangeError, OptionTypeError } from '../core/errors.ts'
import { OldestFirst } from '../core/oldest-first.ts'
import type { Values } from '../core/storage.ts'

interface Entry {
  value: unknown
  /** When it is over; `Infinity` for never. */
  until: Millis
}

/** Users' own values in memory. When there are more than fit, the one used least recently goes first. */
export class MemoryValues implements Values {
  // A value that is used is the newest again: the oldest is the stalest.
  readonly #entries = new OldestFirst<string, Entry>()
  readonly #maxKeys: number
  readonly #clock: Clock

  constructor(maxKeys: number, clock: Clock) {
    this.#maxKeys = maxKeys
    this.#clock = clock
  }

  get size(): number {
    return this.#entries.size
  }

  async get<T = unknown>(key: string): Promise<T | undefined> {
    return this.#use(key)?.value as T | undefined
  }

  async set(key: string, value: unknown, ttl?: Duration): Promise<void> {
    checkKey(key)
    checkValue(value)
    const until = ttl === undefined ? Infinity : this.#clock.now() + positiveTtl(ttl)
    this.#put(key, { value, until })
  }

  async incr(key: string, by = 1): Promise<number> {
    finite('by', by)
    const entry = this.#use(key)
    const value = entry?.value ?? 0
    if (typeof value !== 'number') {
      throw new OptionTypeError(
        'key',
        `the value of key ${describe(key)} must be a number to be incremented, got ${describe(value)}`,
      )
    }
    const sum = value + by
    mustLie(Number.isFinite(sum), 'by', `leave ${value} a finite number`, by)
    if (entry === undefined) this.#put(key, { value: sum, until: Infinity })
    else entry.value = sum
    return sum
  }

  async decr(key: string, by = 1): Promise<number> {
    // Before the sign: of a text it would make a number.
    return this.incr(key, -finite('by', by))
  }

  async delete(key: string): Promise<boolean> {
    const there = this.#use(key) !== undefined
    this.#entries.delete(key)
    return there
  }

  async exists(key: string): Promise<boolean> {
    checkKey(key)
    const entry = this.#entries.get(key)
    return entry !== undefined && entry.until > this.#clock.now()
  }

  clear(): void {
    this.#entries.clear()
  }

  #use(key: string): Entry | undefined {
    checkKey(key)
    const entry = this.#entries.get(key)
    if (entry === undefined) return undefined
    if (entry.until > this.#clock.now()) return this.#entries.use(key)
    this.#entries.delete(key)
    return undefined
  }

  #put(key: string, entry: Entry): void {
    this.#entries.put(key, entry)
    if (this.#entries.size > this.#maxKeys) this.#entries.shift()
  }
}

/** No storage keeps what is no data; `get` could not tell `undefined` from no value. */
function checkValue(value: unknown): void {
  if (typeof value === 'number') finite('value', value)
  const right = !['undefined', 'function', 'symbol', 'bigint'].includes(typeof value)
  must(right, 'value', 'be a string, number, boolean, null, list or object', value)
}

function checkKey(key: string): void {
  string('key', key)
}

function positiveTtl(ttl: Duration): Millis {
  const millis = toMillis('ttl', ttl)
  if (millis === 0) throw new OptionRangeError('ttl', `ttl must be > 0, got ${describe(ttl)}`)
  return millis
}
