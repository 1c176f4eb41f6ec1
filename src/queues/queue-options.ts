import type { OptionTable } from '../core/check.ts'
import type { Clock } from '../core/clock.ts'
import type { Duration } from '../core/duration.ts'
import type { Metered } from '../core/meter.ts'
import type { Storage } from '../core/storage.ts'
import type { Limiter } from '../limiters/limiter.ts'
import type { RetryOptions } from '../resilience/retry.ts'
import type { Handler } from './job.ts'
import type { Keep, SharedQueue } from './queue.ts'

/** What a put does when the queue is full: wait for room, reject, drop the oldest job of the lowest priority, or drop its own. */
export type Overflow = 'wait' | 'reject' | 'drop-oldest' | 'drop-newest'

/** How items are written in a storage: as JSON, in another format, compressed, encrypted. */
export interface Codec<T = unknown> {
  /** Tells codecs apart: the processes of a queue must have the same. */
  readonly name: string
  encode(item: T): string | Uint8Array
  /** @param data what `encode` returned, of the same type */
  decode(data: string | Uint8Array): T
}

/** A kind of queue whose jobs can be kept in a storage. */
export type QueueKind = 'priority' | 'fifo' | 'delay' | 'dedupe'

/** What a storage outside this process needs so that it can keep queues. */
export interface QueueMaker {
  queue<T, R>(kind: QueueKind, options: QueueOptions<T, R>): SharedQueue<T, R>
}

/** A storage for queues. A storage that has `queues` keeps the jobs; with any other storage the jobs are in this process. */
export interface QueueHome extends Storage {
  readonly queues?: QueueMaker
}

export const KEEP_OPTIONS: OptionTable<NonNullable<QueueOptions<unknown, unknown>['keep']>> = {
  completed: true,
  dead: true,
}

/** Takes the jobs that failed for good. */
// biome-ignore lint/suspicious/noExplicitAny: the target says which items it takes.
export type DeadLetterTarget<T = any> =
  | ((letter: DeadLetter<T>) => unknown)
  | { put(letter: DeadLetter<T>): Promise<unknown> }

/** Options of every queue. */
export interface QueueOptions<T, R> extends Metered {
  /**
   * The name of the queue in messages and metrics. Over a storage it is required: all processes that make a queue of this
   * name share its jobs.
   * @default the kind of queue
   */
  name?: string
  /**
   * Where jobs are kept. A `RedisStorage`: there, so that they outlive this process and all processes share them.
   * @default the memory of this process
   */
  storage?: QueueHome
  /** How many jobs run at once. Can be changed while it runs: `queue.workers = 5`. @default 1 */
  workers?: number
  /** How many jobs may wait; running jobs do not count. @default 10000 */
  maxSize?: number
  /** What a put does when `maxSize` jobs wait. @default 'wait' */
  overflow?: Overflow
  /**
   * Does the work of one item. Without a handler, items that are functions are run as tasks; other items are for `get`,
   * `claim` and `for await`.
   */
  handler?: Handler<T, R>
  /** Every attempt takes from this limiter. A permit of a concurrency limiter is kept until the handler ends, or `onTimeout: 'release'`. */
  limiter?: Limiter
  /**
   * The key of an item at the limiter, read when the item is put. Jobs of other keys pass a job whose key must wait.
   * @default one key for all
   */
  limiterKey?: (item: T) => string
  /** How much a job costs, read when the item is put. @default 1 */
  limiterCost?: (item: T) => number
  /**
   * The group of an item, read when the item is put: a tenant, a customer. Groups take turns, however long the backlog of one
   * of them is; within a group the order of the queue holds.
   * @default one group for all
   */
  group?: (item: T) => string
  /** How many jobs of one group run at once. @default Infinity */
  groupConcurrency?: number
  /** How many turns a group gets while a group of weight 1 gets one, read when an item of it is put. @default 1 for all */
  groupWeight?: (group: string) => number
  /** How long an attempt may take. Then its signal aborts and it has failed. @default no end */
  timeout?: Duration
  /**
   * What a worker does when its handler still runs after `timeout`. `hold`: it waits for the handler, so never more than
   * `workers` handlers run. `release`: it takes the next job, so a handler that never ends costs no worker. In both modes a
   * retry may begin on another worker while the old handler runs: a handler must end when its signal aborts.
   * @default 'hold'
   */
  onTimeout?: 'hold' | 'release'
  /** Attempts and the delays between them; a number is the most attempts, the first included. @default one attempt */
  retry?: number | RetryOptions
  /**
   * Takes the jobs that failed for good, as `{ item, error, attempts, id }`: a function, or another queue. What
   * fails there, at once or later, is told by the event `error`.
   */
  deadLetter?: DeadLetterTarget<T>
  /**
   * Which ended jobs are kept, so that `job` and `jobs` find them and `redrive` can put them again.
   * @default nothing in memory; over a storage `{ completed: 0, dead: { age: '30d', count: 10_000 } }`
   */
  keep?: { completed?: Keep; dead?: Keep }
  /**
   * How long a caller's own id is remembered after its job completed, failed or was cancelled: a put of that id does nothing
   * meanwhile. The id of a job that is kept longer (`keep`) is remembered as long. The id of a dropped or removed job is free at once.
   * @default '1d'
   */
  idTtl?: Duration
  /** Over a storage: how long a claim lasts without a renewal. It is renewed after a third of that. @default '30s' */
  lease?: Duration
  /** Over a storage: how many claims of a job may end without an outcome before the job is dead. @default 5 */
  maxDeliveries?: number
  /** Over a storage: how long a result waits for its caller after the job has ended. @default '1m' */
  resultTtl?: Duration
  /**
   * Over a storage with replicas: how many of them must have a job before its put resolves. When fewer replicas confirm in time,
   * the put rejects with an UnconfirmedError. Not in a Cluster.
   * @default 0
   */
  minReplicas?: number
  /** Over a storage: how items are written. @default jsonCodec: JSON values, and a Uint8Array as the whole item */
  codec?: Codec<T>
  /** Over a storage: the size of the largest item, in bytes as encoded. @default 262_144 */
  maxItemBytes?: number
  /** @default the runtime's clock */
  clock?: Clock
}

export const QUEUE_OPTIONS: OptionTable<QueueOptions<unknown, unknown>> = {
  name: true,
  workers: true,
  maxSize: true,
  overflow: true,
  handler: true,
  limiter: true,
  limiterKey: true,
  limiterCost: true,
  timeout: true,
  onTimeout: true,
  retry: true,
  deadLetter: true,
  storage: true,
  group: true,
  groupConcurrency: true,
  groupWeight: true,
  keep: true,
  idTtl: true,
  lease: true,
  maxDeliveries: true,
  resultTtl: true,
  codec: true,
  maxItemBytes: true,
  minReplicas: true,
  clock: true,
  metrics: true,
}

/** A job that failed for good, as `deadLetter` is called with it. */
export interface DeadLetter<T> {
  item: T
  error: unknown
  attempts: number
  id: string
}
