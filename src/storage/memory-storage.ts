import { having, integer, known, type OptionTable, text } from '../core/check.ts'
import { type Clock, systemClock } from '../core/clock.ts'
import type { Duration } from '../core/duration.ts'
import { ClosedError } from '../core/errors.ts'
import { checkMeter, type Metered } from '../core/meter.ts'
import { PartSeries } from '../core/part-series.ts'
import type { Rule } from '../core/rule.ts'
import type { Ledger, Storage } from '../core/storage.ts'
import { memoryLedger } from './memory-ledger.ts'
import { MemoryValues } from './memory-values.ts'
import { MAX_KEYS } from './record-ledger.ts'

/** How much a {@link MemoryStorage} may hold, and the time it goes by. */
export interface MemoryStorageOptions extends Metered {
  /** The name in metrics. @default 'memory' */
  name?: string
  /**
   * The most keys that each limiter's ledger, and the users' own values, may hold.
   * @default 100_000
   */
  maxKeys?: number
  /** @default the runtime's monotonic clock */
  clock?: Clock
}

export const MEMORY_STORAGE_OPTIONS: OptionTable<MemoryStorageOptions> = {
  name: true,
  maxKeys: true,
  clock: true,
  metrics: true,
}

/**
 * States and values in the memory of this process: the fastest storage, gone when the process ends.
 *
 * Bounded, without a timer: a state equal to a fresh one is forgotten first; when every place is taken, the least used
 * key gives way. A key without a token left is never freed by that, so a flood of new keys is no way round a limit;
 * when only such keys are left, newcomers share one state among themselves until there is room.
 *
 * A token or leaky bucket costs 9 bytes a key at full size (see `CompactTable` for how, and how exact that is); other
 * rules cost about 150 bytes and up. User values are evicted least recently used first.
 *
 * @example
 * const storage = new MemoryStorage({ maxKeys: 1_000_000 })
 * const limiter = LimiterFactory.tokenBucket({ rate: 100, per: '1m', storage })
 */
export class MemoryStorage implements Storage {
  readonly maxKeys: number
  readonly clock: Clock
  readonly #values: MemoryValues
  readonly #ledgers = new Map<string, Ledger>()
  readonly #series: PartSeries | undefined
  #closed = false

  /** @throws OptionTypeError | OptionRangeError naming the option and its value */
  constructor(options: MemoryStorageOptions = {}) {
    known('MemoryStorage', options, MEMORY_STORAGE_OPTIONS)
    const { name = 'memory', maxKeys = MAX_KEYS } = options
    text('name', name)
    this.maxKeys = integer('maxKeys', maxKeys, 1)
    this.clock = having('clock', options.clock, 'now') ?? systemClock
    this.#values = new MemoryValues(this.maxKeys, this.clock)
    const metrics = checkMeter(options.metrics)
    if (metrics === undefined) return
    const series = new PartSeries(metrics, this)
    this.#series = series
    const keys = series.gauge('aioflux_storage_keys', {
      help: 'Keys that have a state or a value now.',
    })
    series.follow<MemoryStorage>(keys.with({ storage: name }), this, ({ size }) => size)
  }

  open(rule: Rule, scope: string, clock: Clock = this.clock): Ledger {
    this.#checkOpen()
    const name = JSON.stringify([rule.kind, rule.params, scope])
    let ledger = this.#ledgers.get(name)
    if (ledger === undefined) {
      ledger = memoryLedger(rule, clock, this.maxKeys)
      this.#ledgers.set(name, ledger)
    }
    return ledger
  }

  /** How many keys have a state or a value. */
  get size(): number {
    let size = this.#values.size
    for (const ledger of this.#ledgers.values()) size += ledger.size
    return size
  }

  async get<T = unknown>(key: string): Promise<T | undefined> {
    return this.#kept.get<T>(key)
  }

  async set(key: string, value: unknown, ttl?: Duration): Promise<void> {
    return this.#kept.set(key, value, ttl)
  }

  async incr(key: string, by = 1): Promise<number> {
    return this.#kept.incr(key, by)
  }

  async decr(key: string, by = 1): Promise<number> {
    return this.#kept.decr(key, by)
  }

  async delete(key: string): Promise<boolean> {
    return this.#kept.delete(key)
  }

  async exists(key: string): Promise<boolean> {
    return this.#kept.exists(key)
  }

  /** Forgets everything. Limiters that still hold a ledger of it go on with theirs. */
  async close(): Promise<void> {
    this.#closed = true
    this.#values.clear()
    this.#ledgers.clear()
    this.#series?.end()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  get #kept(): MemoryValues {
    this.#checkOpen()
    return this.#values
  }

  #checkOpen(): void {
    if (this.#closed) throw new ClosedError('MemoryStorage')
  }
}
