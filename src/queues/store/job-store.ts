import type { Millis } from '../../core/duration.ts'
import type {
  JobErrorRecord,
  JobRecord,
  JobTerms,
  StoredRecord,
  StoredState,
} from './job-record.ts'

/** A store in this process answers at once, an external store with a promise. */
export type MaybePromise<T> = T | Promise<T>

/** A job to be kept. */
export interface JobDraft<T = unknown> {
  readonly item: T
  /** The id that the caller chose. Without it the store makes one. */
  readonly id: string | undefined
  readonly priority: number
  /** The least time that the job must wait, in milliseconds. */
  readonly delay: Millis | undefined
  /** When it is due, in milliseconds since 1970, by the clock of the store. Excludes `delay`. */
  readonly at: Millis | undefined
  readonly group: string | undefined
  /** How many turns the group gets while a group of weight 1 gets one. @default 1 */
  readonly groupWeight: number | undefined
  readonly limiterKey: string | undefined
  readonly cost: number
  readonly terms: JobTerms | undefined
  /** True when the caller waits for the result: the store tells it by {@link StoreListener.settled}. */
  readonly awaited: boolean
  /** The key that makes jobs the same, and what happens then. It is not the id. */
  readonly unique: UniqueKey | undefined
  /** The name of this put among all puts that share a job: see `Share`. */
  readonly putter?: string
}

/** The treatment of a job whose key the store has already. Times are milliseconds. */
export interface Uniqueness {
  /**
   * - `pending`: refused while the first job waits or runs
   * - `ttl`: also refused for `ttl` from the put of the first job
   * - `coalesce`: joins the first job; all callers get its result
   * - `latest`: its item replaces the item that waits; while a job runs, the newest item runs once more after it
   * - `debounce`: as `latest`, and the job is due when no item came for `delay`, at most `maxDelay` after the first
   */
  readonly mode: 'pending' | 'ttl' | 'coalesce' | 'latest' | 'debounce'
  readonly ttl: Millis
  readonly delay: Millis
  readonly maxDelay: Millis
}

/** Jobs with the same key are duplicates. */
export interface UniqueKey extends Uniqueness {
  readonly key: string
}

/** What `insert` does when the store is full. */
export interface Room {
  /** How many jobs may wait, delayed ones included. */
  readonly maxSize: number
  /** With `refuse` the answer for the draft is `full`; with `drop-oldest` the job that has waited longest makes room. */
  readonly overflow: 'refuse' | 'drop-oldest'
}

/** The outcome of a draft. */
export interface Inserted {
  /** The id of the kept job: for a duplicate, the id of the first one. */
  readonly id: string
  readonly state: 'waiting' | 'delayed' | 'duplicate' | 'full'
  /** True for a duplicate whose id names the kept job, because an item with that id took the place of another item. */
  readonly own?: boolean
  /** Ids of the jobs that made room for it, or for others that were put in the same turn. */
  readonly dropped?: readonly string[]
  /** The moment of this answer, on a scale of the store. */
  readonly at?: number
  /** The outcome of an awaited job, if it is known already. */
  readonly outcome?: Outcome
}

/**
 * One job, held by the consumer that claimed it. The pair of `record.id` and `delivery` names the claim: with every claim of a job
 * `delivery` rises, so a late settle of an older claim is known.
 */
export interface Claim<T = unknown> {
  readonly record: JobRecord<T>
  readonly delivery: number
  /**
   * True when claims of the job were lost and the next loss ends it. Such a job should run alone: if it kills its process, no other job
   * is counted as lost.
   */
  readonly suspect?: boolean
  /** The name of the claim in the store. Opaque. */
  readonly token: string
  /**
   * Tells this claim from all other claims with the same id, also of other jobs. Set when the caller chose the id, or when a newer item may
   * start the job anew.
   */
  readonly run?: string | undefined
}

/** How a claim ends. */
export type Ending =
  | { readonly outcome: 'completed'; readonly value: unknown }
  /** The job has failed for good: it is dead. */
  | { readonly outcome: 'failed'; readonly error: JobErrorRecord }
  /** The job is due again after `delay`, and one failure is counted. */
  | { readonly outcome: 'retry'; readonly delay: Millis; readonly error: JobErrorRecord }
  /**
   * The job waits again in its old place, or after `delay`; neither a failure nor a loss is counted. A `punctual` job begins when it is due.
   * Another job begins within a second after that, so that other processes get it too: the process that releases a job may be unable to
   * do it.
   */
  | { readonly outcome: 'released'; readonly delay: Millis; readonly punctual?: boolean }

export interface Settlement {
  readonly claim: Claim
  readonly ending: Ending
}

/** The outcome of a job, for callers that wait for its result. */
export type Outcome = Origin &
  (
    | { readonly state: 'completed'; readonly value: unknown }
    | { readonly state: 'failed'; readonly error: JobErrorRecord }
    | { readonly state: 'cancelled'; readonly reason: unknown }
    /** Removed, cleared, pushed out, or kept no longer. */
    | { readonly state: 'gone' }
  )

/** Tells an outcome from other outcomes of the same id. */
export interface Origin {
  /** When the job was put, on the scale of {@link Inserted.at}, if other jobs may have its id. A job that was put before is another job. */
  readonly born?: number
  /** The {@link Claim.run} of the claim that has ended the job, if it has one. */
  readonly run?: string
}

/** How many jobs a store has, by state. */
export interface StoreCounts {
  readonly waiting: number
  readonly delayed: number
  readonly running: number
  readonly dead: number
  /** Since the queue was made. */
  readonly completed: number
  readonly failed: number
  /** How long the first due job has waited, in milliseconds; 0 when none waits. */
  readonly oldest: Millis
}

/** The numbers of one group. */
export interface GroupCounts {
  readonly group: string
  readonly waiting: number
  readonly running: number
  readonly oldest: Millis
}

/** An error of dead jobs, and their number. Times are milliseconds since 1970. */
export interface DeathCount {
  readonly error: string
  readonly count: number
  readonly first: Millis
  readonly last: Millis
}

/**
 * The hints of a store. An external store may lose them, so a listener also asks the store from time to time.
 */
export interface StoreListener {
  /**
   * There may be new jobs to claim. An external store also tells when a job is due, and about once a second while `claim` returns fewer jobs
   * than asked for, so that the consumer needs no timer.
   */
  available?(): void
  /** There may be room for a draft that was refused. */
  room?(): void
  /**
   * A job has ended whose result this process awaits. When the hint is lost, the store asks again by itself. `at` is on the scale of
   * {@link Inserted.at}: a job that was put later is another job with that id.
   */
  settled?(id: string, outcome: Outcome, at?: number): void
  /** A claimed job of this process was cancelled: its signal must abort. The claim must still be settled. */
  cancelled?(id: string, delivery: number, reason: unknown): void
  /** A claim of this process is lost: another process may have the job. */
  lost?(id: string, delivery: number): void
  /** The queue was paused or resumed everywhere. */
  paused?(paused: boolean): void
  /** Hints may have been lost: extending a claim tells whether its job is still wanted. */
  missed?(): void
  /** The store cannot be reached, or it can be reached again (`undefined`). */
  trouble?(error: unknown): void
}

/** Selects the dead jobs that wait again. */
export interface Redrive {
  /** Jobs wait again in the order of their ids; without ids, in the order in which they died. */
  readonly ids?: readonly string[]
  /** The most jobs that are redriven. @default all */
  readonly limit?: number
  /** Only jobs whose error has this message. */
  readonly error?: string
  /** Only among this number of the latest dead jobs. @default all */
  readonly latest?: number
}

/**
 * Keeps jobs between `put` and their end.
 *
 * A claim is a **lease**: it holds for `lease` unless it is extended, ends when it is settled, and is lost when its time is
 * over. A settlement that comes too late gets `false`; the job then belongs to another claim. So a job is done at least once and
 * settled once. Groups, limits and pauses are decided inside `claim`: a job that must wait is not claimed.
 *
 * Every operation takes a batch, and is one atomic step of the store.
 */
export interface JobStore<T = unknown> {
  /** Keeps the drafts in their order. A call that rejects keeps none. */
  insert(drafts: readonly JobDraft<T>[], room: Room): MaybePromise<Inserted[]>
  /** Claims up to `max` of the jobs that may start now, best first. */
  claim(max: number, lease: Millis): MaybePromise<Claim<T>[]>
  /** Ends claims. @returns false for each claim that was lost before */
  settle(ends: readonly Settlement[]): MaybePromise<boolean[]>
  /** Extends claims by another `lease` from now. @returns false for each claim that is lost */
  extend(claims: readonly Claim<T>[], lease: Millis): MaybePromise<boolean[]>
  /** Keeps the progress that a handler tells, while its claim holds. */
  progress(claim: Claim<T>, value: unknown): MaybePromise<boolean>
  /**
   * The outcome of the job; `undefined` while it has not ended, and {@link StoreListener.settled} tells its end.
   *
   * @param at as in {@link cancel}. When a job with that id was put later, the outcome is `gone`, or that of the later job, whose `born`
   * says so
   */
  outcome(id: string, at?: number): MaybePromise<Outcome | undefined>

  get(id: string): MaybePromise<StoredRecord<T> | undefined>
  /** One page of the jobs in a state, without `cursor` the first one. The answer has a `cursor` when more jobs follow. */
  list(
    state: StoredState,
    limit: number,
    cursor?: string,
  ): MaybePromise<{ jobs: StoredRecord<T>[]; cursor?: string }>
  counts(): MaybePromise<StoreCounts>
  /** The groups with the longest backlog first, of `among` groups that are read. */
  groups(limit: number, among?: number): MaybePromise<GroupCounts[]>
  /** The errors of the `latest` dead jobs, the most frequent first. */
  deaths(limit: number, latest?: number): MaybePromise<DeathCount[]>

  /**
   * Ends a job that waits, or asks the holder of a running job to stop.
   *
   * @returns false when the job has ended or is unknown
   * @param reason told to the holder and in the outcome: an error stays an error, with at least its name and its message
   * @param at as {@link Inserted.at}: a job with that id that was put later is another job, and is not cancelled
   */
  cancel(id: string, reason: unknown, at?: number): MaybePromise<boolean>
  /** Forgets a job that does not run, or the id of an ended job. @returns false when the job runs or is unknown */
  remove(id: string): MaybePromise<boolean>
  /** Moves a job that waits. @param at as in {@link cancel} */
  reprioritise(id: string, priority: number, at?: number): MaybePromise<boolean>
  /** Makes dead jobs wait again, with their failures forgotten. @returns their number */
  redrive(which: Redrive): MaybePromise<number>
  /** Forgets all jobs that wait. @returns their items */
  clear(): MaybePromise<T[]>
  /** While paused, `claim` returns no jobs. */
  pause(paused: boolean): MaybePromise<void>

  /** Calls `listener`. @returns a function that ends this */
  watch(listener: StoreListener): () => void
  /** Ends timers and connections. Claims hold until their leases end. */
  close(): MaybePromise<void>
}
