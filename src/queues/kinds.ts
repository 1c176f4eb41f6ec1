import type { OptionTable } from '../core/check.ts'
import type { Duration } from '../core/duration.ts'
import type { BatchFunction } from './batching/batch.ts'
import { QUEUE_OPTIONS, type QueueOptions } from './queue-options.ts'

/** Options of a queue in order of priority. */
export interface PriorityOptions<T, R> extends QueueOptions<T, R> {
  /** The priority of an item that is put without one; higher goes first. @default 0 for all */
  priorityFn?: (item: T) => number
  /**
   * Against starvation: after waiting for so long, a job counts as one priority higher, after twice as long as two
   * higher, and so on.
   * @default never
   */
  aging?: Duration
}

export const PRIORITY_OPTIONS: OptionTable<PriorityOptions<unknown, unknown>> = {
  ...QUEUE_OPTIONS,
  priorityFn: true,
  aging: true,
}

/** Options of a queue in order of arrival; with `batchFn` it works in batches. */
export interface FifoOptions<T, R> extends QueueOptions<T, R> {
  /** How many items a batch may have. @default 1 */
  batchSize?: number
  /** How long the first item of a batch waits for others at most. @default '1s' */
  batchTimeout?: Duration
  /**
   * What is done with a batch, instead of `handler` with an item. Returns a result for each item, in order; or a Map
   * from item to result; or nothing, where there are no results.
   */
  batchFn?: BatchFunction<T, R>
  /** When a batch fails, try its halves, and theirs, so that only the items that cannot be done fail. @default false */
  bisectOnError?: boolean
}

export const FIFO_OPTIONS: OptionTable<FifoOptions<unknown, unknown>> = {
  ...QUEUE_OPTIONS,
  batchSize: true,
  batchTimeout: true,
  batchFn: true,
  bisectOnError: true,
}
