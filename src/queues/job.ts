import type { OptionTable } from '../core/check.ts'
import type { Duration } from '../core/duration.ts'

/**
 * The state of a job. `offered`: waits for room; `delayed`: not due yet, or between two attempts; `duplicate`: refused in
 * favour of another. The last five are final.
 */
export type JobState =
  | 'offered'
  | 'delayed'
  | 'waiting'
  | 'running'
  | 'completed'
  | 'failed'
  | 'cancelled'
  | 'dropped'
  | 'duplicate'

/** The job that `put` resolves with: read its state, await its result, change its priority, cancel it. */
export interface Job<R = unknown> {
  readonly id: string
  readonly state: JobState
  readonly priority: number
  /** How many attempts have begun. */
  readonly attempt: number
  /** The latest value of `ctx.progress`. */
  readonly reported: unknown
  /**
   * What the handler returned, or the error that ended the job. It may be left unwatched: a failure then goes to the
   * queue's `failed` event and never to the process.
   */
  readonly result: Promise<R>
  /**
   * Cancels the job. A waiting job never starts. The signal of a running job aborts, and the job keeps its worker until the
   * handler returns. In both cases `result` rejects: in memory with `reason`, over a storage with a JobCancelledError whose
   * `cause` is `reason`; there a running job whose handler completes all the same has completed, and `result` resolves. Returns `false` when the job had ended before. Over a storage the answer is a promise: `await` serves both.
   *
   * A `signal` of the put cancels the job too; `result` then rejects with the reason of the signal.
   *
   * @param reason also the reason of the handler's signal; over a storage it travels as JSON. @default a JobCancelledError
   */
  cancel(reason?: unknown): boolean | Promise<boolean>
  /**
   * Changes the priority of a waiting job. Returns `false` when the job no longer waits, or the queue has no
   * priorities. Over a storage the answer is a promise: `await` serves both.
   */
  setPriority(priority: number): boolean | Promise<boolean>
}

/** What a handler is told beside its item. */
export interface TaskContext {
  /** The same in every attempt: the idempotency key. */
  readonly id: string
  /** 1 for the first try. */
  readonly attempt: number
  /**
   * Which claim of the job this is: it rises with every claim, also where one was given back before the handler began. A fence against
   * a worker that comes too late. The idempotency key is `id`: it is the same in every attempt.
   */
  readonly delivery: number
  /** Aborts when the job is cancelled, runs too long, is lost to another process, or its queue stops and will not wait any more. */
  readonly signal: AbortSignal
  /** Reports how far the job has come, in any form; `queue.job(id)` shows it. */
  progress(value: unknown): void
}

/** Does the work of one job; what it returns is the result, what it throws fails the attempt. */
// biome-ignore lint/suspicious/noExplicitAny: queues do not look into items.
export type Handler<T = any, R = any> = (item: T, context: TaskContext) => R | PromiseLike<R>

/** An error as it is shown beside a job. */
export interface JobErrorInfo {
  name: string
  message: string
  code?: string
  /** The stack, as the engine writes it; only for the last error. */
  stack?: string
}

/** One attempt at a job. */
export interface JobAttempt {
  startedAt: Date
  endedAt: Date
  error?: JobErrorInfo
  /** Over a storage: the name of the process in which the attempt failed. */
  by?: string
}

/** All that a queue can tell about one of its jobs. */
export interface QueuedJobInfo<T = unknown, R = unknown> {
  id: string
  state: 'waiting' | 'delayed' | 'running' | 'dead' | 'completed'
  item: T
  priority: number
  group?: string
  /** How many attempts have begun. */
  attempts: number
  /** How often the job was claimed, with the claims that were lost or given back. */
  deliveries: number
  createdAt: Date
  /** When a delayed job becomes due. */
  dueAt?: Date
  startedAt?: Date
  endedAt?: Date
  progress?: unknown
  result?: R
  error?: JobErrorInfo
  /** The last five attempts that have ended, oldest first. */
  tries: JobAttempt[]
  /** Until when a dead or completed job is kept by its age; it may go earlier where too many are kept. Absent where its age does not matter. */
  keptUntil?: Date
  /** Over a storage with `carryTraces`: the id of the trace in which the job was put. */
  trace?: string
}

/** Which jobs `queue.jobs` lists. */
export interface ListOptions {
  state: 'waiting' | 'delayed' | 'running' | 'dead' | 'completed'
  /** How many at most. @default 100 */
  limit?: number
  /** Where the page before ended. @default the beginning */
  cursor?: string
}

export const LIST_OPTIONS: OptionTable<ListOptions> = { state: true, limit: true, cursor: true }

/** How many jobs a queue has, by state. */
export interface QueueCounts {
  /** Due, and begun by no worker. */
  waiting: number
  delayed: number
  running: number
  /** Failed for good, and kept: see the option `keep`. */
  dead: number
  /** How many jobs have completed since the queue was made. */
  completed: number
  /** How many jobs have failed for good since the queue was made. */
  failed: number
  /** How many seconds the first of the due jobs has waited; 0 where none waits. */
  oldest: number
}

/** How many groups `queue.groups` returns, and how many it looks at. */
export interface GroupsOptions {
  /** How many at most. @default 20 */
  limit?: number
  /** Looks at this number of groups at most, in any order: thousands of groups over Redis take a while. @default all */
  among?: number
}

export const GROUPS_OPTIONS: OptionTable<GroupsOptions> = { limit: true, among: true }

/** The numbers of one group. */
export interface GroupInfo {
  group: string
  waiting: number
  running: number
  /** For how many seconds the first due job of the group has waited. */
  oldest: number
}

/** Which dead jobs `queue.deadByError` looks at. */
export interface DeadByErrorOptions {
  /** Looks only at this number of the latest dead jobs: to look at a million takes a while. @default all */
  latest?: number
}

export const DEAD_BY_ERROR_OPTIONS: OptionTable<DeadByErrorOptions> = { latest: true }

/** How many of the dead jobs died of one error. */
export interface DeadJobsByError {
  error: string
  count: number
  first: Date
  last: Date
}

/** Which dead jobs wait again. */
export interface RedriveOptions {
  /** Jobs wait again in the order of their ids; without ids, in the order in which they died. */
  ids?: readonly string[]
  /** How many at most; those that stay dead do not count. @default all */
  limit?: number
  /** Only jobs that died of an error with this message. */
  error?: string
  /** Looks only at this number of the latest dead jobs: to look at a million takes a while. @default all */
  latest?: number
}

export const REDRIVE_OPTIONS: OptionTable<RedriveOptions> = {
  ids: true,
  limit: true,
  error: true,
  latest: true,
}

/** A job that was claimed by hand: exactly one of `complete`, `fail` and `release` ends the claim. */
export interface JobClaim<T = unknown, R = unknown> {
  readonly id: string
  readonly item: T
  /** The number of this claim of the job. Rises with every claim: a fence against a claim that comes too late. */
  readonly delivery: number
  /** Aborts when the job is cancelled, or the claim is lost. */
  readonly signal: AbortSignal
  /** The job is done. `false` where the claim was lost before. */
  complete(result?: R): Promise<boolean>
  /** The attempt has failed: the job is tried again or dies, as `retry` says. `false` where the claim was lost before. */
  fail(error: unknown): Promise<boolean>
  /** Gives the job back to its old place, or for later. It counts neither as an attempt nor as a loss. */
  release(delay?: Duration): Promise<boolean>
}
