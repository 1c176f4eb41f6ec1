import type { Millis } from '../core/duration.ts'
import type { QueuedJob } from './job.ts'

/** How a claim ended. `retry` puts the job back for later; `return` puts it back as if it had not been claimed. */
export type Outcome = 'completed' | 'failed' | 'retry' | 'return'

/** How many jobs a {@link Backend} holds, by what they wait for. */
export interface BackendCounts {
  /** Due, and claimed by nobody. */
  waiting: number
  /** Not due yet. */
  delayed: number
  /** Claimed and not settled. */
  active: number
}

export type MaybePromise<T> = T | Promise<T>

/**
 * Where jobs are kept between put and settle: the seam between queues and what remembers them.
 *
 * A claim is a **lease**. It is known by its delivery number (`job.deliveries` at the time of the claim), ends when it is
 * settled or when its time is over, and may end behind the back of whoever holds it: then `settle` and `extend` answer
 * `false`, and somebody else works on the job with a higher delivery number. So a job is done at least once, and settled
 * once.
 *
 * Moves may answer at once or with a promise. What a backend hands out are jobs as this process knows them: the very
 * object that was pushed where that happened here, a new one where it happened elsewhere.
 */
export interface Backend {
  /** How long a claim holds unless extended; `Infinity` where only the end of the process ends it. */
  readonly lease: Millis
  /** Keeps `job`, unless `maxSize` jobs wait already. A job whose `extras.due` lies ahead waits for that. */
  push(job: QueuedJob, maxSize: number): MaybePromise<boolean>
  /** Leases up to `max` of the due jobs, best first. */
  claim(max: number): MaybePromise<readonly QueuedJob[]>
  /**
   * Ends a claim. With `retry` the job is due again after `delay`; the delivery number keeps counting.
   * @returns `false` when it comes too late
   */
  settle(job: QueuedJob, delivery: number, verdict: Outcome, delay: Millis): MaybePromise<boolean>
  /** Holds a claim for another `lease`. `false` when it is lost. */
  extend(job: QueuedJob, delivery: number): MaybePromise<boolean>
  /** Forgets a job that nobody has claimed. `false` when somebody has, or it is unknown. */
  cancel(job: QueuedJob): MaybePromise<boolean>
  /** Moves a job that nobody has claimed. */
  reprioritise(job: QueuedJob, priority: number): MaybePromise<boolean>
  counts(): MaybePromise<BackendCounts>
  /** Calls `run` whenever there may be something new to claim. */
  onWake(run: () => void): () => void
  /** Calls `run` whenever there may be room again after a push was refused. */
  onRoom(run: () => void): () => void
  /** Lets go of timers and connections. */
  close(): MaybePromise<void>
}

/**
 * What a consumer claims from, without a promise in between: the direct route of a backend in this process, or the lot
 * that was claimed ahead from one that is not.
 */
export interface Source {
  /** How many `take` would hand out now. */
  readonly ready: number
  /** How many that would be if nothing held them back. */
  readonly standing: number
  /**
   * Claims one.
   * @param company is it only wanted along with others? Then what holds it back is not asked to let it go
   */
  take(company?: boolean): QueuedJob | undefined
  settle(job: QueuedJob, delivery: number, verdict: Outcome, delay: Millis): MaybePromise<boolean>
}

/** A backend in this process: every move answers at once. */
export interface LocalBackend extends Backend, Source {
  push(job: QueuedJob, maxSize: number): boolean
  claim(max: number): readonly QueuedJob[]
  settle(job: QueuedJob, delivery: number, verdict: Outcome, delay: Millis): boolean
  extend(job: QueuedJob, delivery: number): boolean
  cancel(job: QueuedJob): boolean
  reprioritise(job: QueuedJob, priority: number): boolean
  counts(): BackendCounts
  close(): void
  /** Push and claim in one move, for a job that somebody is free to do at once. */
  begin(job: QueuedJob): void
  /** All that nobody has claimed, best first. */
  jobs(): Iterable<QueuedJob>
  /** Who goes first when room must be made. */
  oldest(): QueuedJob | undefined
}
