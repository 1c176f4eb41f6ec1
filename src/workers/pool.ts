import * as check from '../core/check.ts'
import { type Cancel, type Clock, systemClock } from '../core/clock.ts'
import { type Duration, type Millis, toMillis } from '../core/duration.ts'
import { describe, OptionRangeError, OptionTypeError } from '../core/errors.ts'
import { checkMeter, type Meter } from '../core/meter.ts'
import { PartSeries } from '../core/part-series.ts'
import { QueueFactory } from '../queues/factory.ts'
import type { TaskContext } from '../queues/job.ts'
import {
  type LocalQueue,
  PUT_OPTIONS,
  type PutOptions,
  type QueueStats,
  type StopOptions,
  type StopReport,
} from '../queues/queue.ts'
import type { QueueOptions } from '../queues/queue-options.ts'
import {
  AUTOSCALE_OPTIONS,
  type Autoscale,
  type AutoscaleOptions,
  toAutoscale,
} from './autoscale.ts'
import { LoopLoad } from './loop-load.ts'
import { type MapOptions, mapOver } from './map.ts'
import { PoolMeter } from './pool-meter.ts'

/** Runs payloads on other threads: a `Piscina`, or an object with the same `run`. */
export interface Executor {
  // biome-ignore lint/suspicious/noExplicitAny: the types of payloads and results are those of the thread.
  run(payload: any, options: { signal?: any; name?: string }): Promise<any>
}

/** Options of a {@link WorkerPool}: the number of its workers, the queue before them, and the threads. */
export interface WorkerPoolOptions
  extends AutoscaleOptions,
    Pick<
      QueueOptions<Task, unknown>,
      'maxSize' | 'overflow' | 'timeout' | 'onTimeout' | 'retry' | 'metrics'
    > {
  /** The name in errors and metrics. @default 'pool' */
  name?: string
  /** How often the pool checks whether it has too many workers. @default '5s' */
  checkInterval?: Duration
  /** Gets the payloads of `run`: threads, for work that needs the processor. */
  executor?: Executor
  clock?: Clock
}

export const WORKER_POOL_OPTIONS: check.OptionTable<WorkerPoolOptions> = {
  ...AUTOSCALE_OPTIONS,
  name: true,
  checkInterval: true,
  executor: true,
  maxSize: true,
  overflow: true,
  timeout: true,
  onTimeout: true,
  retry: true,
  clock: true,
  metrics: true,
}

const RUN_OPTIONS: check.OptionTable<PutOptions & { name?: string }> = {
  ...PUT_OPTIONS,
  name: true,
}

/** The state and the counts of a {@link WorkerPool}. */
export interface PoolStats
  extends Pick<QueueStats, 'name' | 'waiting' | 'running' | 'completed' | 'failed' | 'workers'> {
  minWorkers: number
  maxWorkers: number
  /** The last change of the number of workers: how many seconds ago, from and to; absent before the first one. */
  resized?: { ago: number; from: number; to: number }
}

type Task = (context: TaskContext) => unknown

/**
 * Runs functions at the same time, as many as the load asks for. Tasks wait until {@link start}.
 *
 * The workers are slots on this thread, which is right for work that waits for a network or a disk. Work that needs the processor goes
 * to real threads with {@link run} and an `executor`.
 *
 * @example
 * const pool = new WorkerPool({ minWorkers: 2, maxWorkers: 20 }).start()
 * const page = await pool.submit(load, 'https://example.com')
 * for await (const size of pool.map(urls, measure)) console.log(size)
 * await pool.stop()
 */
export class WorkerPool implements AsyncDisposable {
  readonly name: string
  readonly #queue: LocalQueue<Task, unknown>
  readonly #clock: Clock
  readonly #interval: Millis
  readonly #executor: Executor | undefined
  readonly #load = new LoopLoad()
  readonly #series: PartSeries | undefined
  readonly #meter: PoolMeter | undefined
  #autoscale: Autoscale
  #resized: { at: Millis; from: number; to: number } | undefined
  #options: WorkerPoolOptions
  #cancelTimer: Cancel | undefined
  #started = false
  #stopped = false

  constructor(options: WorkerPoolOptions = {}) {
    check.known('WorkerPool', options, WORKER_POOL_OPTIONS)
    this.#autoscale = toAutoscale(options)
    this.#options = options
    const { name = 'pool', checkInterval = 5, executor, clock = systemClock } = options
    this.name = name
    this.#interval = toMillis('checkInterval', checkInterval)
    if (this.#interval === 0) {
      throw new OptionRangeError(
        'checkInterval',
        `checkInterval must be > 0, got ${describe(checkInterval)}`,
      )
    }
    this.#executor = check.having('executor', executor, 'run')
    this.#clock = clock
    const { maxSize, overflow, timeout, onTimeout, retry, metrics } = options
    // For the metrics of the queue as well, which belongs to the pool.
    this.#series = checkMeter(metrics) && new PartSeries(metrics as Meter, this)
    this.#queue = QueueFactory.fifo<Task>({
      name,
      clock,
      workers: this.#autoscale.min,
      ...(maxSize !== undefined && { maxSize }),
      ...(overflow !== undefined && { overflow }),
      ...(timeout !== undefined && { timeout }),
      ...(onTimeout !== undefined && { onTimeout }),
      ...(retry !== undefined && { retry }),
      ...(this.#series !== undefined && { metrics: this.#series }),
    })
    this.#meter = this.#series && new PoolMeter(this.#series, name, this.#load)
  }

  /** How many workers there are now, busy or not. */
  get workers(): number {
    return this.#queue.workers
  }

  /** How many of them are busy. */
  get running(): number {
    return this.#queue.running
  }

  /** How many tasks wait. */
  size(): number {
    return this.#queue.size()
  }

  /** Its state now, its counts since it was made, and the bounds of its workers. */
  stats(): PoolStats {
    const { name, waiting, running, completed, failed, workers } = this.#queue.stats()
    const { min, max } = this.#autoscale
    const stats = { name, waiting, running, completed, failed, workers }
    const { at, from = 0, to = 0 } = this.#resized ?? {}
    return {
      ...stats,
      minWorkers: min,
      maxWorkers: max,
      ...(at !== undefined && { resized: { ago: (this.#clock.now() - at) / 1000, from, to } }),
    }
  }

  /** Begins to run tasks. */
  start(): this {
    this.#queue.start()
    this.#started = true
    this.#arm()
    this.#grow()
    return this
  }

  /** Runs `fn(...args)` when a worker is free, and resolves with its result. */
  submit<A extends unknown[], R>(fn: (...args: A) => R, ...args: A): Promise<Awaited<R>> {
    return this.#submit(typeof fn === 'function' ? () => fn(...args) : fn)
  }

  /** As {@link submit}, with the options of `put` of a queue. `fn` gets the context of the job, with its signal. */
  submitWith<R>(options: PutOptions, fn: (context: TaskContext) => R): Promise<Awaited<R>> {
    return this.#submit(fn, options)
  }

  /**
   * Sends `payload` to the executor when a worker is free: with a `Piscina`, to a thread.
   *
   * @param options `name` picks a function of the thread's file
   */
  async run<R = unknown>(
    payload: unknown,
    options: PutOptions & { name?: string } = {},
  ): Promise<R> {
    const executor = this.#executor
    if (executor === undefined) {
      throw new OptionTypeError('executor', 'run needs an executor, got none')
    }
    check.known('pool.run', options, RUN_OPTIONS)
    const { name, ...rest } = options
    if (name !== undefined) check.string('name', name)
    return this.#submit(
      ({ signal }) => executor.run(payload, { signal, ...(name !== undefined && { name }) }),
      rest,
    ) as Promise<R>
  }

  /**
   * Runs `fn` over all items, at most `maxWorkers` at once, and yields the results in the order of the items, or as they come. Reads an item
   * only when it can work on it. The first failure ends it, and cancels the running calls.
   */
  map<T, R>(
    items: Iterable<T> | AsyncIterable<T>,
    fn: (item: T, context: TaskContext) => R,
    options: MapOptions = {},
  ): AsyncIterableIterator<Awaited<R>> {
    check.callable('fn', fn)
    const submit = (item: T, signal: AbortSignal) =>
      this.#submit((context) => fn(item, context), { signal })
    return mapOver(items, submit, this.#autoscale.max, options)
  }

  /** Changes the bounds. Busy workers finish their tasks first. */
  resize(minWorkers: number, maxWorkers: number): void {
    this.#options = { ...this.#options, minWorkers, maxWorkers }
    this.#autoscale = toAutoscale(this.#options)
    const { min, max } = this.#autoscale
    this.#queue.workers = Math.min(max, Math.max(min, this.workers))
    this.#grow()
  }

  /** Stops as a queue does, and reports which tasks ended and which did not. */
  stop(options?: StopOptions): Promise<StopReport<unknown>> {
    this.#stopped = true
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    const report = this.#queue.stop(options)
    const series = this.#series
    if (series !== undefined) {
      report.then(
        () => series.end(),
        () => {},
      )
    }
    return report
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  #submit<R>(task: (context: TaskContext) => R, options?: PutOptions): Promise<Awaited<R>> {
    // The first item decides whether the queue runs tasks, so only functions may get there.
    if (typeof task !== 'function') {
      return Promise.reject(
        new OptionTypeError('fn', `fn must be a function, got ${describe(task)}`),
      )
    }
    const result = this.#queue.submit(task, options) as Promise<Awaited<R>>
    this.#grow()
    return result
  }

  /** Adds workers at once for tasks that wait, and not only at the next check. */
  #grow(): void {
    if (!this.#started || this.#stopped || this.workers >= this.#autoscale.max) return
    if (this.#queue.size() > 0) this.#adjust(this.#load.last)
  }

  #adjust(loopUtilization: number): void {
    const { workers } = this
    const wanted = this.#autoscale({
      workers,
      busy: this.running,
      waiting: this.#queue.size(),
      loopUtilization,
    })
    if (wanted === workers) return
    this.#queue.workers = wanted
    this.#resized = { at: this.#clock.now(), from: workers, to: wanted }
    this.#meter?.resized(wanted > workers)
  }

  #arm(): void {
    if (this.#cancelTimer !== undefined) return
    const look = () => {
      this.#cancelTimer = this.#after(look)
      this.#adjust(this.#load.sample())
    }
    this.#cancelTimer = this.#after(look)
  }

  /** A timer that does not keep the process alive. */
  #after(run: () => void): Cancel {
    const after = this.#clock.after ?? (systemClock.after as NonNullable<Clock['after']>)
    return after.call(this.#clock, this.#interval, run, true)
  }
}
