import * as check from '../core/check.ts'
import { type Duration, toMillis } from '../core/duration.ts'
import { describe, OptionRangeError } from '../core/errors.ts'
import { toBatching } from './batching/batch-options.ts'
import { BroadcastQueue } from './broadcast/broadcast.ts'
import type { Broadcast, BroadcastOptions } from './broadcast/broadcast-types.ts'
import { type DedupeOptions, DedupeQueue } from './dedupe/dedupe-queue.ts'
import type { FifoOptions, PriorityOptions } from './kinds.ts'
import { MemoryQueue } from './local-queue.ts'
import type { LocalDedupeQueue, LocalQueue, QueueOptions } from './queue.ts'
import { toSettings } from './settings.ts'
import { agingOrder } from './store/orders/aging.ts'
import { Line } from './store/orders/line.ts'
import type { MakeOrder } from './store/orders/order.ts'
import { arrivalOrder, priorityOrder } from './store/orders/priority.ts'

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
    const settings = toSettings('priority', options, ['priorityFn', 'aging'])
    const { priorityFn = none, aging } = options
    check.callback('priorityFn', priorityFn)
    const { clock } = settings
    const growth = aging === undefined ? undefined : step('aging', aging)
    return new MemoryQueue(options, {
      settings,
      priorityFn,
      makeOrder: (arrivals) =>
        growth === undefined ? priorityOrder(arrivals) : agingOrder(growth, clock, arrivals),
    })
  },

  /** First come, first served; one by one, or in batches. */
  fifo<T, R = unknown>(options: FifoOptions<T, R> = {}): LocalQueue<T, R> {
    keepLayouts()
    const settings = toSettings('fifo', options, [
      'batchSize',
      'batchTimeout',
      'batchFn',
      'bisectOnError',
    ])
    return new MemoryQueue(options, {
      settings,
      makeOrder: byArrival,
      batching: toBatching(options),
    })
  },

  /** Jobs that wait for their time: `put(item, { delay: '10m' })` or `{ at: date }`. Never early, however long. */
  delay<T, R = unknown>(options: QueueOptions<T, R> = {}): LocalQueue<T, R> {
    keepLayouts()
    const settings = toSettings('delay', options, [])
    return new MemoryQueue(options, { settings, makeOrder: byArrival })
  },

  /** First come, first served, each item once. */
  dedupe<T, R = unknown>(options: DedupeOptions<T, R> = {}): LocalDedupeQueue<T, R> {
    keepLayouts()
    const settings = toSettings('dedupe', options, ['keyFn', 'mode', 'ttl', 'delay', 'maxDelay'])
    return new DedupeQueue(options, { settings, makeOrder: byArrival })
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

/** First come, first served. */
const byArrival: MakeOrder = (arrivals) =>
  arrivals === undefined ? new Line() : arrivalOrder(arrivals)

function none(): number {
  return 0
}

function step(name: string, duration: Duration): number {
  const millis = toMillis(name, duration)
  if (millis > 0) return millis
  throw new OptionRangeError(name, `${name} must be > 0, got ${describe(duration)}`)
}
