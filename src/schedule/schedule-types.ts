import type { Clock } from '../core/clock.ts'
import type { Duration } from '../core/duration.ts'
import type { Values } from '../core/storage.ts'
import type { RetryOptions } from '../resilience/retry.ts'
import type { SlotKeeper } from './slot-keeper.ts'

/** What all jobs of a {@link Scheduler} share: zone, clock, defaults, and how a fleet runs each slot once. */
export interface SchedulerOptions {
  /** The zone of cron expressions, such as `'Europe/Berlin'`. @default the zone of the machine */
  timezone?: string
  /** Remembers slots, so that a job runs once across all schedulers that share it. Jobs are told apart by name. */
  storage?: Values
  /** As `storage`, by other means or with other options. */
  slots?: SlotKeeper
  /**
   * Only the leader runs jobs; the others let their slots pass. With `storage` as well, a change of leader runs no slot
   * twice.
   */
  coordinator?: Leadership
  /** What jobs do that do not say otherwise. */
  defaults?: Omit<JobOptions, 'name' | 'timezone'>
  /** @default the runtime's clocks and timers */
  clock?: Clock
  /** Numbers from 0 to 1 for the jitter. @default Math.random */
  random?: () => number
}

/** What a scheduler has to know about leadership. */
export interface Leadership {
  readonly isLeader: boolean
}

/** What a slot meets that comes while an earlier run has not ended, in this process. */
export type Overlap = 'skip' | 'queue' | 'replace' | { parallel: number }

/** How a job is scheduled: its name and zone, and what happens when it overlaps, is late, hangs or fails. */
export interface JobOptions {
  /** Tells jobs apart, also across a fleet and across restarts. @default the name of the function, or the schedule */
  name?: string
  /** For cron. @default the scheduler's */
  timezone?: string
  /**
   * While an earlier run has not ended: `skip` the slot; `queue` it, one at most; `replace` the run: abort its signal,
   * wait until it has ended, then run; or run beside it, `{ parallel: n }` at most.
   * @default 'skip'
   */
  overlap?: Overlap
  /** Slots that passed while the process was busy, suspended or off: forget them, or run `once` for all. @default 'once' */
  misfire?: 'skip' | 'once'
  /** A run that begins this long after its slot is on time. @default '1s' */
  tolerance?: Duration
  /** Each run begins up to so much after its slot, at random. @default 0 */
  jitter?: Duration
  /**
   * Aborts the signal of an attempt that takes longer, which has then failed. It holds its place until it has ended.
   * @default no end
   */
  timeout?: Duration
  /** Tries a failed run again: so many attempts, or how. @default no */
  retry?: number | RetryOptions
}

/** What a job gets to know about its run. */
export interface JobRun {
  readonly name: string
  /** The time it is for, which may be a little earlier than now. */
  readonly slot: Date
  /** 1, and more when it is tried again. */
  readonly attempt: number
  /** It begins later than `tolerance` allows, and makes up for the slots that were missed. */
  readonly late: boolean
  /** Aborts on timeout, when the run is replaced, and when the scheduler cannot wait any longer. */
  readonly signal: AbortSignal
}

/** What a scheduled job does. What it returns is told to listeners; what it throws fails the attempt. */
export type JobFunction = (run: JobRun) => unknown

/** A job that was given to a scheduler. */
export interface ScheduledJob {
  readonly name: string
  /** How it stands. */
  info(): JobInfo
  /** No more slots. Runs that have begun go on. */
  cancel(): void
}

/** What is known about a scheduled job now. Counts are of this process. */
export interface JobInfo {
  name: string
  kind: 'every' | 'cron' | 'at'
  /** The schedule as text: `every 5 s`, the cron expression, or a date. */
  schedule: string
  /** Undefined when there is none, or the scheduler has not been started. */
  nextRun: Date | undefined
  /** When its latest run began here. */
  lastRun: Date | undefined
  lastError: unknown
  /** Runs that have not ended. */
  running: number
  completed: number
  failed: number
  /** Slots that were not run, because a run had not ended or another process had taken them. */
  skipped: number
  /** Slots that passed without being noticed in time. */
  missed: number
}

/** One run of a scheduled job: which job, and the time it was due. */
export interface RunRecord {
  name: string
  slot: Date
}

/** Why a slot was not run. */
export type SkipReason =
  /** An earlier run had not ended. */
  | 'overlap'
  /** Another process of the fleet runs it. */
  | 'taken'
  /** Another process leads. */
  | 'not-leader'
  /** It is older than what the fleet remembers. */
  | 'forgotten'
  /** It could not be found out whether another process runs it. */
  | 'unknown'

/** What {@link Scheduler.on} can listen to, and what each listener is told. */
export interface SchedulerEvents {
  started: RunRecord & { late: boolean }
  completed: RunRecord & { seconds: number; value: unknown }
  /** For good: no attempt is left. Written to the console while nobody listens. */
  failed: RunRecord & { seconds: number; error: unknown; attempts: number }
  /** It will be tried again after `delay` seconds. */
  retry: RunRecord & { error: unknown; attempt: number; delay: number }
  /** It ended with an error after it was replaced, or after the scheduler stopped waiting for it. */
  aborted: RunRecord & { error: unknown }
  skipped: RunRecord & { reason: SkipReason }
  /** Slots from `first` to `slot` passed unnoticed: `count` of them, or `more`. Does one run make up for them? */
  misfire: RunRecord & { first: Date; count: number; more: boolean; run: boolean }
  /** Something round the job did not work, such as the storage. Written to the console while nobody listens. */
  error: { name: string; error: unknown }
}

/** How patient {@link Scheduler.stop} is with runs that have not ended. */
export interface SchedulerStopOptions {
  /** `drain` lets runs end, `drop` aborts them at once. @default 'drain' */
  mode?: 'drain' | 'drop'
  /** How long runs may take to end before they are aborted. @default no end; with `drop` 0 */
  deadline?: Duration
  /** How long aborted runs may take to end. @default '1s' */
  grace?: Duration
}

/** What had been done and what had not when a {@link Scheduler} stopped. */
export interface SchedulerStopReport {
  /** Runs that completed and failed, since the scheduler was made. */
  completed: number
  failed: number
  /** Slots that had come and not begun: queued behind a run, or waiting for their jitter. */
  notStarted: RunRecord[]
  /** Begun, aborted, and ended. */
  aborted: RunRecord[]
  /** Begun, and deaf to their signal: they still run. */
  stillRunning: RunRecord[]
}
