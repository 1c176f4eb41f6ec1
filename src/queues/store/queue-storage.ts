import type { Millis } from '../../core/duration.ts'
import type { Limiter } from '../../limiters/limiter.ts'
import type { BroadcastMaker } from '../broadcast/shared-broadcast.ts'
import type { SharedQueue } from '../queue.ts'
import type { Codec, QueueMaker } from '../queue-options.ts'
import type { JobStore } from './job-store.ts'

/** How long and how many ended jobs are kept. `Infinity` for no bound. */
export interface Kept {
  /** In milliseconds since the end. */
  readonly age: Millis
  readonly count: number
}

/** A limit that is decided where jobs are taken. Plain data. */
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
 * What all processes of a queue must agree on. Only what was said explicitly: what is absent is taken from what other processes
 * have said.
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
  /** True where the queue is only looked at: then nothing is declared, and the process does not count as one of the queue. @default false */
  readonly observes?: boolean
  readonly codec: Codec<T>
  /** How long a result is kept after its job has ended, where it was asked for. */
  readonly resultTtl: Millis
  /** How long an own id is remembered after its job has ended. */
  readonly idTtl: Millis
  /** How many replicas must have a draft before `insert` resolves. @default 0 */
  readonly minReplicas?: number
  /** The longest encoded item. */
  readonly maxItemBytes: number
}

/** What one caller has in a job that several have put. */
export type Share =
  /** One of many callers that want the result: the job ends when the last of them leaves. */
  | { readonly mode: 'coalesce' }
  /** The caller whose item is to be done may end the job, and no other. */
  | { readonly mode: 'latest'; readonly putter: string }

/** A {@link JobStore} that several processes share. */
export interface SharedJobStore<T = unknown> extends JobStore<T> {
  /**
   * Resolves when the store has been reached and the processes agree.
   *
   * @throws OptionTypeError (rejects) naming the option and both values where they do not
   * @throws StorageDownError (rejects) where it cannot be reached; asking again tries again
   */
  ready(): Promise<void>
  /** What holds for all processes now: their declarations, taken together. */
  readonly agreed: Declaration
  /**
   * Cancels a job on behalf of one of its putters. `left` where it goes on for the others, `over` where it has ended.
   *
   * @param at as in `cancel`
   */
  leave(
    id: string,
    share: Share,
    reason: unknown,
    at?: number,
  ): Promise<'cancelled' | 'left' | 'over'>
  /** Changes what all processes agree on. */
  redeclare(declaration: Declaration): Promise<void>
  /** When the store was last reached, in milliseconds since 1970 by this process; `undefined` for never. */
  readonly lastReached: Millis | undefined
}

/** A storage that can keep queues. */
export interface QueueStorage extends QueueMaker, BroadcastMaker {
  open<T>(options: StoreOptions<T>): SharedJobStore<T>
  /** A queue to look at and to act on by hand. Any options of its processes will do, and so will a queue without a process. */
  observe<T>(name: string, codec: Codec<T>): SharedQueue<T, unknown>
  /**
   * The limit of `limiter` as data, where it lies in this storage and can be decided where jobs are taken; else `undefined`.
   */
  limitOf(limiter: Limiter, keyed: boolean): LimitDeclaration | undefined
}
