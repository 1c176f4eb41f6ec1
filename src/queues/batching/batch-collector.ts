import * as check from '../../core/check.ts'
import { at, type Cancel, type Clock, systemClock } from '../../core/clock.ts'
import { type Duration, type Millis, toMillis } from '../../core/duration.ts'
import { EarliestDeadline } from '../../core/earliest-deadline.ts'
import { ClosedError, JobDroppedError } from '../../core/errors.ts'
import { pending, resolveOfLast } from '../../core/pending.ts'
import { type BatchFunction, runBatch } from './batch.ts'

/** When a {@link BatchCollector} calls, and with what. */
export interface BatchCollectorOptions<T, R> {
  /** A batch goes when it has this number of items. @default 100 */
  batchSize?: number
  /** A batch goes when its first item has waited for this time. @default '1s' */
  timeout?: Duration
  /** What is done with a batch. Returns a result for each item, in order; or a Map; or nothing. */
  callback: BatchFunction<T, R>
  /** How many batches may be under way at once; items wait while it is reached. @default Infinity */
  maxInFlight?: number
  /** When a batch fails, try its halves, so that only the items that cannot be done fail. @default false */
  bisectOnError?: boolean
  /** @default the runtime's clock */
  clock?: Clock
}

export const BATCH_COLLECTOR_OPTIONS: check.OptionTable<BatchCollectorOptions<unknown, unknown>> = {
  batchSize: true,
  timeout: true,
  callback: true,
  maxInFlight: true,
  bisectOnError: true,
  clock: true,
}

/** How long a {@link BatchCollector} that stops waits for its batches. */
export interface BatchStopOptions {
  /** `drain` sends what was added and lets batches end, `drop` gives all of them up at once. @default 'drain' */
  mode?: 'drain' | 'drop'
  /** When batches that have not ended are given up. @default no end; with `drop` at once */
  deadline?: Duration
}

export const BATCH_STOP_OPTIONS: check.OptionTable<BatchStopOptions> = {
  mode: true,
  deadline: true,
}

interface Batch<T> {
  readonly items: T[]
  readonly resolves: ((value: unknown) => void)[]
  readonly promises: Promise<unknown>[]
  /** Made when the callback looks at its signal. */
  controller?: AbortController
}

/**
 * Collects single items into batches, and gives each caller the result of its own item.
 *
 * @example
 * const users = new BatchCollector({ batchSize: 50, timeout: '5ms', callback: (ids: number[]) => loadUsers(ids) })
 * const user = await users.add(42)
 */
export class BatchCollector<T, R = unknown> implements AsyncDisposable {
  readonly #callback: BatchFunction<T, R>
  readonly #bisect: boolean
  readonly #size: number
  readonly #timeout: Millis
  readonly #maxInFlight: number
  readonly #clock: Clock
  #current: Batch<T> | undefined
  /** Full, or called, and waiting for others to end. */
  readonly #waiting: Batch<T>[] = []
  readonly #underWay = new Map<Batch<T>, Promise<void>>()
  readonly #deadline: EarliestDeadline
  #cancelTimer: Cancel | undefined
  #closed = false

  constructor(options: BatchCollectorOptions<T, R>) {
    check.known('BatchCollector', options, BATCH_COLLECTOR_OPTIONS)
    const {
      callback,
      bisectOnError = false,
      batchSize = 100,
      timeout = 1,
      maxInFlight = Infinity,
    } = options
    check.callable('callback', callback)
    this.#callback = callback
    this.#bisect = check.flag('bisectOnError', bisectOnError)
    this.#size = check.integer('batchSize', batchSize, 1)
    this.#timeout = toMillis('timeout', timeout)
    this.#maxInFlight =
      maxInFlight === Infinity ? Infinity : check.integer('maxInFlight', maxInFlight, 1)
    this.#clock = check.having('clock', options.clock, 'now') ?? systemClock
    this.#deadline = new EarliestDeadline(this.#clock)
    void this.#deadline.reached.then(() => this.#giveUp())
  }

  /** Items added and not yet under way. */
  get size(): number {
    return this.#waiting.reduce(
      (sum, { items }) => sum + items.length,
      this.#current?.items.length ?? 0,
    )
  }

  /**
   * Resolves with the result of `item`. A failure that is not awaited does not end the process.
   *
   * @throws ClosedError after `stop`
   */
  add(item: T): Promise<R> {
    if (this.#closed) return Promise.reject(new ClosedError('batch collector'))
    const batch = this.#current ?? this.#open()
    const promise = pending<R>()
    batch.resolves.push(resolveOfLast())
    batch.promises.push(promise)
    if (batch.items.push(item) >= this.#size) this.#close()
    return promise
  }

  /**
   * Sends the collected items at once. Resolves when all items that were added before have ended. Never rejects: failures go to
   * the callers.
   * A callback must not await it: it would wait for itself.
   */
  async flush(): Promise<void> {
    this.#close()
    const before = this.#waiting.flatMap(({ promises }) => promises)
    await Promise.allSettled([...this.#underWay.values(), ...before])
  }

  /**
   * Accepts no more items, and flushes. May be called again with an earlier deadline, which then counts. Items that are given up
   * reject with a `JobDroppedError`, and the signal of their callback aborts.
   *
   * @throws OptionTypeError | OptionRangeError naming the option and its value
   */
  async stop(options: BatchStopOptions = {}): Promise<void> {
    check.known('collector.stop', options, BATCH_STOP_OPTIONS)
    const { mode = 'drain' } = options
    check.oneOf('mode', mode, ['drain', 'drop'])
    const { deadline = mode === 'drop' ? 0 : undefined } = options
    const patience = deadline === undefined ? Infinity : toMillis('deadline', deadline)
    this.#closed = true
    this.#deadline.within(patience)
    if (this.#deadline.over) this.#giveUp()
    await Promise.race([this.flush(), this.#deadline.reached])
    this.#deadline.cancel()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  #open(): Batch<T> {
    const batch: Batch<T> = { items: [], resolves: [], promises: [] }
    this.#current = batch
    this.#cancelTimer = at(this.#clock, this.#clock.now() + this.#timeout, () => this.#close())
    return batch
  }

  /** The current batch is complete. */
  #close(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    if (this.#current === undefined) return
    this.#waiting.push(this.#current)
    this.#current = undefined
    this.#next()
  }

  #next(): void {
    while (this.#waiting.length > 0 && this.#underWay.size < this.#maxInFlight) {
      const batch = this.#waiting.shift() as Batch<T>
      const run = this.#run(batch)
      this.#underWay.set(batch, run)
      void run.then(() => {
        this.#underWay.delete(batch)
        this.#next()
      })
    }
  }

  #run(batch: Batch<T>): Promise<void> {
    const callback: BatchFunction<T, R> = (items, context) => {
      // The halves of a batch that was given up are not tried.
      batch.controller?.signal.throwIfAborted()
      return this.#callback(items, context)
    }
    return runBatch(callback, batch.items, this.#bisect, {
      signal: () => {
        batch.controller ??= new AbortController()
        return batch.controller.signal
      },
      settle: (i, well, value) => {
        if (well) batch.resolves[i]?.(value)
        else reject(batch, i, value)
      },
    })
  }

  /** The deadline has passed: gives up all batches. Items that were settled before stay settled. */
  #giveUp(): void {
    const reason = new JobDroppedError('the batch collector stopped')
    const left = [...this.#underWay.keys(), ...this.#waiting.splice(0)]
    if (this.#current !== undefined) left.push(this.#current)
    this.#current = undefined
    for (const batch of left) {
      batch.controller ??= new AbortController()
      batch.controller.abort(reason)
      for (let i = 0; i < batch.items.length; i++) reject(batch, i, reason)
    }
  }
}

/** A failure that is not awaited does not end the process. */
function reject<T>({ resolves, promises }: Batch<T>, i: number, reason: unknown): void {
  const rejected = Promise.reject(reason)
  // When the item was given up before, its caller has an error already, and this one is dropped.
  rejected.catch(() => {})
  promises[i]?.catch(() => {})
  resolves[i]?.(rejected)
}
