import type { OptionTable } from '../core/check.ts'
import type { Clock } from '../core/clock.ts'
import type { Duration } from '../core/duration.ts'
import type { Metered } from '../core/meter.ts'
import type { Values } from '../core/storage.ts'
import type { RetryOptions } from '../resilience/retry.ts'
import type { SlotKeeper } from './slot-keeper.ts'

/** Options of a {@link Scheduler}, and the defaults of its jobs. */
export interface SchedulerOptions extends Metered {
  /** The name in metrics only. Over a storage, jobs are told apart by their own names. @default 'scheduler' */
  name?: string
  /** The zone of cron expressions, such as `'Europe/Berlin'`. @default the zone of the machine */
  timezone?: string
  /** Remembers slots, so that a job runs once across all schedulers that share it. Jobs are told apart by name. */
  storage?: Values
  /** In place of `storage`: a keeper of slots of your own, or of `slotKeeper` with other options. */
  slots?: SlotKeeper
  /**
   * Only the leader runs jobs; the slots of the other processes pass. A `Coordinator` takes part in the election from `start` to `stop`.
   * With `storage` as well, no slot runs twice when the leader changes.
   */
  coordinator?: Leadership
  /** The defaults of its jobs. */
  defaults?: Omit<JobOptions, 'name' | 'timezone'>
  /** @default the runtime's clocks and timers */
  clock?: Clock
  /** Numbers from 0 to 1 for the jitter. @default Math.random */
  random?: () => number
}

export const SCHEDULER_OPTIONS: OptionTable<SchedulerOptions> = {
  name: true,
  timezone: true,
  storage: true,
  slots: true,
  coordinator: true,
  defaults: true,
  clock: true,
  random: true,
  metrics: true,
}

/** The part of a `Coordinator` that a scheduler needs. */
export interface Leadership {
  readonly isLeader: boolean
  /** Leads whenever it can, until `end` is called. */
  campaign?(): Campaign
}

/** A candidacy that stands until it is ended. */
export interface Campaign {
  /** Gives up the leadership. Resolves when another process may lead. */
  end(): Promise<void>
}

/** The treatment of a slot that comes while an earlier run has not ended in this process. */
export type Overlap = 'skip' | 'queue' | 'replace' | { parallel: number }

/** Options of one job of a {@link Scheduler}: its name, its time zone, overlapping and missed runs, retries. */
export interface JobOptions {
  /**
   * Identifies the job in `listJobs`, events and metrics. With a storage it also identifies the job across processes and restarts: of
   * jobs with the same name, one runs. So with a storage, always give it.
   * @default the name of the function, or the schedule
   */
  name?: string
  /** For cron. @default the scheduler's */
  timezone?: string
  /**
   * As `coordinator` of the scheduler, for this job alone. The scheduler does not take part in its election: call `campaign` or `lead`.
   * @default the scheduler's
   */
  coordinator?: Leadership
  /**
   * While an earlier run has not ended: `skip` the slot; `queue` the slot, at most one; `replace` the run: abort its signal, wait
   * until it has ended, then run the slot; or `{ parallel: n }`: run the slot at the same time, at most `n` runs.
   * @default 'skip'
   */
  overlap?: Overlap
  /** For slots that passed while the process was busy, suspended or off: `skip` them, or run `once` for all of them. @default 'once' */
  misfire?: 'skip' | 'once'
  /** A run that begins this long after its slot is on time. @default '1s' */
  tolerance?: Duration
  /**
   * Also runs the job once when the scheduler starts, or at once if it has started already. With `storage`, one process runs it for all
   * processes that start before the same slot; when that process dies during this run, no other process repeats it. Not together with
   * a coordinator: at the start there is no leader.
   * @default false
   */
  runAtStart?: boolean
  /**
   * The job ends after this number of runs, the run at the start included. With `storage`, that is the number of runs
   * in all processes, restarts included: to begin anew, give the job another `name`. Failed runs count; attempts of
   * one run, skipped slots and `scheduler.run` do not.
   * @default no end
   */
  maxRuns?: number
  /** Each run begins at a random time after its slot, at most this much later. @default 0 */
  jitter?: Duration
  /**
   * The most time for one attempt. A longer attempt fails and its signal aborts; the run keeps its place until the function has ended.
   * @default no limit
   */
  timeout?: Duration
  /** Tries a failed run again: the number of attempts, the first one included, or all options of the retry. @default 1 attempt */
  retry?: number | RetryOptions
}

export const JOB_DEFAULTS: OptionTable<NonNullable<SchedulerOptions['defaults']>> = {
  coordinator: true,
  overlap: true,
  misfire: true,
  tolerance: true,
  jitter: true,
  timeout: true,
  retry: true,
  runAtStart: true,
  maxRuns: true,
}

export const JOB_OPTIONS: OptionTable<JobOptions> = { ...JOB_DEFAULTS, name: true, timezone: true }

/** The argument of a job's function. */
export interface JobRun {
  readonly name: string
  /** The time at which the run was due. */
  readonly slot: Date
  /** 1, and more when it is tried again. */
  readonly attempt: number
  /** True when the run begins later than `tolerance` allows, and makes up for missed slots. */
  readonly late: boolean
  /** Aborts on timeout, when the run is replaced, and when the scheduler cannot wait any longer. */
  readonly signal: AbortSignal
}

/** The function of a job. */
export type JobFunction = (run: JobRun) => unknown

/** A job that was given to a scheduler. */
export interface ScheduledJob {
  readonly name: string
  /** Its runs, counts and next run. */
  info(): JobInfo
  /** Removes the job. Its current runs go on. */
  cancel(): void
}

/** One of the latest runs or skipped slots of a job. */
export interface RunSummary {
  /** When it began, or would have begun. */
  at: Date
  /** How long it took, in seconds: until now for a run that has not ended, 0 for a skipped slot. */
  seconds: number
  outcome: 'running' | 'completed' | 'failed' | 'aborted' | 'skipped'
}

/** A job of a {@link Scheduler}, as `listJobs` shows it. */
export interface JobInfo {
  name: string
  kind: 'every' | 'cron' | 'at'
  /** The schedule as text: `every 5 s`, the cron expression, or a date. */
  schedule: string
  /** Undefined when there is none; also for `every` before the start, because its slots count from the start (without a storage). */
  nextRun: Date | undefined
  /** When its latest run in this process began. */
  lastRun: Date | undefined
  lastError: unknown
  /** Runs that have not ended. */
  running: number
  completed: number
  failed: number
  /** Slots that were not run, because a run had not ended or another process had taken them. */
  skipped: number
  /** Slots that passed while the process was busy, suspended or off. */
  missed: number
  /** How many runs may still begin, by `maxRuns`, as far as this process knows; `undefined` without `maxRuns`. */
  runsLeft: number | undefined
  /** What happens to a slot while an earlier run has not ended. */
  overlap: 'skip' | 'queue' | 'replace' | 'parallel'
  /** The zone of a cron expression, where it was given. */
  timezone: string | undefined
  /** The latest 20 runs and skipped slots of this process, oldest first. Slots that another process runs are not among them. */
  recent: RunSummary[]
}

/** One run of a scheduled job that has ended. */
export interface RunRecord {
  name: string
  slot: Date
}

/** The reason for which a due run was skipped. */
export type SkipReason =
  /** An earlier run had not ended. */
  | 'overlap'
  /** Another process of the fleet runs it. */
  | 'taken'
  /** Another process leads. */
  | 'not-leader'
  /** The slot is older than the slots that the fleet remembers. */
  | 'forgotten'
  /** The fleet has begun `maxRuns` runs. */
  | 'max-runs'
  /** The storage did not say whether another process runs the slot. */
  | 'unknown'

/** The events of `scheduler.on`, by name. */
export interface SchedulerEvents {
  started: RunRecord & { late: boolean }
  completed: RunRecord & { seconds: number; value: unknown }
  /** The run has failed and has no more attempts. Written to the console when there is no listener. */
  failed: RunRecord & { seconds: number; error: unknown; attempts: number }
  /** An attempt has failed; the next one begins after `delay` seconds. */
  retry: RunRecord & { error: unknown; attempt: number; delay: number }
  /** The run ended with an error after it was replaced, or after the scheduler stopped waiting for it. */
  aborted: RunRecord & { error: unknown }
  skipped: RunRecord & { reason: SkipReason }
  /** Slots from `first` to `slot` were missed: `count` of them, or `more`. `run` is true when one run makes up for them. */
  misfire: RunRecord & { first: Date; count: number; more: boolean; run: boolean }
  /** Something around the job failed, such as the storage. Written to the console when there is no listener. */
  error: { name: string; error: unknown }
}

export const SCHEDULER_EVENTS: OptionTable<SchedulerEvents> = {
  started: true,
  completed: true,
  failed: true,
  retry: true,
  aborted: true,
  skipped: true,
  misfire: true,
  error: true,
}

/** Options of `scheduler.stop`: whether runs may finish, and by when. */
export interface SchedulerStopOptions {
  /** `drain` lets runs end, `drop` aborts them at once. @default 'drain' */
  mode?: 'drain' | 'drop'
  /** How long runs may take to end before they are aborted. @default no end; with `drop` 0 */
  deadline?: Duration
  /** How long aborted runs may take to end. @default '1s' */
  grace?: Duration
}

export const SCHEDULER_STOP_OPTIONS: OptionTable<SchedulerStopOptions> = {
  mode: true,
  deadline: true,
  grace: true,
}

/** The report of `scheduler.stop`. */
export interface SchedulerStopReport {
  /** Runs that completed and failed, since the scheduler was made. */
  completed: number
  failed: number
  /** Due slots whose run had not begun: queued behind a run, or waiting for their jitter. */
  notStarted: RunRecord[]
  /** Runs that were aborted and have ended. */
  aborted: RunRecord[]
  /** Runs that ignore their signal and still run. */
  stillRunning: RunRecord[]
}
