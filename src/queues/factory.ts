import * as check from '../core/check.ts'
import { type Duration, toMillis } from '../core/duration.ts'
import { describe, OptionRangeError } from '../core/errors.ts'
import type { BatchFunction } from './batch.ts'
import { BatchConsumer, toBatching } from './batch-consumer.ts'
import { BroadcastQueue } from './broadcast.ts'
import type { Broadcast, BroadcastOptions } from './broadcast-types.ts'
import { DEDUPE_OPTIONS, type DedupeOptions, DedupeQueue } from './dedupe.ts'
import { JobQueue } from './job-queue.ts'
import { MemoryBackend } from './memory-backend.ts'
import { agingOrder } from './orders/aging.ts'
import { Line } from './orders/line.ts'
import { priorityOrder } from './orders/priority.ts'
import { type LocalQueue, QUEUE_OPTIONS, type QueueOptions } from './queue.ts'
import { toSettings } from './settings.ts'

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

export const PRIORITY_OPTIONS: check.OptionTable<PriorityOptions<unknown, unknown>> = {
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

export const FIFO_OPTIONS: check.OptionTable<FifoOptions<unknown, unknown>> = {
  ...QUEUE_OPTIONS,
  batchSize: true,
  batchTimeout: true,
  batchFn: true,
  bisectOnError: true,
}

/**
 * Queues, ready made.
 *
 * @example
 * const queue = QueueFactory.fifo({ workers: 10, handler: async (url: string) => fetch(url) }).start()
 * const response = await queue.submit('https://example.com')
 */
export const QueueFactory = {
  /** Higher priority first, first come first served among equals. */
  priority<T, R = unknown>(options: PriorityOptions<T, R> = {}): LocalQueue<T, R> {
    keepLayouts()
    const settings = toSettings('priority', options, PRIORITY_OPTIONS)
    const { priorityFn = none, aging } = options
    check.callback('priorityFn', priorityFn)
    const { clock } = settings
    const order = aging === undefined ? priorityOrder() : agingOrder(step('aging', aging), clock)
    return new JobQueue(options, {
      settings,
      priorityFn,
      backend: new MemoryBackend({ order, clock }),
    })
  },

  /** First come, first served; one by one, or in batches. */
  fifo<T, R = unknown>(options: FifoOptions<T, R> = {}): LocalQueue<T, R> {
    keepLayouts()
    const settings = toSettings('fifo', options, FIFO_OPTIONS)
    const batching = toBatching(options)
    const { clock } = settings
    return new JobQueue(options, {
      settings,
      backend: new MemoryBackend({ order: new Line(), clock }),
      consumer:
        batching === undefined
          ? undefined
          : (source, hooks) => new BatchConsumer(source, batching, settings, hooks),
    })
  },

  /** Jobs that wait for their time: `put(item, { delay: '10m' })` or `{ at: date }`. Never early, however long. */
  delay<T, R = unknown>(options: QueueOptions<T, R> = {}): LocalQueue<T, R> {
    keepLayouts()
    const settings = toSettings('delay', options, QUEUE_OPTIONS)
    const { clock } = settings
    return new JobQueue(options, {
      settings,
      backend: new MemoryBackend({ order: new Line(), clock }),
    })
  },

  /** First come, first served, each item once. */
  dedupe<T, R = unknown>(options: DedupeOptions<T, R> = {}): DedupeQueue<T, R> {
    keepLayouts()
    const settings = toSettings('dedupe', options, DEDUPE_OPTIONS)
    const { clock } = settings
    return new DedupeQueue(options, {
      settings,
      backend: new MemoryBackend({ order: new Line(), clock }),
    })
  },

  /** Every subscriber gets every item. */
  broadcast<T>(options: BroadcastOptions = {}): Broadcast<T> {
    return new BroadcastQueue<T>(options)
  },
}

/**
 * An engine forgets the layout of a kind of object when it collects the last one, and with it all code it has optimised
 * for that: measured, a queue made after a full collection was 5 times slower for its first 10,000 jobs, and so was one
 * that had stood empty. One small queue with one job of each kind, never started, keeps the layouts.
 */
let moulds: unknown
function keepLayouts(): void {
  if (moulds !== undefined) return
  moulds = []
  const handler = () => {}
  const queues = [
    QueueFactory.fifo({ name: 'mould', handler }),
    QueueFactory.priority({ name: 'mould', handler }),
  ]
  for (const queue of queues) void queue.submit(undefined)
  moulds = queues
}

function none(): number {
  return 0
}

function step(name: string, duration: Duration): number {
  const millis = toMillis(name, duration)
  if (millis > 0) return millis
  throw new OptionRangeError(name, `${name} must be > 0, got ${describe(duration)}`)
}
