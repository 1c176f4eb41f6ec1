import { having, known, type OptionTable, text } from '../core/check.ts'
import { type Clock, systemClock } from '../core/clock.ts'
import { within } from '../core/deadline.ts'
import { type Duration, type Micros, type Millis, toPositiveMicros } from '../core/duration.ts'
import {
  ClosedError,
  describe,
  isAioFluxError,
  OptionTypeError,
  StorageDownError,
} from '../core/errors.ts'
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
import { Batch } from './batch.ts'
import { checkUrl, OwnConnection, portOf, type RedisClientLike, type RedisPort } from './client.ts'
import { type Confirmed, Confirmer } from './confirmer.ts'
import { tagOf } from './key-name.ts'
import { hasTwin } from './link.ts'
import { redisQueues } from './queues/redis-queues.ts'
import { RedisLedger } from './redis-ledger.ts'
import { RedisValues } from './redis-values.ts'
import { Route } from './route.ts'
import type { Script } from './script.ts'
import { StorageMeter } from './storage-meter.ts'
import { survey, together } from './survey.ts'
import { type Heard, WakeHub } from './wake-hub.ts'

/** The client, or the server to connect to, and the names of the keys. */
export interface RedisStorageOptions extends Metered {
  /** The name in metrics. @default 'redis' */
  name?: string
  /** A client of node-redis or ioredis: single, Sentinel or Cluster. It stays yours: `close` leaves it open. */
  client?: RedisClientLike
  /** Instead of a client: where to connect, by whichever of `redis` and `ioredis` is installed. */
  url?: string
  /** Begins the name of every key. @default 'aioflux' */
  prefix?: string
  /** The longest any call may take. @default 1 second */
  timeout?: Duration
  /**
   * Instead of the server's time, for tests that want to play with it.
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
 * Every decision is one atomic script on the server's own clock, whatever the clocks of the machines say. The calls of one
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
  /** Queues that outlive their process: what a queue with this `storage` and a `name` is kept in. */
  readonly queues: QueueStorage
  readonly prefix: string
  readonly #timeout: Millis
  readonly #values: RedisValues
  readonly #hub: WakeHub
  readonly #confirmer: Confirmer
  readonly #port: () => Promise<RedisPort>
  readonly #end: () => void
  /** Why its own connection is not there, where that is known. */
  readonly #failure: () => unknown
  readonly #clock: Clock | undefined
  readonly #meter: StorageMeter | undefined
  #cluster = false
  #closed = false
  /** Scripts that are being sent whole, by their sha. */
  readonly #sending = new Map<string, Promise<void>>()
  // What was asked in this turn of the event loop.
  #sends: (() => void)[] = []
  /** The batches of composites. */
  #joint = new Map<string, Batch>()
  #turn = 0

  constructor(options: RedisStorageOptions) {
    known('RedisStorage', options, REDIS_STORAGE_OPTIONS)
    const { name = 'redis', client, url, prefix = 'aioflux', timeout = 1, clock } = options
    if ((client === undefined) === (url === undefined)) {
      throw new OptionTypeError('client', 'give either client or url')
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
    if (client !== undefined) {
      const port = portOf(client)
      const ready = Promise.resolve(port)
      this.#cluster = port.cluster
      this.#port = () => ready
      this.#end = () => {}
      this.#failure = () => undefined
    } else {
      const own = new OwnConnection(url as string)
      this.#port = () => own.port()
      this.#end = () => own.close()
      this.#failure = () => own.failure
    }
    this.#values = new RedisValues(prefix, (script, keys, args) => this.#run(script, keys, args))
    this.#hub = new WakeHub(async (ears) => (await this.#port()).listen(ears))
    this.#confirmer = new Confirmer(async () => (await this.#port()).client, this.#timeout * 0.8)
    this.queues = redisQueues(this)
  }

  open(rule: Rule, scope: string): RedisLedger {
    this.#checkOpen()
    if (!hasTwin(rule)) {
      throw new OptionTypeError(
        'rule',
        `the rule '${rule.kind}' has no Lua twin, so Redis cannot run it`,
      )
    }
    return new RedisLedger(this, scope, rule)
  }

  get trouble(): unknown {
    return this.#failure()
  }

  joins(keys: readonly string[]): boolean {
    const tag = tagOf(keys[0] ?? '')
    return !this.#cluster || keys.every((key) => tagOf(key) === tag)
  }

  runAll(
    move: Move,
    ledgers: readonly RemoteLedger[],
    keys: readonly string[],
    cost: number | readonly number[],
    extra: Micros,
    brought: readonly (Rule | undefined)[] = [],
    about?: AboutHold,
  ): Promise<Verdict[]> {
    return new Promise((resolve, reject) => {
      this.#checkOpen()
      const slot = this.#cluster ? tagOf(keys[0] ?? '') : ''
      const lists = ledgers.map(({ rule, scope }, i) => {
        const { kind, params } = brought[i] ?? rule
        return [kind, params, scope]
      })
      const name = JSON.stringify([slot, lists])
      let batch = this.#joint.get(name)
      if (batch === undefined) {
        batch = this.begin(this.route(ledgers, brought))
        this.#joint.set(name, batch)
      }
      batch.add(JSON.stringify(keys), keys, move, cost, extra, { resolve, reject }, about)
    })
  }

  /** @internal */
  route(ledgers: readonly RemoteLedger[], brought?: readonly (Rule | undefined)[]): Route {
    return new Route(this.prefix, ledgers, this.#clock === undefined ? 'server' : 'caller', brought)
  }

  /** @internal A batch that is sent when this turn of the event loop is over. */
  begin(route: Route): Batch {
    this.#checkOpen()
    if (this.#sends.length === 0) setImmediate(() => this.#send())
    const batch = new Batch(route.rules)
    this.#sends.push(() =>
      batch.send(route.names, (program, keys, moves) => {
        const now = this.#clock && [String(Math.round(this.#clock.now() * 1000))]
        const args = [...(now ?? []), ...route.params(this.#clock), ...moves]
        return this.#run(route.script(program), keys, args)
      }),
    )
    return batch
  }

  /**
   * Hears what is published on `channel`, over one connection for all who listen: a second one like the client's, where the
   * client can have one. What is heard is a hint: some of it may be lost.
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
   * @throws StorageDownError (rejects) with what Redis or the client said as its cause
   */
  execute(script: Script, keys: string[], args: string[]): Promise<unknown> {
    return this.#run(script, keys, args)
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
      throw new StorageDownError(`Redis failed: ${messageOf(error)}`, { cause: error })
    }
  }

  /** @internal The time that scripts go by, in microseconds; '' for the server's own. */
  get present(): string {
    return this.#clock === undefined ? '' : String(Math.round(this.#clock.now() * 1000))
  }

  /** @internal What the timers of this process go by. */
  get timers(): Clock {
    return this.#clock ?? systemClock
  }

  /** @internal Which turn of the event loop this is, as far as anything was asked in it. */
  get turn(): number {
    return this.#turn
  }

  /** @internal Do the keys of one call have to lie in one slot? */
  get cluster(): boolean {
    return this.#cluster
  }

  /** @internal As `get`, with what is needed to keep a copy. */
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
    const { cluster, masters } = await this.#port()
    const servers = cluster ? await masters() : [undefined]
    const surveys = await Promise.all(
      servers.map((server) =>
        survey(this.prefix, values, (script, args) => {
          // A master of a Cluster is asked itself: any key would lead to the one that has the key.
          const keys = server === undefined ? [`${this.prefix}:{0}:survey`] : []
          return this.#run(script, keys, args, server)
        }),
      ),
    )
    return together(surveys)
  }

  /** Closes the connection it has opened; a client that was given stays open. What is stored stays stored. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#hub.close()
    this.#confirmer.close()
    this.#end()
    this.#meter?.end()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #send(): void {
    const sends = this.#sends
    this.#sends = []
    this.#joint = new Map()
    this.#turn += 1
    for (const send of sends) send()
  }

  /** @param server the one to ask; the way of the keys unless given */
  async #run(script: Script, keys: string[], args: string[], server?: RedisPort): Promise<unknown> {
    this.#checkOpen()
    const began = this.#meter?.begin() ?? 0
    try {
      const answer = await within(this.#timeout, this.#ask(script, keys, args, server))
      this.#meter?.answered(began)
      return answer
    } catch (error) {
      this.#meter?.failed()
      const cause = this.#failure()
      if (
        isAioFluxError(error, 'STORAGE_DOWN') &&
        error.cause === undefined &&
        cause !== undefined
      ) {
        throw new StorageDownError(`${error.message}: ${messageOf(cause)}`, { cause })
      }
      if (isAioFluxError(error)) throw error
      throw new StorageDownError(`Redis failed: ${messageOf(error)}`, {
        cause: error,
      })
    }
  }

  async #ask(
    script: Script,
    keys: string[],
    args: string[],
    server: RedisPort | undefined,
  ): Promise<unknown> {
    const port = server ?? (await this.#port())
    for (;;) {
      try {
        return await port.evalsha(script.sha, keys, args)
      } catch (error) {
        if (!String((error as Error)?.message).startsWith('NOSCRIPT')) throw error
      }
      // A server that was restarted, flushed or newly elected does not know the script: sent whole, it does. Of the calls that are under
      // way one sends it, or a thousand of them would send ten megabytes.
      const sent = port.cluster ? undefined : this.#sending.get(script.sha)
      if (sent === undefined) return this.#sendWhole(port, script, keys, args)
      await sent
    }
  }

  #sendWhole(port: RedisPort, script: Script, keys: string[], args: string[]): Promise<unknown> {
    const answer = port.eval(script.text, keys, args)
    const over = () => {
      this.#sending.delete(script.sha)
    }
    this.#sending.set(script.sha, answer.then(over, over))
    return answer
  }

  #checkOpen(): void {
    if (this.#closed) throw new ClosedError('RedisStorage')
  }
}

/** An error of several addresses has no message of its own. */
function messageOf(error: unknown): string {
  const { message, code } = Object(error) as { message?: unknown; code?: unknown }
  return String(message || code || error)
}
