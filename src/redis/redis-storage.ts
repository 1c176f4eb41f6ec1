import { options as checkOptions } from '../core/check.ts'
import type { Clock } from '../core/clock.ts'
import { within } from '../core/deadline.ts'
import { type Duration, type Micros, type Millis, toMillis } from '../core/duration.ts'
import {
  ClosedError,
  describe,
  isAioFluxError,
  OptionTypeError,
  StorageDownError,
} from '../core/errors.ts'
import type { Rule } from '../core/rule.ts'
import type {
  Move,
  RemoteLedger,
  RemoteStep,
  RemoteStorage,
  Storage,
  Verdict,
} from '../core/storage.ts'
import { Batch } from './batch.ts'
import { connect, portOf, type RedisClientLike, type RedisPort } from './client.ts'
import { stateName, tagOf } from './key-name.ts'
import { hasTwin, link } from './link.ts'
import { RedisValues } from './redis-values.ts'
import type { Script } from './script.ts'

export interface RedisStorageOptions {
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
export class RedisStorage implements Storage, RemoteStorage {
  readonly prefix: string
  readonly #timeout: Millis
  readonly #values: RedisValues
  #port: Promise<RedisPort> | undefined
  readonly #open: () => Promise<RedisPort>
  readonly #clock: Clock | undefined
  #cluster = false
  #closed = false
  /** What was asked in this turn of the event loop: for each script and slot a batch. */
  #batches = new Map<string, Batch>()

  constructor(options: RedisStorageOptions) {
    checkOptions('options', options)
    const { client, url, prefix = 'aioflux', timeout = 1, clock } = options
    if ((client === undefined) === (url === undefined)) {
      throw new OptionTypeError('client', 'give either client or url')
    }
    if (typeof prefix !== 'string' || /[{}]/.test(prefix)) {
      throw new OptionTypeError(
        'prefix',
        `prefix must be a string without braces, got ${describe(prefix)}`,
      )
    }
    this.prefix = prefix
    this.#clock = clock
    this.#timeout = toMillis('timeout', timeout)
    if (client !== undefined) {
      const port = portOf(client)
      this.#cluster = port.cluster
      this.#open = async () => port
    } else {
      this.#open = () => connect(url as string)
    }
    this.#values = new RedisValues(prefix, (script, keys, args) => this.#run(script, keys, args))
  }

  open(rule: Rule, scope: string): RemoteLedger {
    this.#checkOpen()
    if (!hasTwin(rule)) {
      throw new OptionTypeError(
        'rule',
        `the rule '${rule.kind}' has no Lua twin, so Redis cannot run it`,
      )
    }
    const ledger = {
      storage: this,
      scope,
      rule,
      reconfigure(next: Rule) {
        ledger.rule = next
      },
    }
    return ledger
  }

  joins(steps: readonly RemoteStep[]): boolean {
    const tag = tagOf(steps[0]?.key ?? '')
    return !this.#cluster || steps.every(({ key }) => tagOf(key) === tag)
  }

  run(move: Move, steps: readonly RemoteStep[], cost: number, extra: Micros): Promise<Verdict[]> {
    return new Promise((resolve, reject) => {
      this.#checkOpen()
      const rules = steps.map(({ ledger }) => ledger.rule)
      const names = steps.map(({ ledger, key }) =>
        stateName(this.prefix, ledger.rule.kind, ledger.scope, key),
      )
      this.#batchFor(rules, steps).add(names, move, cost, extra, { resolve, reject })
    })
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
    return this.#values.incr(key, -by)
  }

  delete(key: string): Promise<boolean> {
    return this.#values.delete(key)
  }

  exists(key: string): Promise<boolean> {
    return this.#values.exists(key)
  }

  /** Closes the connection it has opened; a client that was given stays open. What is stored stays stored. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    const port = await this.#port?.catch(() => undefined)
    await port?.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** The batch of this turn for these rules, sent when the turn is over. */
  #batchFor(rules: Rule[], steps: readonly RemoteStep[]): Batch {
    const numbers = rules.map(({ kind, params }) => `${kind} ${Object.values(params).join(' ')}`)
    const slot = this.#cluster ? tagOf(steps[0]?.key ?? '') : ''
    const name = `${slot} ${numbers.join(' ')}`
    let batch = this.#batches.get(name)
    if (batch === undefined) {
      if (this.#batches.size === 0) setImmediate(() => this.#send())
      batch = new Batch(link(rules, this.#clock && 'caller'), rules, this.#clock)
      this.#batches.set(name, batch)
    }
    return batch
  }

  #send(): void {
    const batches = this.#batches
    this.#batches = new Map()
    for (const batch of batches.values()) {
      batch.send((script, keys, args) => this.#run(script, keys, args))
    }
  }

  async #run(script: Script, keys: string[], args: string[]): Promise<unknown> {
    this.#checkOpen()
    try {
      return await within(this.#timeout, this.#ask(script, keys, args))
    } catch (error) {
      if (isAioFluxError(error)) throw error
      throw new StorageDownError(`Redis failed: ${(error as Error)?.message ?? error}`, {
        cause: error,
      })
    }
  }

  async #ask(script: Script, keys: string[], args: string[]): Promise<unknown> {
    const port = await this.#connected()
    try {
      return await port.evalsha(script.sha, keys, args)
    } catch (error) {
      // A server that was restarted, flushed or newly elected does not know the script: sent whole, it does.
      if (!String((error as Error)?.message).startsWith('NOSCRIPT')) throw error
      return await port.eval(script.text, keys, args)
    }
  }

  #connected(): Promise<RedisPort> {
    if (this.#port === undefined) {
      this.#port = this.#open()
      // A failure to connect is told to those who asked; the next ones try again.
      this.#port.catch(() => {
        this.#port = undefined
      })
    }
    return this.#port
  }

  #checkOpen(): void {
    if (this.#closed) throw new ClosedError('RedisStorage')
  }
}
