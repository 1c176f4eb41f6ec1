import { BackgroundTasks } from '../../core/background-tasks.ts'
import { flag, integer, known, type OptionTable, text } from '../../core/check.ts'
import { type Clock, systemClock } from '../../core/clock.ts'
import { type Duration, type Micros, toMillis, toPositiveMicros } from '../../core/duration.ts'
import { ClosedError, describe, OptionTypeError } from '../../core/errors.ts'
import { LeaseClock } from '../../core/lease-clock.ts'
import type { LeaseStore } from '../../core/lease-store.ts'
import type { Metered } from '../../core/meter.ts'
import type { Rule } from '../../core/rule.ts'
import type { AboutHold, Move, RemoteLedger, RemoteStorage, Verdict } from '../../core/storage.ts'
import type { LimiterStorage, RemoteLimiters } from '../../limiters/limiter.ts'
import { remoteLimiters } from '../../limiters/remote-limiters.ts'
import type { QueueStorage } from '../../queues/store/queue-storage.ts'
import { checkUrl } from '../client/client.ts'
import type { RedisClientLike } from '../client/client-like.ts'
import { RedisStorage, type RedisStorageOptions } from '../redis-storage.ts'
import { type HybridContext, HybridLedger } from './hybrid-ledger.ts'
import { HybridValues } from './hybrid-values.ts'
import { Sweeper } from './sweeper.ts'

/** Where a {@link HybridStorage} borrows, and how much it may keep here. */
export interface HybridStorageOptions extends Metered {
  /** The name in metrics, where it makes its RedisStorage itself. @default 'redis' */
  name?: string
  /**
   * The RedisStorage to borrow from, or a client or a url to make one from. A RedisStorage and a client stay yours; `close`
   * closes the connection of a url.
   */
  redis: RedisStorage | RedisClientLike | string
  /**
   * For how many keys each limiter keeps blocks of tokens and denials, and how many values are kept. Further keys are decided in
   * Redis, which is only slower.
   * @default 100_000
   */
  maxKeys?: number
  /**
   * How long a block may be spent. With a longer time there are fewer trips to Redis, and more may pass at once: in any time t
   * all processes together spend at most `burst + rate * (t + lease)`.
   * @default '50ms'
   */
  lease?: Duration
  /** Borrows nothing: Redis makes every decision, exactly. Denials are still remembered here. @default false */
  strict?: boolean
  /**
   * The longest time that a denial is remembered. Before its `retryAfter`, a remembered denial is wrong only when another
   * process gives tokens back.
   * @default '250ms'
   */
  maxDenial?: Duration
  /**
   * How long the copy of a value is used: a write of another process is seen here that late at most. 0 always asks Redis.
   * @default '1s'
   */
  valueTtl?: Duration
  /** For tests. @default the runtime's monotonic clock and the date: the one that has moved further */
  clock?: Clock
}

export const HYBRID_STORAGE_OPTIONS: OptionTable<HybridStorageOptions> = {
  redis: true,
  maxKeys: true,
  lease: true,
  strict: true,
  maxDenial: true,
  valueTtl: true,
  clock: true,
  name: true,
  metrics: true,
}

/**
 * Limits on many machines at the speed of memory: takes a block of tokens in Redis first, then spends it here.
 *
 * Tokens are taken out of the bucket in Redis before they are spent here. So however many processes share a limit,
 * and however they end, in any time t they spend at most `burst + rate * (t + lease)`. Tokens that are not spent
 * within `lease` go back. A block is as large as the demand for its key, and shrinks as the bucket empties, down to
 * single tokens. A key with few calls is decided in Redis. When the block answers a call, `remaining` is what is left
 * of the block; when Redis answers, what is left in Redis and in the block together.
 *
 * Only token and leaky buckets are borrowed from. Windows, `wait`, `peek` and composites are decided in Redis. A denial of any
 * rule is remembered here until its `retryAfter`, for at most `maxDenial`. A `reset` or `block` by another process takes effect
 * here when the block is spent or its `lease` is over.
 *
 * Your own values are read from memory while the copy is fresh, and are written to Redis at once.
 *
 * @example
 * const storage = new HybridStorage({ redis: 'redis://localhost:6379' })
 * const limiter = LimiterFactory.tokenBucket({ rate: 10_000, storage })
 *
 * @throws OptionTypeError | OptionRangeError naming the option and its value
 */
export class HybridStorage implements LimiterStorage, RemoteStorage {
  readonly limiters: RemoteLimiters = remoteLimiters
  readonly #redis: RedisStorage
  readonly #own: boolean
  readonly #context: HybridContext
  readonly #values: HybridValues
  #closing: Promise<void> | undefined

  constructor(options: HybridStorageOptions) {
    known('HybridStorage', options, HYBRID_STORAGE_OPTIONS)
    const {
      redis,
      maxKeys = 100_000,
      lease = '50ms',
      strict = false,
      clock = systemClock,
    } = options
    const { maxDenial = '250ms', valueTtl = '1s' } = options
    flag('strict', strict)
    if (typeof clock?.now !== 'function') {
      throw new OptionTypeError('clock', `clock must have a method now(), got ${describe(clock)}`)
    }
    const leaseMillis = toPositiveMicros('lease', lease) / 1000
    this.#context = {
      clock: new LeaseClock(clock),
      sweeper: new Sweeper(clock, leaseMillis / 2),
      maxKeys: integer('maxKeys', maxKeys, 1),
      lease: leaseMillis,
      maxDenial: toMillis('maxDenial', maxDenial),
      strict,
      tasks: new BackgroundTasks(),
      closed: false,
    }
    this.#own = typeof redis === 'string'
    const { name, metrics } = options
    if (name !== undefined) text('name', name)
    if (typeof redis === 'string') checkUrl('redis', redis)
    this.#redis = storageOf(redis, {
      ...(name !== undefined && { name }),
      ...(metrics !== undefined && { metrics }),
    })
    this.#values = new HybridValues(this.#redis, clock, maxKeys, toMillis('valueTtl', valueTtl))
  }

  /** The values of its Redis. */
  get queues(): QueueStorage {
    return this.#redis.queues
  }

  open(rule: Rule, scope: string): RemoteLedger {
    this.#checkOpen()
    const lender = this.#redis.open(rule, scope)
    // Leases are not lent, and their denials are not remembered: a lease may be given back at any moment.
    return rule.token === undefined ? new HybridLedger(this, lender, this.#context) : lender
  }

  /** The leases of its Redis: a lease cannot be lent. */
  leases(): LeaseStore {
    this.#checkOpen()
    return this.#redis.leases()
  }

  get trouble(): unknown {
    return this.#redis.trouble
  }

  joins(keys: readonly string[]): boolean {
    return this.#redis.joins(keys)
  }

  async runAll(
    move: Move,
    ledgers: readonly RemoteLedger[],
    keys: readonly string[],
    cost: number | readonly number[],
    extra: Micros,
    rules?: readonly (Rule | undefined)[],
    about?: AboutHold,
  ): Promise<Verdict[]> {
    this.#checkOpen()
    // A composite may need the tokens that were lent: they go back first.
    for (const [i, ledger] of ledgers.entries()) {
      if (ledger instanceof HybridLedger) ledger.giveBack(keys[i] as string)
    }
    return this.#redis.runAll(move, ledgers, keys, cost, extra, rules, about)
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

  /**
   * Gives back what was borrowed and not spent, and closes the connection if it was made here, of a url. Resolves when all
   * of that is done, or cannot be done in time. Idempotent.
   */
  close(): Promise<void> {
    this.#closing ??= this.#end()
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #end(): Promise<void> {
    this.#context.closed = true
    this.#values.clear()
    this.#context.sweeper.close()
    await this.#context.tasks.done()
    if (this.#own) await this.#redis.close()
  }

  get #kept(): HybridValues {
    this.#checkOpen()
    return this.#values
  }

  #checkOpen(): void {
    if (this.#context.closed) throw new ClosedError('HybridStorage')
  }
}

function storageOf(
  redis: HybridStorageOptions['redis'],
  told: Pick<RedisStorageOptions, 'name' | 'metrics'>,
): RedisStorage {
  if (redis instanceof RedisStorage) {
    if (told.metrics === undefined) return redis
    throw new OptionTypeError(
      'metrics',
      'metrics must be given to the RedisStorage, since redis is one',
    )
  }
  if (typeof redis === 'string') return new RedisStorage({ url: redis, ...told })
  if (typeof redis === 'object' && redis !== null && ('evalSha' in redis || 'evalsha' in redis)) {
    return new RedisStorage({ client: redis, ...told })
  }
  throw new OptionTypeError(
    'redis',
    `redis must be a RedisStorage, a url, or a client of node-redis or of ioredis, got ${describe(redis)}`,
  )
}
