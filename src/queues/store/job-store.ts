import type { Millis } from '../../core/duration.ts'
import type {
  JobErrorRecord,
  JobRecord,
  JobTerms,
  StoredRecord,
  StoredState,
} from './job-record.ts'

/** A store in this process answers at once, one elsewhere with a promise. */
export type MaybePromise<T> = T | Promise<T>

/** A job that is to be kept. */
export interface JobDraft<T = unknown> {
  readonly item: T
  /** The caller's own id. Without one the store makes one. */
  readonly id: string | undefined
  readonly priority: number
  /** How long the job must wait at least, in milliseconds. */
  readonly delay: Millis | undefined
  /** When it is due, in milliseconds since 1970, by the clock of the store. Excludes `delay`. */
  readonly at: Millis | undefined
  readonly group: string | undefined
  /** How many turns its group gets where others get one. @default 1 */
  readonly groupWeight: number | undefined
  readonly limiterKey: string | undefined
  readonly cost: number
  readonly terms: JobTerms | undefined
  /** True where the caller waits for the result: the store tells it by {@link StoreListener.settled}. */
  readonly awaited: boolean
  /** What makes this job the same as another, and what becomes of it then. Its own id is something else. */
  readonly unique: UniqueKey | undefined
  /** Names this put among those that share a job: see `Share`. */
  readonly putter?: string
}

/** How a store treats a job whose key it has already. Times are milliseconds. */
export interface Uniqueness {
  /**
   * - `pending`: refused while the first one waits or runs
   * - `ttl`: refused also for `ttl` from its put
   * - `coalesce`: joins the first one; all get the one result
   * - `latest`: its item takes the place of the one that waits; while one runs, the newest runs once more after it
   * - `debounce`: as `latest`, and the job becomes due when nothing came for `delay`, at most `maxDelay` after the first
   */
  readonly mode: 'pending' | 'ttl' | 'coalesce' | 'latest' | 'debounce'
  readonly ttl: Millis
  readonly delay: Millis
  readonly maxDelay: Millis
}

/** Jobs of one key are the same thing. */
export interface UniqueKey extends Uniqueness {
  readonly key: string
}

/** What `insert` may do where the store is full. */
export interface Room {
  /** How many jobs may wait, delayed ones included. */
  readonly maxSize: number
  /** At `refuse` the draft is answered with `full`; at `drop-oldest` the longest waiting one makes room. */
  readonly overflow: 'refuse' | 'drop-oldest'
}

/** What became of a draft. */
export interface Inserted {
  /** The id of the kept job: for a duplicate, the id of the first one. */
  readonly id: string
  readonly state: 'waiting' | 'delayed' | 'duplicate' | 'full'
  /** True for a duplicate whose own id stands for that job since an item with it took the place of another. */
  readonly own?: boolean
  /** Ids of the jobs that made room for it, or for others that were put in the same turn. */
  readonly dropped?: readonly string[]
  /** When this was so, on a scale of the store's. */
  readonly at?: number
  /** How the job has ended, where it is awaited and that is known already. */
  readonly outcome?: Outcome
}

/**
 * One job, held by the consumer that claimed it. The pair of `record.id` and `delivery` names the claim: with every claim of a job
 * `delivery` rises, so a late settle of an older claim is known.
 */
export interface Claim<T = unknown> {
  readonly record: JobRecord<T>
  readonly delivery: number
  /** True where claims of the job were lost, and the next loss ends it: the job is to be worked alone, so that what it may do to
   * its process is counted for no other job. */
  readonly suspect?: boolean
  /** What the store knows the claim by. Opaque. */
  readonly token: string
  /**
   * What tells this claim from all others of that id, also of other jobs: where the caller chose the id, or a newer item may make the
   * job begin anew.
   */
  readonly run?: string | undefined
}

/** How a claim ends. */
export type Ending =
  | { readonly outcome: 'completed'; readonly value: unknown }
  /** For good: the job is dead. */
  | { readonly outcome: 'failed'; readonly error: JobErrorRecord }
  /** The job is due again after `delay`, and one failure is counted. */
  | { readonly outcome: 'retry'; readonly delay: Millis; readonly error: JobErrorRecord }
  /**
   * The job waits again in its old place, or after `delay`; neither a failure nor a loss is counted. A job that is to be `punctual` begins
   * when it is due; another one within a second after that, so that not only the process that looks at the clock gets it, which may be
   * the one that could not do it.
   */
  | { readonly outcome: 'released'; readonly delay: Millis; readonly punctual?: boolean }

export interface Settlement {
  readonly claim: Claim
  readonly ending: Ending
}

/** How a job ended, for callers that wait for its result. */
export type Outcome = Origin &
  (
    | { readonly state: 'completed'; readonly value: unknown }
    | { readonly state: 'failed'; readonly error: JobErrorRecord }
    | { readonly state: 'cancelled'; readonly reason: unknown }
    /** Removed, cleared, pushed out, or kept no longer. */
    | { readonly state: 'gone' }
  )

/** What tells an end from other ends of the same id. */
export interface Origin {
  /** When the job was put, on the scale of {@link Inserted.at}, where its id may be that of others too: what was put before is another one. */
  readonly born?: number
  /** The {@link Claim.run} of the claim that has ended the job, where it has one. */
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
  /** How long the first of the due jobs has waited, in milliseconds; 0 where none waits. */
  readonly oldest: Millis
}

/** The numbers of one group. */
export interface GroupCounts {
  readonly group: string
  readonly waiting: number
  readonly running: number
  readonly oldest: Millis
}

/** What dead jobs died of. Times are milliseconds since 1970. */
export interface DeathCount {
  readonly error: string
  readonly count: number
  readonly first: Millis
  readonly last: Millis
}

/**
 * What a store tells. These are hints. They may be lost when the store is elsewhere, so a listener also asks
 * the store from time to time.
 */
export interface StoreListener {
  /**
   * There may be something new to claim. A store elsewhere also tells it when a job is due and about once a second while claims
   * come back short, so that the consumer needs no timer.
   */
  available?(): void
  /** There may be room for a draft that was refused. */
  room?(): void
  /**
   * A job has ended whose result was asked for in this process. The store asks again itself where the news was lost. `at` is on
   * the scale of {@link Inserted.at}: what was put later is another job of that id.
   */
  settled?(id: string, outcome: Outcome, at?: number): void
  /** A job that this process has claimed is not wanted any more: its signal is to abort. The claim still has to be settled. */
  cancelled?(id: string, delivery: number, reason: unknown): void
  /** A claim of this process is lost: another process may have the job. */
  lost?(id: string, delivery: number): void
  /** The queue was paused or resumed everywhere. */
  paused?(paused: boolean): void
  /** News may have been lost: a claim that is extended now tells whether its job is still wanted. */
  missed?(): void
  /** The store could not be reached, or it can again (`undefined`). */
  trouble?(error: unknown): void
}

/** Which dead jobs are to wait again. */
export interface Redrive {
  /** Jobs wait again in the order of their ids; without ids, in the order in which they died. */
  readonly ids?: readonly string[]
  /** How many at most; those that stay dead do not count. @default all of them */
  readonly limit?: number
  /** Only jobs that died of this message. */
  readonly error?: string
  /** Only among the latest so many. @default all of them */
  readonly latest?: number
}

/**
 * Where jobs are between `put` and their end.
 *
 * A claim is a **lease**: it holds for `lease` unless it is extended, ends when it is settled, and is lost when its time is
 * over. A settlement that comes too late gets `false`; the job then belongs to another claim. So a job is done at least once and
 * settled once. Groups, limits and pauses are decided inside `claim`: a job that must wait is not claimed.
 *
 * Every move is batched, and every move is one atomic step of the store.
 */
export interface JobStore<T = unknown> {
  /** Keeps the drafts in their order. Nothing is kept of a call that rejects. */
  insert(drafts: readonly JobDraft<T>[], room: Room): MaybePromise<Inserted[]>
  /** Claims up to `max` of the jobs that may start now, best first. */
  claim(max: number, lease: Millis): MaybePromise<Claim<T>[]>
  /** Ends claims. `false` for each that came too late. */
  settle(ends: readonly Settlement[]): MaybePromise<boolean[]>
  /** Holds claims for another `lease`. `false` for each that is lost. */
  extend(claims: readonly Claim<T>[], lease: Millis): MaybePromise<boolean[]>
  /** Keeps what a handler tells of its progress, while its claim holds. */
  progress(claim: Claim<T>, value: unknown): MaybePromise<boolean>
  /**
   * How the job ended; `undefined` while it has not, and then {@link StoreListener.settled} will tell.
   *
   * @param at as in {@link cancel}: where a job of that id was put later, the one that is meant is gone, or the outcome is the other's
   * and says so (`born`)
   */
  outcome(id: string, at?: number): MaybePromise<Outcome | undefined>

  get(id: string): MaybePromise<StoredRecord<T> | undefined>
  /** One page of the jobs in a state. Without `cursor` from the first one; the answer has none where nothing follows. */
  list(
    state: StoredState,
    limit: number,
    cursor?: string,
  ): MaybePromise<{ jobs: StoredRecord<T>[]; cursor?: string }>
  counts(): MaybePromise<StoreCounts>
  /** The groups with the longest backlog first, of `among` groups that are looked at. */
  groups(limit: number, among?: number): MaybePromise<GroupCounts[]>
  /** The errors of the jobs that died last, `latest` at most, the most frequent first. */
  deaths(limit: number, latest?: number): MaybePromise<DeathCount[]>

  /**
   * Ends a job that waits; asks the holder of one that runs to stop. `false` where the job has ended or is unknown.
   *
   * @param reason is told to the holder and in the outcome: an error as an error, of its name and its message at least
   * @param at as {@link Inserted.at}: a job of that id that was put later is another one, and left alone
   */
  cancel(id: string, reason: unknown, at?: number): MaybePromise<boolean>
  /** Forgets a job that does not run, or the id of one that has ended. `false` where it runs or nothing is known of it. */
  remove(id: string): MaybePromise<boolean>
  /** Moves a job that waits. @param at as in {@link cancel} */
  reprioritise(id: string, priority: number, at?: number): MaybePromise<boolean>
  /** Dead jobs wait again, with their failures forgotten. Answers with their number. */
  redrive(which: Redrive): MaybePromise<number>
  /** Forgets all jobs that wait, and answers with their items. */
  clear(): MaybePromise<T[]>
  /** While paused, `claim` gives nothing. */
  pause(paused: boolean): MaybePromise<void>

  /** Tells `listener` until the returned function is called. */
  watch(listener: StoreListener): () => void
  /** Ends timers and connections. Claims that are held stay held until their lease ends. */
  close(): MaybePromise<void>
}
