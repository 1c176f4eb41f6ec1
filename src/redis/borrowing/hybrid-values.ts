import type { Clock } from '../../core/clock.ts'
import { type Duration, type Millis, toMillis } from '../../core/duration.ts'
import type { Values } from '../../core/storage.ts'
import type { RedisStorage } from '../redis-storage.ts'
import { toJson } from '../redis-values.ts'
import { jsonOf } from '../scripts/reply.ts'
import { LruMap } from './lru-map.ts'

interface Copy {
  /** As JSON, so that no caller can change what others will read. */
  readonly text: string
  readonly until: Millis
}

/**
 * Users' own values in two levels: read from memory where there is a fresh copy, and otherwise from Redis; written to
 * Redis first, then to memory. What others write shows here when the copy is `ttl` old at the latest.
 */
export class HybridValues implements Values {
  readonly #redis: RedisStorage
  readonly #clock: Clock
  readonly #ttl: Millis
  readonly #copies: LruMap<Copy>
  /** Reads under way: calls for the same value share one trip. */
  readonly #reads = new Map<string, Promise<string | undefined>>()

  constructor(redis: RedisStorage, clock: Clock, most: number, ttl: Millis) {
    this.#redis = redis
    this.#clock = clock
    this.#ttl = ttl
    this.#copies = new LruMap(most)
  }

  async get<T = unknown>(key: string): Promise<T | undefined> {
    const text = this.#fresh(key) ?? (await this.#read(key))
    return text === undefined ? undefined : jsonOf<T>(text)
  }

  async set(key: string, value: unknown, ttl?: Duration): Promise<void> {
    this.#forget(key)
    const asked = this.#clock.now()
    // Encoded before the write begins: an error here leaves no promise behind.
    const text = toJson(value)
    try {
      await this.#redis.set(key, value, ttl)
    } finally {
      // A read that ran during the write may have read the old value.
      this.#forget(key)
    }
    const lives = ttl === undefined ? Infinity : toMillis('ttl', ttl)
    this.#keep(key, text, asked, lives)
  }

  incr(key: string, by = 1): Promise<number> {
    return this.#changing(key, () => this.#redis.incr(key, by))
  }

  decr(key: string, by = 1): Promise<number> {
    return this.#changing(key, () => this.#redis.decr(key, by))
  }

  delete(key: string): Promise<boolean> {
    return this.#changing(key, () => this.#redis.delete(key))
  }

  async exists(key: string): Promise<boolean> {
    return this.#fresh(key) !== undefined || this.#redis.exists(key)
  }

  clear(): void {
    this.#copies.clear()
    this.#reads.clear()
  }

  #fresh(key: string): string | undefined {
    const copy = this.#copies.use(key)
    if (copy === undefined) return undefined
    if (this.#clock.now() < copy.until) return copy.text
    this.#copies.delete(key)
    return undefined
  }

  #read(key: string): Promise<string | undefined> {
    const under = this.#reads.get(key)
    if (under !== undefined) return under
    const asked = this.#clock.now()
    const read: Promise<string | undefined> = this.#redis.read(key).then(
      (found) => {
        // A write may have come in between: then the value that was read may be older than the write.
        const current = this.#reads.get(key) === read
        if (current) this.#reads.delete(key)
        if (current && found !== undefined) this.#keep(key, found.text, asked, found.ttl)
        return found?.text
      },
      (error) => {
        if (this.#reads.get(key) === read) this.#reads.delete(key)
        throw error
      },
    )
    this.#reads.set(key, read)
    return read
  }

  async #changing<T>(key: string, change: () => Promise<T>): Promise<T> {
    this.#forget(key)
    try {
      return await change()
    } finally {
      this.#forget(key)
    }
  }

  #keep(key: string, text: string, asked: Millis, lives: Millis): void {
    this.#copies.put(key, { text, until: asked + Math.min(this.#ttl, lives) })
  }

  #forget(key: string): void {
    this.#copies.delete(key)
    this.#reads.delete(key)
  }
}
