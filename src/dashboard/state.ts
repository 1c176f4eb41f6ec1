/** What the page is sent: plain JSON. Times of the day are milliseconds since 1970, all other times are seconds. */
export interface DashboardState {
  readonly at: number
  /** The name in the head of the page. */
  readonly title: string
  /** Since when samples have been taken without a break. */
  readonly since: number
  /** For how many seconds samples are kept; 0 where they are taken only while a page is open. */
  readonly history: number
  readonly limiters: Readonly<Record<string, LimiterState>>
  readonly queues: Readonly<Record<string, QueueState>>
  readonly breakers: Readonly<Record<string, BreakerState>>
  /** Breakers of which there is one for each key; some of them are among the breakers, as `name:key`. */
  readonly registries: Readonly<Record<string, RegistryState>>
  readonly schedules: Readonly<Record<string, ScheduleState>>
  readonly leaders: Readonly<Record<string, LeaderState>>
  readonly locks: Readonly<Record<string, LockState>>
  readonly processes: Readonly<Record<string, ProcessState>>
  readonly pools: Readonly<Record<string, PoolState>>
  /** The storage of the dashboard, under `redis`, where there is one. */
  readonly storage: Readonly<Record<string, StorageState>>
  readonly troubles: readonly Trouble[]
}

export interface LimiterState {
  /** The kind of its rule: `token-bucket`, `composite`, ... */
  readonly rule: string
  readonly quota?: QuotaState
  /** True when it finds its numbers itself: then they cannot be changed. */
  readonly adapts?: true
  /** True when its state is kept elsewhere, for many processes. */
  readonly remote: boolean
  /** Calls a second, over the last seconds. `undefined` until two samples have been taken. */
  readonly allowed?: number
  readonly denied?: number
  /** Only for a shadow: calls a second that it would deny. It denies nothing, so `allowed` counts them too. */
  readonly wouldDeny?: number
  readonly waiting: number
  /** Keys that are remembered. */
  readonly keys: number
  readonly limit: number
  /** The keys that are denied most, while a page is open. */
  readonly top?: TopKeys
  readonly whatIf?: WhatIfState
  /** Why its storage could not be asked last. */
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
  /** How many different keys were denied; `more` where there are more than can be told apart. */
  readonly keys: number
  readonly more: boolean
  /** By how much a rate may be told too high, per second. */
  readonly error: number
  readonly list: readonly TopKey[]
  /** Denied a second of all that are not in the list. */
  readonly others: number
}

export interface TopKey {
  readonly key: string
  /** Denied a second. */
  readonly rate: number
  /** Seconds, as the last denial said; less what has passed since. */
  readonly retryAfter: number
  /** When it was denied first, as far as was counted. */
  readonly since: number
  /** The user who blocked it from here, and until when. */
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
  /** Calls a second that the candidate would let through besides; below 0 where it is stricter. */
  readonly besides: number
  /** Would be denied a second, for each sample since it began: time and number. */
  readonly series: readonly (readonly [number, number])[]
}

export interface QueueState {
  readonly kind?: string
  readonly remote: boolean
  /** False for one found in the storage, of which nothing runs in this process. */
  readonly here: boolean
  readonly paused: boolean
  /** How many jobs may run at once in this process. */
  readonly workers?: number
  /** How many processes have it open, of one in a storage: to put or to work. With 0, nothing works on it. */
  readonly processes?: number
  readonly waiting: number
  readonly delayed: number
  readonly running: number
  readonly dead: number
  readonly completed: number
  readonly failed: number
  /** How long the first due job has waited. */
  readonly oldest: number
  /** A second, over the last seconds. */
  readonly put?: number
  readonly done?: number
  readonly died?: number
  /** Seconds that a run takes: of its metrics, or by Little's law from how many run and end. */
  readonly run?: number
  readonly p99?: number
  /** Why it cannot be asked now. */
  readonly failure?: string
}

export interface BreakerState {
  readonly state: 'closed' | 'open' | 'half_open' | 'isolated'
  /** When the state began. */
  readonly since: number
  /** Seconds until a probe may pass; absent where no time can be told. */
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
  /** Only while half open: how many probes have succeeded, and how many have to. */
  readonly probes?: { readonly passed: number; readonly needed: number }
  /** Only for a breaker of a registry: its key. */
  readonly key?: string
  /** What it did, the latest last. */
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
  /** Seconds that the probe took which opened it again. */
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
  /** False for one that only the storage knows of. */
  readonly here: boolean
}

export interface RunState {
  readonly at: number
  readonly seconds: number
  readonly outcome: 'running' | 'completed' | 'failed' | 'aborted' | 'skipped'
}

export interface LeaderState {
  /** The name of the process that leads; absent where there is no leader. */
  readonly leader?: string
  readonly fence?: number
  readonly since?: number
  /** Seconds for which the lease holds without a renewal. */
  readonly left: number
  /** The processes that stand for the election and do not lead, as far as they tell. */
  readonly follow: readonly string[]
  /** Set where there is no leader and no known candidate: then that is no trouble. It is remembered for 7 days. */
  readonly over?: true
  /** True when this process leads. */
  readonly here: boolean
  /** The latest 20 changes: the time, and the leader from then on. */
  readonly changes: readonly (readonly [number, string])[]
}

export interface LockState {
  /** How many calls wait for it, and for how many seconds the first of them, as far as processes tell. */
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
  /** The schedules that it keeps. A process of an earlier version does not tell. */
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
  /** Since when it cannot be reached, or could not be told. */
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
  /** True where there were more keys than were looked through. */
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
  /** False where it may have begun earlier, while no page was open. */
  readonly exact: boolean
  /** The usual range of each figure that has a past; absent where too few samples were taken before the trouble began. */
  readonly usual?: readonly (UsualRange | null)[]
}

/** What 8 of 10 samples lay between: the lowest, the one in the middle, the highest. */
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
  /** The key or the job it was done to. */
  readonly target?: string
  readonly detail?: string
}

/** Samples of the past: one each 5 s, for the times in `times`. */
export interface HistoryState {
  readonly times: readonly number[]
  /** By kind and name, as `queue/mails`; a list for each of its figures, `null` where it was not known. */
  readonly series: Readonly<Record<string, readonly (readonly (number | null)[])[]>>
}

export interface Sample {
  readonly at: number
  readonly values: Readonly<Record<string, readonly (number | null)[]>>
}

/** The user of a page, as the page is told. */
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

/** What has changed since the message before. Of each part all of it; `null` for one that is gone. */
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
