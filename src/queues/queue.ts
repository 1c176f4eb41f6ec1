import type { OptionTable } from '../core/check.ts'
import type { Duration } from '../core/duration.ts'
import type { Listener } from '../core/events.ts'
import type { WaitOptions } from '../core/waiters.ts'
import type { Limiter } from '../limiters/limiter.ts'
import type { RetryOptions } from '../resilience/retry.ts'
import type {
  DeadByErrorOptions,
  DeadJobsByError,
  GroupInfo,
  GroupsOptions,
  Job,
  JobClaim,
  ListOptions,
  QueueCounts,
  QueuedJobInfo,
  RedriveOptions,
} from './job.ts'

/** The options of one put. */
export interface PutOptions {
  /** Higher goes first, in a priority queue. @default what `priorityFn` says, or 0 */
  priority?: number
  /** How long the job must wait before it may start. @default 0 */
  delay?: Duration
  /** When the job is due, by the date of this machine: setting the date moves it. */
  at?: Date
  /**
   * The caller's own id of the job. A second put of an id that the queue remembers (see `idTtl`) does nothing: its job has the
   * state `duplicate` and the result of the first.
   */
  id?: string
  /** In a dedupe queue: the key of the item. @default what `keyFn` says */
  key?: string
  /** The group of this job. @default what the queue's `group` says */
  group?: string
  /**
   * When this signal aborts, the job is cancelled, waiting or running, and its result rejects with the reason of the signal; so does the
   * put itself while it waits for room.
   */
  signal?: AbortSignal
  /**
   * Two limits at once: how long the put may wait for room (then WaitTimeoutError), and how long each attempt may take
   * (then JobTimeoutError). Over a storage, how long `submit` waits for the result, too.
   * @default no limit for room and result, the queue's `timeout` for an attempt
   */
  timeout?: Duration
  /** How this job is retried; a number is the most attempts, the first included. @default the `retry` of the queue */
  retry?: number | RetryOptions
}

export const PUT_OPTIONS: OptionTable<PutOptions> = {
  priority: true,
  delay: true,
  at: true,
  id: true,
  key: true,
  group: true,
  signal: true,
  timeout: true,
  retry: true,
}

/** How `stop` ends a queue. */
export interface StopOptions {
  /** `drain` runs the jobs that wait, `drop` drops them. Jobs that run are finished either way. @default 'drain' */
  mode?: 'drain' | 'drop'
  /** After this time, jobs that wait are dropped and jobs that run are aborted. @default no end */
  deadline?: Duration
  /** How long handlers may take to end once aborted, before they are reported as still running. @default 0 */
  grace?: Duration
}

export const STOP_OPTIONS: OptionTable<StopOptions> = { mode: true, deadline: true, grace: true }

/** A job in a report, with what `put` needs to put it again. */
export interface JobRecord<T> {
  id: string
  item: T
  /** Absent where it is 0. */
  priority?: number
  key?: string
  group?: string
  /** The longest that one attempt may take, in seconds, where its own put said so. */
  timeout?: number
  /** How it is retried, where its own put said so. */
  retry?: number | RetryOptions
  /** How many attempts were made; absent where none was. */
  attempts?: number
  /** How long it still had to wait, in seconds: after a `delay`, or before another attempt. */
  delay?: number
  /** When it was to be due, after `at`. */
  at?: Date
}

/**
 * How many jobs a queue did, and which jobs it did not do. A job is in one list: in `stillRunning` while any handler of it runs,
 * also one that timed out while the next attempt waited.
 */
export interface StopReport<T> {
  /** How many jobs have completed, over the whole life of the queue. */
  completed: number
  /** How many jobs have failed for good, over the whole life of the queue. */
  failed: number
  /** Put and not done: never begun, between two attempts, or waiting for room. */
  notStarted: JobRecord<T>[]
  /** Begun, aborted at the deadline, and ended. */
  aborted: JobRecord<T>[]
  /** Begun, and still running: their handlers ignore their signal. */
  stillRunning: JobRecord<T>[]
}

/** The events of `queue.on`, by their names, and what listeners get. */
export interface QueueEventMap<T, R> {
  completed: { job: Job<R>; item: T; value: R }
  /** For good: no attempt is left. */
  failed: { job: Job<R>; item: T; error: unknown }
  /** An attempt failed; the next one comes after `delay` seconds. */
  retry: { job: Job<R>; item: T; error: unknown; delay: number }
  timeout: { job: Job<R>; item: T }
  cancelled: { job: Job<R>; item: T; reason: unknown }
  /** A job was dropped before it was done: because the queue was full, by `clear`, or by `stop`. */
  dropped: { job: Job<R>; item: T; reason: 'overflow' | 'clear' | 'stop' }
  duplicate: { key: unknown; item: T }
  progress: { job: Job<R>; item: T; value: unknown }
  /** Nothing waits and nothing runs. */
  idle: Record<string, never>
  /** Something that belongs to no job went wrong: a dead letter, a `retryIf`. */
  error: { error: unknown }
}

export const QUEUE_EVENTS: OptionTable<QueueEventMap<unknown, unknown>> = {
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
  /** Handlers that still run although their job has ended. */
  abandoned: number
  completed: number
  failed: number
  workers: number
  /** True while the workers begin no new job: paused here, or over a storage everywhere. */
  paused: boolean
  /** Over a storage: attempts whose claim was lost before they ended. */
  late?: number
  /** Over a storage: when it was last reached. */
  lastReached?: Date
  /** Over a storage: why it cannot be reached now; absent while it can. */
  trouble?: string
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
  /** How many jobs run now. */
  readonly running: number
  /** Lets the workers begin. Jobs put before are kept for them. */
  start(): this | Promise<this>
  /**
   * Resolves when the job is accepted: at once where there is room, otherwise as `overflow` says. A job that was not
   * accepted because of `drop-newest` has the state `dropped`.
   *
   * @throws ClosedError when the queue has stopped, or stops without doing this job
   * @throws QueueFullError with `overflow: 'reject'`
   * @throws QueueDeadlockError in memory, when a handler of this queue would wait for room in it, and all its other workers do that
   * already
   * @throws WaitTimeoutError when no room came within `timeout`
   */
  put(item: T, options?: PutOptions): Promise<Job<R>>
  /**
   * Puts many items, in their order: over a storage in one round trip for each thousand, or each megabyte. When it rejects, some items may have
   * been accepted: repeat it with the same ids (`id`).
   *
   * @param options for all of them, or for each
   */
  putMany(
    items: readonly T[],
    options?: PutOptions | ((item: T, index: number) => PutOptions | undefined),
  ): Promise<Job<R>[]>
  /**
   * As {@link put}, and resolves with what the handler returns. A handler of this queue must not await that: it keeps the
   * worker that the job may need.
   */
  submit(item: T, options?: PutOptions): Promise<R>
  /**
   * Takes the next job out of the queue by hand; the job counts as completed then. The limiter is asked, as by {@link claim}, and gets
   * its permit back at once.
   *
   * @throws ClosedError when the queue has stopped and nothing is left
   * @throws WaitTimeoutError when none came within `timeout`
   */
  get(options?: WaitOptions): Promise<T>
  /**
   * Claims jobs by hand, instead of workers: waits for the first job, then takes up to `max` jobs. A claim asks the
   * limiter as a worker does; `workers`, `timeout` and `pause` do not hold for it. In memory it has no lease: end every claim.
   * `stop` takes claims back.
   *
   * @returns an empty list where no job came within `timeout`
   * @throws ClosedError when the queue has stopped and nothing is left
   */
  claim(options?: ClaimOptions): Promise<JobClaim<T, R>[]>
  /** How many jobs wait: accepted, and not begun. Over a storage the answer is a promise: `await` serves both. */
  size(): number | Promise<number>
  /** The workers of this process begin nothing new until {@link resume}; with `everywhere`, the workers of all processes. */
  pause(options?: PauseOptions): void | Promise<void>
  resume(options?: PauseOptions): void | Promise<void>
  /**
   * Drops all jobs that wait, and returns their items. In memory this includes puts that wait for room; they reject with
   * JobDroppedError. Over a storage the answer is a promise: `await` serves both.
   */
  clear(): T[] | Promise<T[]>
  /** How many jobs there are, by state. */
  counts(): Promise<QueueCounts>
  /** Everything about a job; `undefined` when the queue does not know the id, or any more. */
  job(id: string): Promise<QueuedJobInfo<T, R> | undefined>
  /**
   * One page of the jobs in a state; `cursor` in the answer begins the next page. The pages show each job once, also when jobs
   * leave between two pages.
   */
  jobs(options: ListOptions): Promise<{ jobs: QueuedJobInfo<T, R>[]; cursor?: string }>
  /** As {@link Job.cancel}, by id: a waiting job never starts, the signal of a running one aborts. */
  cancel(id: string, reason?: unknown): Promise<boolean>
  /** Forgets a job that does not run, or an own id that is still remembered. `false` where it runs or is unknown. */
  remove(id: string): Promise<boolean>
  /**
   * Dead jobs that are kept wait again, and their attempts count from 1. The job that the first put returned stays `failed`:
   * ask `job(id)`.
   *
   * @returns the number of jobs that wait again
   * @throws ClosedError (rejects) when the queue stops or has stopped
   */
  redrive(options?: RedriveOptions): Promise<number>
  /** The errors of the dead jobs that are kept, the most frequent first; at most 100 different errors. */
  deadByError(options?: DeadByErrorOptions): Promise<DeadJobsByError[]>
  /**
   * The groups with the longest backlog first; with `among`, only that many groups are looked at. In memory, groups with running jobs
   * only are in the list too.
   */
  groups(options?: GroupsOptions): Promise<GroupInfo[]>
  /**
   * Resolves when nothing waits and nothing runs: a handler that awaits it waits for itself. When the queue has stopped, it rejects
   * with `CLOSED` where something still does.
   */
  onIdle(options?: WaitOptions): Promise<void>
  /**
   * Accepts no more jobs, runs or drops the jobs that wait, and reports the jobs that were not done. A queue without workers
   * (never started, no handler, `workers = 0`) drops them; a paused one goes on. It can be called again with a shorter
   * `deadline`; all calls get the same report.
   *
   * A handler of the queue may call it and await the report: that one handler is not waited for, and is listed in
   * `stillRunning`. This holds as long as the call can be traced to the handler, through `await`s. Where it cannot, because it
   * comes from a callback or a timer that the handler waits for, only a `deadline` ends the wait.
   */
  stop(options?: StopOptions): Promise<StopReport<T>>
  on<Name extends keyof QueueEventMap<T, R>>(
    event: Name,
    listener: Listener<QueueEventMap<T, R>[Name]>,
  ): () => void
  stats(): QueueStats
}

/** How long to wait for jobs to claim, and how many to take. */
export interface ClaimOptions extends WaitOptions {
  /** @default 1 */
  max?: number
}

export const CLAIM_OPTIONS: OptionTable<ClaimOptions> = { max: true, signal: true, timeout: true }

/** Which workers pause: of this process, or of all. */
export interface PauseOptions {
  /** True for the workers of all processes, until resumed everywhere. In memory there are no others. @default false */
  everywhere?: boolean
}

export const PAUSE_OPTIONS: OptionTable<PauseOptions> = { everywhere: true }

/** A job in this process: its methods answer at once. */
export interface LocalJobHandle<R = unknown> extends Job<R> {
  cancel(reason?: unknown): boolean
  setPriority(priority: number): boolean
}

/** A queue in this process. Most methods answer at once, and `offer` is a `put` without a promise. */
export interface LocalQueue<T, R = unknown> extends Queue<T, R> {
  start(): this
  put(item: T, options?: PutOptions): Promise<LocalJobHandle<R>>
  putMany(
    items: readonly T[],
    options?: PutOptions | ((item: T, index: number) => PutOptions | undefined),
  ): Promise<LocalJobHandle<R>[]>
  /**
   * Puts an item if there is room now: `true` when it is accepted. It never waits, and makes neither a promise nor a
   * {@link Job}, so it is the fast way for work whose result is not awaited. A failure goes to the `failed` event.
   *
   * @returns `false` where a put would have to wait, be refused or be dropped, and for a duplicate that is refused
   * @throws ClosedError when the queue has stopped or stops
   * @example
   * if (!queue.offer(event)) shed += 1
   */
  offer(item: T, options?: PutOptions): boolean
  /**
   * Takes the next item by hand; `undefined` when no job waits now, or the limiter does not let it go. Refused where the limiter answers
   * with a promise, as one over Redis does: use {@link get}.
   */
  tryGet(): T | undefined
  size(): number
  pause(options?: PauseOptions): void
  resume(options?: PauseOptions): void
  clear(): T[]
}

/** A queue in this process that takes each item once. */
export interface LocalDedupeQueue<T, R = unknown> extends LocalQueue<T, R> {
  /** How many keys are remembered. */
  readonly keys: number
}

/** How many ended jobs are kept to be looked at: an age, or an age and a number; 0 for none. */
export type Keep = Duration | { age?: Duration; count?: number }

export const KEPT_OPTIONS: OptionTable<{ age?: Duration; count?: number }> = {
  age: true,
  count: true,
}

/** The options that all processes of a shared queue have in common. `redeclare` changes them while all run. */
export interface SharedTerms {
  groupConcurrency?: number
  limiter?: Limiter
  maxDeliveries?: number
  keep?: { completed?: Keep; dead?: Keep }
  /** Of a dedupe queue. */
  mode?: string
  ttl?: Duration
}

export const SHARED_TERMS: OptionTable<SharedTerms> = {
  groupConcurrency: true,
  limiter: true,
  maxDeliveries: true,
  keep: true,
  mode: true,
  ttl: true,
}

/** A queue whose jobs are kept in a storage, shared by all processes that make one of that name. */
export interface SharedQueue<T, R = unknown> extends Queue<T, R> {
  /** @throws OptionTypeError (rejects) naming an option that another process states differently, and both values */
  start(): Promise<this>
  size(): Promise<number>
  clear(): Promise<T[]>
  pause(options?: PauseOptions): Promise<void>
  resume(options?: PauseOptions): Promise<void>
  /**
   * Registers a function that this process runs for items `{ name, args }`, as `queued` puts them. A call of a function that is
   * not registered here goes back to the queue, for another process.
   *
   * @throws OptionTypeError where the queue has a handler, or another function has that name
   */
  // biome-ignore lint/suspicious/noExplicitAny: the functions of any user.
  serve(name: string, fn: (...args: any[]) => unknown): void
  /** Changes the options that all processes have in common, while all of them run. */
  redeclare(terms: SharedTerms): Promise<void>
}
