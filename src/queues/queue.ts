import type { OptionTable } from '../core/check.ts'
import type { Clock } from '../core/clock.ts'
import type { Duration } from '../core/duration.ts'
import type { Listener } from '../core/events.ts'
import type { Metered } from '../core/meter.ts'
import type { Patience } from '../core/waiters.ts'
import type { Limiter } from '../limiters/limiter.ts'
import type { RetryOptions } from '../resilience/retry.ts'
import type { Handler } from './consumer.ts'
import type { Job } from './job.ts'

/** What a put does where there is no room: wait for it, be refused, push out the oldest, be dropped itself. */
export type Overflow = 'wait' | 'reject' | 'drop-oldest' | 'drop-newest'

/** What every queue can be given. */
export interface QueueOptions<T, R> extends Metered {
  /** How it is called in messages and metrics. @default the kind of queue */
  name?: string
  /** How many jobs run at once. Can be changed while it runs: `queue.workers = 5`. @default 1 */
  workers?: number
  /** How many jobs may wait; those that run do not count. @default 10000 */
  maxSize?: number
  /** @default 'wait' */
  overflow?: Overflow
  /**
   * What is done with an item. Without it, items that are functions are run as tasks, and other items are for `get` and
   * `for await`.
   */
  handler?: Handler<T, R>
  /** Every start takes from it. A permit is kept as a worker is: until the handler ends, or its timeout releases it. */
  limiter?: Limiter
  /**
   * The key under which a job asks the limiter. A job whose key has to wait lets the others pass.
   * @default one key for all
   */
  limiterKey?: (item: T) => string
  /** How much a job costs. @default 1 */
  limiterCost?: (item: T) => number
  /** How long an attempt may take before its signal aborts and it counts as failed. @default no end */
  timeout?: Duration
  /**
   * After a timeout the handler may still run. `hold`: its worker waits for it, so never more than `workers` run.
   * `release`: the worker goes on, so a handler that never ends costs no worker.
   * @default 'hold'
   */
  onTimeout?: 'hold' | 'release'
  /** Attempts and the delays between them; a number is that many attempts. @default one attempt */
  retry?: number | RetryOptions
  /**
   * Where jobs go that failed for good: a function, or another queue, which gets `{ item, error, attempts, id }`. What fails
   * there, at once or later, is told as `error`.
   */
  deadLetter?:
    | ((letter: DeadLetter<T>) => unknown)
    | { put(letter: DeadLetter<T>): Promise<unknown> }
  /** @default the runtime's clock */
  clock?: Clock
}

export const QUEUE_OPTIONS: OptionTable<QueueOptions<unknown, unknown>> = {
  name: true,
  workers: true,
  maxSize: true,
  overflow: true,
  handler: true,
  limiter: true,
  limiterKey: true,
  limiterCost: true,
  timeout: true,
  onTimeout: true,
  retry: true,
  deadLetter: true,
  clock: true,
  metrics: true,
}

/** A job that failed for good, as it is handed to whoever takes care of those. */
export interface DeadLetter<T> {
  item: T
  error: unknown
  attempts: number
  id: string
}

/** What is different about one item that is put into a queue. */
export interface PutOptions {
  /** Higher goes first, in a priority queue. @default what `priorityFn` says, or 0 */
  priority?: number
  /** How long the job must wait at least. */
  delay?: Duration
  /** When it is due, by the date of this machine: setting that moves it. */
  at?: Date
  /** What makes two jobs the same, for a dedupe queue. */
  key?: string
  /** Calls the job off when it aborts, waiting or running. */
  signal?: AbortSignal
  /** The longest wait for room, and the longest that an attempt may take. @default what the queue says */
  timeout?: Duration
  /** @default what the queue says */
  retry?: number | RetryOptions
}

export const PUT_OPTIONS: OptionTable<PutOptions> = {
  priority: true,
  delay: true,
  at: true,
  key: true,
  signal: true,
  timeout: true,
  retry: true,
}

/** How a queue ends: whether what it holds is still done, and by when. */
export interface StopOptions {
  /** `drain` does what was put before, `drop` gives it up; jobs that run are waited for either way. @default 'drain' */
  mode?: 'drain' | 'drop'
  /** How long to be patient. Then what waits is dropped, and what runs is aborted. @default no end */
  deadline?: Duration
  /** How long handlers may take to end once aborted, before they are reported as still running. @default 0 */
  grace?: Duration
}

export const STOP_OPTIONS: OptionTable<StopOptions> = { mode: true, deadline: true, grace: true }

/** A job in a report. */
export interface JobRecord<T> {
  id: string
  item: T
}

/** What a queue did, and what it left undone. */
export interface StopReport<T> {
  /** How many jobs completed and failed, over the whole life of the queue. */
  completed: number
  failed: number
  /** Put, and never begun. */
  notStarted: JobRecord<T>[]
  /** Begun, aborted at the deadline, and ended. */
  aborted: JobRecord<T>[]
  /** Begun, and deaf to their signal: their handlers still run. */
  stillRunning: JobRecord<T>[]
}

/** What `queue.on` tells, by the name of the event. */
export interface QueueEvents<T, R> {
  completed: { job: Job<R>; item: T; value: R }
  /** For good: no attempt is left. */
  failed: { job: Job<R>; item: T; error: unknown }
  /** An attempt failed; the next one comes after `delay` seconds. */
  retry: { job: Job<R>; item: T; error: unknown; delay: number }
  timeout: { job: Job<R>; item: T }
  cancelled: { job: Job<R>; item: T; reason: unknown }
  /** Given up unfinished: to make room, by `clear`, or by `stop`. */
  dropped: { job: Job<R>; item: T; reason: 'overflow' | 'clear' | 'stop' }
  duplicate: { key: unknown; item: T }
  progress: { job: Job<R>; item: T; value: unknown }
  /** Nothing waits and nothing runs. */
  idle: Record<string, never>
  /** Something that belongs to no job went wrong: a dead letter, a `retryIf`. */
  error: { error: unknown }
}

export const QUEUE_EVENTS: OptionTable<QueueEvents<unknown, unknown>> = {
  completed: true,
  failed: true,
  retry: true,
  timeout: true,
  cancelled: true,
  dropped: true,
  duplicate: true,
  progress: true,
  idle: true,
  error: true,
}

/** What a queue holds now, and what it has done since it was made. */
export interface QueueStats {
  name: string
  waiting: number
  running: number
  /** Puts that wait for room. */
  offered: number
  /** Handlers that still run although their job was decided without them. */
  abandoned: number
  completed: number
  failed: number
  workers: number
}

/**
 * Jobs in line for workers.
 *
 * @example
 * const queue = QueueFactory.priority({ workers: 4, handler: (mail: Mail) => send(mail) })
 * queue.start()
 * await queue.put(mail, { priority: 10 })      // accepted
 * const receipt = await queue.submit(mail)     // done
 * await queue.stop()
 */
export interface Queue<T, R = unknown> extends AsyncDisposable, AsyncIterable<T> {
  readonly name: string
  /** How many jobs may run at once. */
  workers: number
  /** How many run now. */
  readonly running: number
  /** Lets the workers begin. Jobs put before are kept for them. */
  start(): this
  /**
   * Resolves when the job is accepted: at once where there is room, otherwise as `overflow` says. A job that was not
   * accepted because of `drop-newest` has the state `dropped`.
   *
   * @throws ClosedError when the queue has stopped, or stops without doing this job
   * @throws QueueFullError with `overflow: 'reject'`
   * @throws QueueDeadlockError when a handler of this queue would wait for room in it, and all its other workers do that
   * already
   * @throws WaitTimeoutError when no room came within `timeout`
   */
  put(item: T, options?: PutOptions): Promise<Job<R>>
  /**
   * As {@link put}, and resolves with what the handler returns. A handler of this queue must not await that: it keeps the
   * worker that the job may need.
   */
  submit(item: T, options?: PutOptions): Promise<R>
  /**
   * Takes the next job out of the queue by hand; it counts as completed then.
   *
   * @throws ClosedError when the queue has stopped and nothing is left
   * @throws WaitTimeoutError when none came within `timeout`
   */
  get(options?: Patience): Promise<T>
  /** The next item if there is one now. */
  tryGet(): T | undefined
  /** How many jobs wait: accepted, and not begun. */
  size(): number
  /** Workers begin nothing new until {@link resume}. */
  pause(): void
  resume(): void
  /** Gives up all that waits, and returns it. */
  clear(): T[]
  /** Resolves when nothing waits and nothing runs. */
  onIdle(patience?: Patience): Promise<void>
  /**
   * Takes no more jobs, then drains or drops what waits, and says what was not done. Can be called again, with less
   * patience; all calls get the same report.
   *
   * A handler of the queue may call it and await the report: that one handler is not waited for, and is listed in
   * `stillRunning`. This holds as long as the call can be traced to the handler, through `await`s. Where it cannot, because it
   * comes from a callback or a timer that the handler waits for, only a `deadline` ends the wait.
   */
  stop(options?: StopOptions): Promise<StopReport<T>>
  on<Name extends keyof QueueEvents<T, R>>(
    event: Name,
    listener: Listener<QueueEvents<T, R>[Name]>,
  ): () => void
  stats(): QueueStats
}

/** A queue in this process, with a synchronous twin of `put`. */
export interface LocalQueue<T, R = unknown> extends Queue<T, R> {
  /**
   * Puts an item if there is room now: `true` when it is accepted. It never waits, and makes neither a promise nor a
   * {@link Job}, so it is the fast way for work whose result nobody awaits. A failure goes to the `failed` event.
   *
   * @returns `false` where a put would have to wait, be refused or be dropped, and for a duplicate that is refused
   * @throws ClosedError when the queue has stopped or stops
   * @throws OptionTypeError for a dedupe queue over a storage, which has to be asked first
   * @example
   * if (!queue.offer(event)) shed += 1
   */
  offer(item: T, options?: PutOptions): boolean
}
