import { flag, integer, known, type OptionTable, string } from '../core/check.ts'
import { type Clock, systemClock } from '../core/clock.ts'
import { type Duration, type Millis, toPositiveMicros } from '../core/duration.ts'
import { OldestFirst } from '../core/oldest-first.ts'
import {
  breakerSettings,
  CIRCUIT_BREAKER_OPTIONS,
  type CircuitBreakerOptions,
} from './breaker-options.ts'
import { BreakerSeries } from './breaker-series.ts'
import type { BreakerState } from './breaker-types.ts'
import { CircuitBreaker } from './circuit-breaker.ts'

/** How many of the least recently used breakers are looked at for one that may be forgotten. */
const LOOK = 16
/** How many times within `idleTimeout` the registry looks for idle breakers. */
const SWEEPS = 10

/** The options of every breaker of a {@link CircuitBreakerRegistry}, and how many breakers it keeps. */
export interface CircuitBreakerRegistryOptions extends CircuitBreakerOptions {
  /** The name in metrics; a breaker is named `name:key` in errors and events. @default 'breaker' */
  name?: string
  /**
   * The most breakers that are kept, isolated ones apart. One more key makes the registry forget the least recently used breaker.
   * @default 1000
   */
  maxKeys?: number
  /** A closed breaker that was not asked for during this time is forgotten. @default 10 minutes, or `maxTimeout` where that is longer */
  idleTimeout?: Duration
  /**
   * Each key has series of its own, with the label `key`, removed when the key is forgotten. Otherwise all keys count together.
   * @default false
   */
  seriesPerKey?: boolean
}

export const CIRCUIT_BREAKER_REGISTRY_OPTIONS: OptionTable<CircuitBreakerRegistryOptions> = {
  ...CIRCUIT_BREAKER_OPTIONS,
  maxKeys: true,
  idleTimeout: true,
  seriesPerKey: true,
}

/** What a {@link CircuitBreakerRegistry} keeps now. */
export interface CircuitBreakerRegistryStats {
  name: string
  /** How many breakers are kept. */
  keys: number
  /** How many of them are in each state. */
  states: Record<BreakerState, number>
  /** Breakers forgotten because they were idle, since the start. */
  expired: number
  /** Breakers forgotten because `maxKeys` was reached, since the start. */
  evicted: number
}

/**
 * One {@link CircuitBreaker} for each key, such as a host or a tenant: made when the key comes for the first time, all with the
 * same options. A host that is down does not stop calls to other hosts.
 *
 * Memory is bounded for any number of keys. A breaker is forgotten when it is closed, has no running call and `for` did not return
 * it during `idleTimeout`. When `maxKeys` is reached, the least recently used closed breaker without running calls goes. An open or
 * busy one goes only when the 16 least recently used are all open or busy. An isolated one never goes, and may be one more than
 * `maxKeys`. A program that still holds a forgotten breaker may go on calling it; the next `for` of its key makes a new, closed one.
 *
 * There is no timer and nothing to stop: idle breakers are looked for when `for` is called.
 *
 * @example
 * const breakers = new CircuitBreakerRegistry({ failureThreshold: 5, timeout: '30s' })
 * const response = await breakers.for(url.host).call(() => fetch(url))
 */
export class CircuitBreakerRegistry implements Iterable<[string, CircuitBreaker]> {
  readonly name: string
  readonly maxKeys: number
  readonly #options: CircuitBreakerOptions
  readonly #clock: Clock
  readonly #idle: Millis
  readonly #entries = new OldestFirst<string, Entry>()
  /** What all breakers count in, where keys have no series of their own. */
  readonly #series: BreakerSeries | undefined
  #newest: Entry | undefined
  #swept: Millis
  #expired = 0
  #evicted = 0

  /** @throws OptionTypeError | OptionRangeError naming the option and its value */
  constructor(options: CircuitBreakerRegistryOptions = {}) {
    known('CircuitBreakerRegistry', options, CIRCUIT_BREAKER_REGISTRY_OPTIONS)
    const { maxKeys = 1000, idleTimeout, seriesPerKey = false, ...own } = options
    // Wrong options are refused now, not with the first key.
    const settings = breakerSettings(own)
    this.name = settings.name
    this.maxKeys = integer('maxKeys', maxKeys, 1)
    this.#options = own
    this.#clock = own.clock ?? systemClock
    this.#idle =
      (idleTimeout === undefined
        ? Math.max(600e6, settings.maxTimeout)
        : toPositiveMicros('idleTimeout', idleTimeout)) / 1000
    this.#series =
      flag('seriesPerKey', seriesPerKey) || settings.metrics === undefined
        ? undefined
        : new BreakerSeries(settings.metrics, { breaker: this.name }, this)
    this.#swept = this.#clock.now()
  }

  /**
   * The breaker of `key`, the same one until it is forgotten. Call `for` before each call and do not keep the breaker: each `for`
   * starts its `idleTimeout` anew.
   */
  for(key: string): CircuitBreaker {
    const now = this.#clock.now()
    if (now - this.#swept >= this.#idle / SWEEPS) this.#sweep(now)
    const newest = this.#newest
    if (newest?.key === key) {
      newest.usedAt = now
      return newest.breaker
    }
    const entry = this.#entries.use(key) ?? this.#make(key)
    entry.usedAt = now
    this.#newest = entry
    return entry.breaker
  }

  /** The breaker of `key`, or `undefined`. Makes no breaker, and does not count as use. */
  get(key: string): CircuitBreaker | undefined {
    return this.#entries.get(string('key', key))?.breaker
  }

  /** Forgets the breaker of `key`, in any state: the next call makes a new one. @returns false where there was none */
  delete(key: string): boolean {
    const entry = this.#entries.get(string('key', key))
    if (entry === undefined) return false
    this.#entries.delete(key)
    this.#forget(entry)
    return true
  }

  /** How many breakers are kept. */
  get size(): number {
    return this.#entries.size
  }

  /** Looks at every breaker that is kept: O({@link size}). */
  stats(): CircuitBreakerRegistryStats {
    const states = { closed: 0, open: 0, half_open: 0, isolated: 0 }
    for (const [, breaker] of this) states[breaker.state] += 1
    return {
      name: this.name,
      keys: this.size,
      states,
      expired: this.#expired,
      evicted: this.#evicted,
    }
  }

  /** Each key with its breaker, the least recently used first. */
  *[Symbol.iterator](): IterableIterator<[string, CircuitBreaker]> {
    for (const [key, { breaker }] of this.#entries) yield [key, breaker]
  }

  #make(key: string): Entry {
    string('key', key)
    if (this.#entries.size >= this.maxKeys) this.#makeRoom()
    const options = { ...this.#options, name: `${this.name}:${key}` }
    const labels = { breaker: this.name, key }
    const breaker = new CircuitBreaker(options, this.#series ?? labels)
    const entry = { key, breaker, usedAt: 0 }
    this.#entries.put(key, entry)
    return entry
  }

  #sweep(now: Millis): void {
    this.#swept = now
    for (const [key, entry] of this.#entries) {
      if (now - entry.usedAt < this.#idle || !entry.breaker.resting) continue
      this.#entries.delete(key)
      this.#expired += 1
      this.#forget(entry)
    }
  }

  /**
   * Forgets one breaker: a resting one among the {@link LOOK} least recently used, or else the next that is not isolated.
   * A breaker that stays goes to the end of the line, so that it is not looked at again with the next key.
   */
  #makeRoom(): void {
    const { size } = this.#entries
    for (let left = Math.min(LOOK, size) + size; left > 0; left--) {
      const [key, entry] = this.#entries.shift() as [string, Entry]
      const { breaker } = entry
      if (breaker.resting || (left <= size && breaker.state !== 'isolated')) {
        this.#evicted += 1
        this.#forget(entry)
        return
      }
      this.#entries.put(key, entry)
    }
  }

  #forget(entry: Entry): void {
    if (this.#newest === entry) this.#newest = undefined
    entry.breaker.end()
  }
}

interface Entry {
  readonly key: string
  readonly breaker: CircuitBreaker
  usedAt: Millis
}
