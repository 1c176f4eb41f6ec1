import type { Millis } from '../../core/duration.ts'
import type { Limiter } from '../../limiters/limiter.ts'
import type { BroadcastMaker } from '../broadcast/shared-broadcast.ts'
import type { SharedQueue } from '../queue.ts'
import type { Codec, QueueMaker } from '../queue-options.ts'
import type { JobStore } from './job-store.ts'

/** How long ended jobs are kept, and how many. `Infinity` for no bound. */
export interface Kept {
  /** In milliseconds since the end. */
  readonly age: Millis
  readonly count: number
}

/** A limit that the store decides when it takes jobs. Plain data. */
export interface LimitDeclaration {
  /** The kind of its rule. */
  readonly kind: 'token-bucket' | 'leaky-bucket' | 'permits'
  readonly scope: string
  readonly params: Readonly<Record<string, number>>
  /** The largest cost that can pass. */
  readonly capacity: number
  /** True when each job may have a key of its own. */
  readonly keyed: boolean
}

/**
 * The options on which all processes of a queue must agree. A process declares only its explicit options; the others are those that other
 * processes have declared.
 */
export interface Declaration {
  /** 'priority', 'fifo', 'delay', 'dedupe'. */
  readonly kind?: string
  readonly groupConcurrency?: number
  readonly limiter?: LimitDeclaration
  readonly maxDeliveries?: number
  readonly keepCompleted?: Kept
  readonly keepDead?: Kept
  /** The name of the codec. */
  readonly codec?: string
  readonly dedupeMode?: string
  readonly dedupeTtl?: Millis
}

export interface StoreOptions<T = unknown> {
  /** The name of the queue. */
  readonly name: string
  readonly declaration: Declaration
  /** True to only look at the queue: nothing is declared, and the process is not counted as one of the queue. @default false */
  readonly observes?: boolean
  readonly codec: Codec<T>
  /** How long an awaited result is kept after the end of its job. */
  readonly resultTtl: Millis
  /** How long the id of a caller is remembered after the end of its job. */
  readonly idTtl: Millis
  /** How many replicas must have a draft before `insert` resolves. @default 0 */
  readonly minReplicas?: number
  /** The longest encoded item. */
  readonly maxItemBytes: number
}

/** The part of one caller in a job that several callers have put. */
export type Share =
  /** One of the callers that await the result: the job is cancelled when the last of them leaves. */
  | { readonly mode: 'coalesce' }
  /** Only the caller whose item will run may cancel the job. */
  | { readonly mode: 'latest'; readonly putter: string }

/** A {@link JobStore} that several processes share. */
export interface SharedJobStore<T = unknown> extends JobStore<T> {
  /**
   * Resolves when the store was reached and the processes agree.
   *
   * @throws OptionTypeError (rejects) naming the option and both values, when the processes disagree
   * @throws StorageDownError (rejects) when the store cannot be reached; another call tries again
   */
  ready(): Promise<void>
  /** The options of all processes now: the sum of their declarations. */
  readonly agreed: Declaration
  /**
   * Cancels a job for one of the callers that have put it. `left`: the job goes on for the others. `over`: the job has ended.
   *
   * @param at as in `cancel`
   */
  leave(
    id: string,
    share: Share,
    reason: unknown,
    at?: number,
  ): Promise<'cancelled' | 'left' | 'over'>
  /** Changes the options of all processes. */
  redeclare(declaration: Declaration): Promise<void>
  /** When the store was last reached, in milliseconds since 1970 by this process; `undefined` for never. */
  readonly lastReached: Millis | undefined
}

/** A storage that can keep queues. */
export interface QueueStorage extends QueueMaker, BroadcastMaker {
  open<T>(options: StoreOptions<T>): SharedJobStore<T>
  /** Opens a queue to look at it and to act on it by hand, whatever the options of its processes are, also when it has no process. */
  observe<T>(name: string, codec: Codec<T>): SharedQueue<T, unknown>
  /**
   * The limit of `limiter` as data, when its state is in this storage and the storage can decide it when it takes jobs; else `undefined`.
   */
  limitOf(limiter: Limiter, keyed: boolean): LimitDeclaration | undefined
}
