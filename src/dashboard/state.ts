/** The state that is sent to the page: plain JSON. Dates are milliseconds since 1970, durations are seconds. */
export interface DashboardState {
  readonly at: number
  /** The name in the head of the page. */
  readonly title: string
  /** The time since which samples are taken without a break. */
  readonly since: number
  /** For how many seconds samples are kept; 0 when they are taken only while a page is open. */
  readonly history: number
  readonly limiters: Readonly<Record<string, LimiterState>>
  readonly queues: Readonly<Record<string, QueueState>>
  readonly breakers: Readonly<Record<string, BreakerState>>
  /** Registries of breakers. Some of their breakers are among the breakers, as `name:key`. */
  readonly registries: Readonly<Record<string, RegistryState>>
  readonly schedules: Readonly<Record<string, ScheduleState>>
  readonly leaders: Readonly<Record<string, LeaderState>>
  readonly locks: Readonly<Record<string, LockState>>
  readonly processes: Readonly<Record<string, ProcessState>>
  readonly pools: Readonly<Record<string, PoolState>>
  /** The storage of the dashboard, under `redis`, if there is one. */
  readonly storage: Readonly<Record<string, StorageState>>
  readonly troubles: readonly Trouble[]
}

export interface LimiterState {
  /** The kind of its rule: `token-bucket`, `composite`, ... */
  readonly rule: string
  readonly quota?: QuotaState
  /** True when it finds its numbers itself: then they cannot be changed. */
  readonly adapts?: true
  /** True when its state is in an external storage, for many processes. */
  readonly remote: boolean
  /** Calls a second, over the last seconds. `undefined` until two samples have been taken. */
  readonly allowed?: number
  readonly denied?: number
  /** Only for a shadow: calls a second that it would deny. It denies nothing, so `allowed` counts them too. */
  readonly wouldDeny?: number
  readonly waiting: number
  /** How many keys are remembered. */
  readonly keys: number
  readonly limit: number
  /** The keys that are denied most, while a page is open. */
  readonly top?: TopKeys
  readonly whatIf?: WhatIfState
  /** The error of its storage, while it cannot be reached. */
  readonly failure?: string
}

/** The numbers of a limit, as an operator changes them. */
export interface QuotaState {
  readonly rate?: number
  /** Seconds. */
  readonly per?: number
  /** Instead of `per`: each hour, day, week or month of the calendar. Cannot be changed. */
  readonly align?: string
  /** Only for a token bucket. */
  readonly burst?: number
  /** Only for a leaky bucket. */
  readonly capacity?: number
  /** How many at once. */
  readonly limit?: number
}

export interface TopKeys {
  /** When counting began. */
  readonly since: number
  /** How many different keys were denied; with `more`, at least this number. */
  readonly keys: number
  readonly more: boolean
  /** The largest error of a rate: it may be too high by this, per second. */
  readonly error: number
  readonly list: readonly TopKey[]
  /** Denials per second of all keys that are not in the list. */
  readonly others: number
}

export interface TopKey {
  readonly key: string
  /** Denials per second. */
  readonly rate: number
  /** The `retryAfter` of the last denial in seconds, less the time since. */
  readonly retryAfter: number
  /** When it was denied first since counting began. */
  readonly since: number
  /** The end of a block that was set on this page, and its user. */
  readonly blocked?: { readonly until: number; readonly by?: string }
}

export interface WhatIfState {
  readonly quota: QuotaState
  readonly since: number
  readonly calls: number
  /** How many calls get the same answer. */
  readonly agree: number
  /** Calls a second that are denied now, and that the candidate would deny. */
  readonly denied: number
  readonly wouldDeny: number
  /** Keys that are denied now, and that the candidate would deny; up to a bound. */
  readonly keys: number
  readonly wouldDenyKeys: number
  /** How many more calls per second the candidate would let through; negative when it is stricter. */
  readonly besides: number
  /** Time, and denials per second by the candidate, for each sample since the trial began. */
  readonly series: readonly (readonly [number, number])[]
}

export interface QueueState {
  readonly kind?: string
  readonly remote: boolean
  /** False for a queue that was found in the storage and does not run in this process. */
  readonly here: boolean
  readonly paused: boolean
  /** How many jobs may run at once in this process. */
  readonly workers?: number
  /** For a queue in a storage: how many processes have it open, to put or to work. With 0, no process works on it. */
  readonly processes?: number
  readonly waiting: number
  readonly delayed: number
  readonly running: number
  readonly dead: number
  readonly completed: number
  readonly failed: number
  /** How long the first due job has waited. */
  readonly oldest: number
  /** Per second, over the last seconds. */
  readonly put?: number
  readonly done?: number
  readonly died?: number
  /** Seconds that a run takes: from its metrics, or by Little's law from the numbers of running and ended jobs. */
  readonly run?: number
  readonly p99?: number
  /** The error, while its storage cannot be reached. */
  readonly failure?: string
}

export interface BreakerState {
  readonly state: 'closed' | 'open' | 'half_open' | 'isolated'
  /** When the state began. */
  readonly since: number
  /** Seconds until a probe may pass; absent when the time is unknown. */
  readonly retryAfter?: number
  readonly calls: number
  readonly failedOf: number
  readonly inARow: number
  readonly opened: number
  readonly running: number
  readonly refused?: number
  readonly failing?: number
  readonly passing?: number
  readonly error?: string
  /** Only while half open: how many probes have succeeded, and how many must succeed. */
  readonly probes?: { readonly passed: number; readonly needed: number }
  /** Only for a breaker of a registry: its key. */
  readonly key?: string
  /** Its changes of state, the latest last. */
  readonly changes: readonly BreakerChangeState[]
}

export interface BreakerChangeState {
  readonly at: number
  readonly state: BreakerState['state']
  /** Seconds for which it opened. */
  readonly openFor?: number
  /** How many times it has opened without closing: the second time, its first probe failed. */
  readonly trips?: number
  readonly error?: string
  readonly calls?: number
  readonly failed?: number
  /** Seconds that the failed probe took, when a probe opened it again. */
  readonly took?: number
}

export interface RegistryState {
  /** How many breakers it keeps, and how many of them are shown. */
  readonly keys: number
  readonly shown: number
}

export interface ScheduleState {
  readonly kind?: 'every' | 'cron' | 'at'
  readonly when?: string
  readonly timezone?: string
  readonly next?: number
  readonly last?: number
  readonly running: number
  readonly completed: number
  readonly failed: number
  readonly skipped: number
  readonly missed: number
  readonly overlap?: string
  readonly error?: string
  readonly recent: readonly RunState[]
  /** Slots of the next day, 200 at most. */
  readonly upcoming: readonly number[]
  /** False for a schedule that only the storage knows. */
  readonly here: boolean
}

export interface RunState {
  readonly at: number
  readonly seconds: number
  readonly outcome: 'running' | 'completed' | 'failed' | 'aborted' | 'skipped'
}

export interface LeaderState {
  /** The name of the process that leads; absent when there is no leader. */
  readonly leader?: string
  readonly fence?: number
  readonly since?: number
  /** Seconds for which the lease holds without a renewal. */
  readonly left: number
  /** The candidates that do not lead, as far as processes tell. */
  readonly follow: readonly string[]
  /** Set when there is no leader and no known candidate, which is no trouble. Such an election is remembered for 7 days. */
  readonly over?: true
  /** True when this process leads. */
  readonly here: boolean
  /** The latest 20 changes: the time, and the leader from then on. */
  readonly changes: readonly (readonly [number, string])[]
}

export interface LockState {
  /** How many calls wait for the lock, and for how many seconds the first one, as far as processes tell. */
  readonly waiting?: number
  readonly longest?: number
  readonly holder?: string
  readonly fence: number
  readonly since?: number
  readonly left: number
}

export interface ProcessState {
  readonly host?: string
  readonly pid?: number
  readonly runtime?: string
  readonly version?: string
  readonly started: number
  readonly heard: number
  /** How late the event loop was at worst, in seconds, over the last samples. */
  readonly late: number
  /** Share of one core. */
  readonly cpu?: number
  readonly memory?: number
  readonly works: Readonly<Record<string, number>>
  readonly leads: readonly string[]
  readonly limiters: number
  /** The names of its schedules. A process of an earlier version does not tell them. */
  readonly schedules?: readonly string[]
  readonly here: boolean
}

export interface PoolState {
  readonly workers: number
  readonly min: number
  readonly max: number
  readonly running: number
  readonly waiting: number
  readonly done?: number
  /** When the number of workers was changed last, and from how many to how many. */
  readonly resized?: { readonly at: number; readonly from: number; readonly to: number }
}

export interface StorageState {
  readonly reachable: boolean
  /** The time since which it cannot be reached, or does not take the state of this process. */
  readonly since?: number
  readonly failure?: string
  /** Seconds that an answer takes. */
  readonly p50?: number
  readonly p99?: number
  readonly version?: string
  readonly memory?: number
  readonly maxMemory?: number
  readonly policy?: string
  /** Scripts a second that the server runs, of all its clients. */
  readonly scripts?: number
  /** True when there were more keys than were read. */
  readonly partial?: boolean
}

export type TroubleKind =
  | 'limiter'
  | 'queue'
  | 'breaker'
  | 'schedule'
  | 'leader'
  | 'process'
  | 'storage'

export type TroubleCode =
  | 'open'
  | 'half_open'
  | 'behind'
  | 'unreachable'
  | 'denies'
  | 'skipped'
  | 'failed'
  | 'leaderless'
  | 'changes'
  | 'silent'
  | 'late'

/** Something that is wrong. The worst comes first. */
export interface Trouble {
  readonly kind: TroubleKind
  readonly name: string
  readonly code: TroubleCode
  readonly level: 'bad' | 'warn'
  readonly since: number
  /** False when the trouble may have begun earlier, while no page was open. */
  readonly exact: boolean
  /** The usual range of each figure with a history; absent when too few samples were taken before the trouble began. */
  readonly usual?: readonly (UsualRange | null)[]
}

/** The range of 8 of 10 samples: the lowest, the median, the highest. */
export type UsualRange = readonly [number, number, number]

/** Something that has happened: a trouble began or ended, or a user acted. */
export interface Happening {
  /** Rises by one. */
  readonly id: number
  readonly at: number
  readonly kind: TroubleKind | 'pool'
  readonly name: string
  /** Only for a trouble: which one, and whether it `began` or `ended`. */
  readonly code?: TroubleCode
  readonly phase?: 'began' | 'ended'
  readonly level?: 'bad' | 'warn'
  /** Only for an action: its verb, the user and the reason. */
  readonly action?: string
  readonly who?: string
  readonly reason?: string
  /** The key or the job of the action. */
  readonly target?: string
  readonly detail?: string
}

/** The history: a sample each 5 s, at the times in `times`. */
export interface HistoryState {
  readonly times: readonly number[]
  /** By kind and name, such as `queue/mails`: a list for each figure, with `null` for an unknown value. */
  readonly series: Readonly<Record<string, readonly (readonly (number | null)[])[]>>
}

export interface Sample {
  readonly at: number
  readonly values: Readonly<Record<string, readonly (number | null)[]>>
}

/** The user of a page. */
export interface Viewer {
  readonly may: 'read' | 'all'
  readonly user?: string
}

/** The first message of a stream, and the answer of `api/state`. */
export interface Snapshot extends DashboardState {
  readonly me: Viewer
  readonly past: HistoryState
  readonly happened: readonly Happening[]
}

/** The changes since the message before: the whole of each changed part, and `null` for a part that is gone. */
export type Delta = {
  readonly at: number
  readonly sample?: Sample
  readonly happened?: readonly Happening[]
} & {
  readonly [Key in Exclude<
    keyof DashboardState,
    'at'
  >]?: DashboardState[Key] extends readonly unknown[]
    ? DashboardState[Key]
    : DashboardState[Key] extends object
      ? Readonly<Record<string, unknown>>
      : DashboardState[Key]
}

/** The sections of a state that hold parts by name. */
export const SECTIONS = [
  'limiters',
  'queues',
  'breakers',
  'registries',
  'schedules',
  'leaders',
  'locks',
  'processes',
  'pools',
  'storage',
] as const

export type Section = (typeof SECTIONS)[number]
