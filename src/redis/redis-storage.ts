import { having, known, type OptionTable, text } from '../core/check.ts'
import { type Clock, systemClock } from '../core/clock.ts'
import { within } from '../core/deadline.ts'
import { type Duration, type Micros, type Millis, toPositiveMicros } from '../core/duration.ts'
import { ClosedError, describe, isAioFluxError, OptionTypeError } from '../core/errors.ts'
import type { LeaseStore } from '../core/lease-store.ts'
import { checkMeter, type Metered } from '../core/meter.ts'
import type { Rule } from '../core/rule.ts'
import type {
  AboutHold,
  Move,
  RemoteLedger,
  RemoteStorage,
  Verdict,
  Watch,
} from '../core/storage.ts'
import type { Survey, Surveyable } from '../core/survey.ts'
import type { LimiterStorage, RemoteLimiters } from '../limiters/limiter.ts'
import { remoteLimiters } from '../limiters/remote-limiters.ts'
import type { QueueStorage } from '../queues/store/queue-storage.ts'
import { type Connection, checkUrl, GivenConnection, OwnConnection } from './client/client.ts'
import type { RedisClientLike } from './client/client-like.ts'
import { type Confirmed, Confirmer } from './client/confirmer.ts'
import { type Heard, WakeHub } from './client/wake-hub.ts'
import { redisQueues } from './queues/redis-queues.ts'
import { RedisLeases } from './redis-leases.ts'
import { RedisValues } from './redis-values.ts'
import { hasTwin } from './scripts/link.ts'
import type { Script } from './scripts/script.ts'
import { outage, ScriptRunner } from './scripts/script-runner.ts'
import { StorageMeter } from './scripts/storage-meter.ts'
import { Pipeline } from './states/pipeline.ts'
import { RedisLedger } from './states/redis-ledger.ts'
import { survey, together } from './survey.ts'

/** The client, or the server to connect to, and the names of the keys. */
export interface RedisStorageOptions extends Metered {
  /** The name in metrics. @default 'redis' */
  name?: string
  /** A client of node-redis or ioredis: single, Sentinel or Cluster. It stays yours: `close` leaves it open. */
  client?: RedisClientLike
  /** Instead of a client: where to connect, `redis://host:6379` or `rediss://`, by `redis`, or `ioredis` where only that is installed. */
  url?: string
  /**
   * The name of every key begins with it. All processes that use one Redis with one prefix are one fleet: give a service that should
   * share nothing a prefix of its own.
   * @default 'aioflux'
   */
  prefix?: string
  /** How long one call to Redis may take; after that it has failed. @default 1 second */
  timeout?: Duration
  /**
   * The time to go by instead of the server's, for tests.
   * @default the server's own clock, the same for every client
   */
  clock?: Clock
}

export const REDIS_STORAGE_OPTIONS: OptionTable<RedisStorageOptions> = {
  name: true,
  client: true,
  url: true,
  prefix: true,
  timeout: true,
  clock: true,
  metrics: true,
}

/**
 * States and values in Redis (6.2 or newer, or Valkey): the same limits on many machines.
 *
 * Every decision is one atomic script by the clock of the server: the clocks of the machines do not matter. The calls of one
 * turn of the event loop travel together. Each state is one key, and lives until it equals a fresh one.
 *
 * @example
 * const storage = new RedisStorage({ url: 'redis://localhost:6379' })
 * const limiter = LimiterFactory.tokenBucket({ rate: 100, per: '1m', storage })
 *
 * @throws OptionTypeError | OptionRangeError naming the option and its value
 */
export class RedisStorage implements LimiterStorage, RemoteStorage, Surveyable {
  readonly limiters: RemoteLimiters = remoteLimiters
  /** Keeps the queues that have this `storage` and a `name`. */
  readonly queues: QueueStorage
  readonly prefix: string
  readonly #timeout: Millis
  readonly #clock: Clock | undefined
  readonly #meter: StorageMeter | undefined
  readonly #connection: Connection
  readonly #runner: ScriptRunner
  readonly #pipeline: Pipeline
  readonly #values: RedisValues
  readonly #leases: LeaseStore
  readonly #hub: WakeHub
  readonly #confirmer: Confirmer
  #closed = false

  constructor(options: RedisStorageOptions) {
    known('RedisStorage', options, REDIS_STORAGE_OPTIONS)
    const { name = 'redis', client, url, prefix = 'aioflux', timeout = 1, clock } = options
    if ((client === undefined) === (url === undefined)) {
      throw new OptionTypeError(
        'client',
        `client or url must be given, and not both, got ${client === undefined ? 'neither' : 'both'}`,
      )
    }
    if (url !== undefined) checkUrl('url', url)
    if (typeof prefix !== 'string' || /[{}]/.test(prefix)) {
      throw new OptionTypeError(
        'prefix',
        `prefix must be a string without braces, got ${describe(prefix)}`,
      )
    }
    this.prefix = prefix
    text('name', name)
    const metrics = checkMeter(options.metrics)
    this.#meter = metrics && new StorageMeter(metrics, this, name, systemClock)
    this.#clock = having('clock', clock, 'now')
    this.#timeout = toPositiveMicros('timeout', timeout) / 1000
    const connection =
      client === undefined ? new OwnConnection(url as string) : new GivenConnection(client)
    this.#connection = connection
    this.#runner = new ScriptRunner(connection, this.#timeout, this.#meter)
    const cluster = connection.ready?.cluster ?? false
    this.#pipeline = new Pipeline(prefix, cluster, this.#clock, this.#runner)
    this.#values = new RedisValues(prefix, (script, keys, args) =>
      this.#runner.run(script, keys, args),
    )
    this.#leases = new RedisLeases(this)
    this.#hub = new WakeHub(async (ears) => (await connection.port()).listen(ears))
    this.#confirmer = new Confirmer(
      async () => (await connection.port()).client,
      this.#timeout * 0.8,
    )
    this.queues = redisQueues(this)
  }

  open(rule: Rule, scope: string): RedisLedger {
    this.#checkOpen()
    if (!hasTwin(rule)) {
      throw new OptionTypeError(
        'rule',
        `rule must be one of this package, got '${rule.kind}', which has no Lua twin for Redis to run: use MemoryStorage for it`,
      )
    }
    return new RedisLedger(this, this.#pipeline, scope, rule)
  }

  leases(): LeaseStore {
    this.#checkOpen()
    return this.#leases
  }

  get trouble(): unknown {
    return this.#connection.failure
  }

  joins(keys: readonly string[]): boolean {
    return this.#pipeline.joins(keys)
  }

  runAll(
    move: Move,
    ledgers: readonly RemoteLedger[],
    keys: readonly string[],
    cost: number | readonly number[],
    extra: Micros,
    brought?: readonly (Rule | undefined)[],
    about?: AboutHold,
  ): Promise<Verdict[]> {
    return this.#pipeline.runAll(move, ledgers, keys, cost, extra, brought, about)
  }

  /**
   * Listens to `channel`, over one connection for all listeners: a second one like the client's, where the client can have one. A
   * message is a hint: some may be lost.
   *
   * @internal
   */
  listen(channel: string, listener: Heard): Watch {
    this.#checkOpen()
    return this.#hub.subscribe(channel, listener)
  }

  /**
   * Runs a script.
   *
   * @internal
   * @param late gets a reply that comes after the timeout
   * @throws StorageDownError (rejects); the error of Redis or of the client is its `cause`
   */
  execute(
    script: Script,
    keys: string[],
    args: string[],
    late?: (reply: unknown) => void,
  ): Promise<unknown> {
    return this.#runner.run(script, keys, args, undefined, late)
  }

  /**
   * How many replicas have all that was written before, after waiting for `replicas` of them, for no longer than the timeout.
   *
   * @internal
   * @throws StorageDownError (rejects) where the connection for that is lost
   */
  async confirm(key: string, replicas: number): Promise<Confirmed> {
    this.#checkOpen()
    try {
      return await within(this.#timeout, this.#confirmer.confirm(key, replicas))
    } catch (error) {
      if (isAioFluxError(error)) throw error
      throw outage(error)
    }
  }

  /** @internal The time that scripts go by, in microseconds; '' for the server's own. */
  get present(): string {
    return this.#clock === undefined ? '' : String(Math.round(this.#clock.now() * 1000))
  }

  /** @internal The clock of the timers in this process. */
  get timers(): Clock {
    return this.#clock ?? systemClock
  }

  /** @internal True when the keys of one call must lie in one slot. */
  get cluster(): boolean {
    return this.#pipeline.cluster
  }

  /** @internal As `get`; also returns the JSON and the time to live, for a copy in memory. */
  read(key: string): Promise<{ text: string; ttl: Millis } | undefined> {
    return this.#values.read(key)
  }

  get<T = unknown>(key: string): Promise<T | undefined> {
    return this.#values.get<T>(key)
  }

  set(key: string, value: unknown, ttl?: Duration): Promise<void> {
    return this.#values.set(key, value, ttl)
  }

  incr(key: string, by = 1): Promise<number> {
    return this.#values.incr(key, by)
  }

  decr(key: string, by = 1): Promise<number> {
    return this.#values.decr(key, by)
  }

  delete(key: string): Promise<boolean> {
    return this.#values.delete(key)
  }

  exists(key: string): Promise<boolean> {
    return this.#values.exists(key)
  }

  /** What lives in this storage, for the dashboard. @throws StorageDownError (rejects) where Redis cannot be asked */
  async survey(values: readonly string[]): Promise<Survey> {
    this.#checkOpen()
    const { cluster, masters } = await this.#connection.port()
    const servers = cluster ? await masters() : [undefined]
    const surveys = await Promise.all(
      servers.map((server) =>
        survey(this.prefix, values, (script, args) => {
          // Each master of a Cluster is asked directly, without a key: a key would send the command to the master that has the key.
          const keys = server === undefined ? [`${this.prefix}:{0}:survey`] : []
          return this.#runner.run(script, keys, args, server)
        }),
      ),
    )
    return together(surveys)
  }

  /** Closes the connection that it has opened; a client that you gave stays open. The data stays in Redis. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#runner.close()
    this.#hub.close()
    this.#confirmer.close()
    this.#connection.close()
    this.#meter?.end()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #checkOpen(): void {
    if (this.#closed) throw new ClosedError('RedisStorage')
  }
}
