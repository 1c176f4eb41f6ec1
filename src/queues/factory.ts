import * as check from '../core/check.ts'
import { type Duration, toMillis } from '../core/duration.ts'
import { describe, OptionRangeError } from '../core/errors.ts'
import { toBatching } from './batching/batch-options.ts'
import { BroadcastQueue } from './broadcast/broadcast.ts'
import type { Broadcast, BroadcastOptions } from './broadcast/broadcast-types.ts'
import type {
  BroadcastMaker,
  SharedBroadcast,
  SharedBroadcastOptions,
} from './broadcast/shared-broadcast.ts'
import { DEDUPE_OPTIONS, type DedupeOptions } from './dedupe/dedupe-options.ts'
import { DedupeQueue } from './dedupe/dedupe-queue.ts'
import { FIFO_OPTIONS, type FifoOptions, PRIORITY_OPTIONS, type PriorityOptions } from './kinds.ts'
import { MemoryQueue } from './local-queue.ts'
import type { LocalDedupeQueue, LocalQueue, SharedQueue } from './queue.ts'
import type { QueueHome, QueueKind, QueueMaker, QueueOptions } from './queue-options.ts'
import { QUEUE_OPTIONS } from './queue-options.ts'
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
export const QueueFactory: QueueFactoryVerbs = {
  priority<T, R>(options: PriorityOptions<T, R> = {}): never {
    return (keptElsewhere('priority', options) ?? localPriority(options)) as never
  },

  fifo<T, R>(options: FifoOptions<T, R> = {}): never {
    return (keptElsewhere('fifo', options) ?? localFifo(options)) as never
  },

  delay<T, R>(options: QueueOptions<T, R> = {}): never {
    return (keptElsewhere('delay', options) ?? localDelay(options)) as never
  },

  dedupe<T, R>(options: DedupeOptions<T, R> = {}): never {
    return (keptElsewhere('dedupe', options) ?? localDedupe(options)) as never
  },

  broadcast<T>(options: BroadcastOptions | SharedBroadcastOptions<T> = {}): never {
    check.options('options', options, 'QueueFactory.broadcast')
    if (!('storage' in options)) return new BroadcastQueue<T>(options) as never
    if (options.storage === undefined) {
      const { storage: _, ...local } = options
      return new BroadcastQueue<T>(local) as never
    }
    const maker = Object(options.storage).queues as BroadcastMaker | undefined
    const what = 'be a storage that keeps broadcasts, as a RedisStorage is'
    check.must(typeof maker?.broadcast === 'function', 'storage', what, options.storage)
    return maker.broadcast(options) as never
  },
}

/** Options with a storage elsewhere: jobs are kept there, and what is asked of the queue is answered with promises. */
export type Elsewhere<Options> = Options & { storage: QueueHome & { readonly queues: QueueMaker } }

/** What {@link QueueFactory} makes. With a `storage` elsewhere, as a RedisStorage is, jobs outlive the process. */
export interface QueueFactoryVerbs {
  /** Higher priority first, first come first served among equals. */
  priority<T, R = unknown>(options: Elsewhere<PriorityOptions<T, R>>): SharedQueue<T, R>
  priority<T, R = unknown>(options?: PriorityOptions<T, R>): LocalQueue<T, R>
  /** First come, first served; one by one, or in batches. */
  fifo<T, R = unknown>(options: Elsewhere<FifoOptions<T, R>>): SharedQueue<T, R>
  fifo<T, R = unknown>(options?: FifoOptions<T, R>): LocalQueue<T, R>
  /** Jobs that wait for their time: `put(item, { delay: '10m' })` or `{ at: date }`. Never early, however long. */
  delay<T, R = unknown>(options: Elsewhere<QueueOptions<T, R>>): SharedQueue<T, R>
  delay<T, R = unknown>(options?: QueueOptions<T, R>): LocalQueue<T, R>
  /** First come, first served, each item once. */
  dedupe<T, R = unknown>(options: Elsewhere<DedupeOptions<T, R>>): SharedQueue<T, R>
  dedupe<T, R = unknown>(options?: DedupeOptions<T, R>): LocalDedupeQueue<T, R>
  /** Every subscriber gets every item; with a `storage`, every group too, whichever of its processes takes it. */
  broadcast<T>(options: SharedBroadcastOptions<T>): SharedBroadcast<T>
  broadcast<T>(options?: BroadcastOptions): Broadcast<T>
}

/** A storage that lies elsewhere brings its queues; one in memory has none. */
function keptElsewhere<T, R>(kind: QueueKind, options: QueueOptions<T, R>): unknown {
  check.options('options', options, `QueueFactory.${kind}`)
  const storage = check.having('storage', options.storage, 'open')
  return storage?.queues?.queue(kind, options)
}

function localPriority<T, R>(options: PriorityOptions<T, R>): LocalQueue<T, R> {
  keepLayouts()
  const settings = toSettings('priority', options, PRIORITY_OPTIONS)
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
}

function localFifo<T, R>(options: FifoOptions<T, R>): LocalQueue<T, R> {
  keepLayouts()
  const settings = toSettings('fifo', options, FIFO_OPTIONS)
  return new MemoryQueue(options, { settings, makeOrder: byArrival, batching: toBatching(options) })
}

function localDelay<T, R>(options: QueueOptions<T, R>): LocalQueue<T, R> {
  keepLayouts()
  const settings = toSettings('delay', options, QUEUE_OPTIONS)
  return new MemoryQueue(options, { settings, makeOrder: byArrival })
}

function localDedupe<T, R>(options: DedupeOptions<T, R>): LocalDedupeQueue<T, R> {
  keepLayouts()
  const settings = toSettings('dedupe', options, DEDUPE_OPTIONS)
  return new DedupeQueue(options, { settings, makeOrder: byArrival })
}

/**
 * An engine forgets the layout of a kind of object when it collects the last one, and with it all code it has optimised
 * for that: measured, a queue made after a full collection was 5 times slower for its first 10,000 jobs, and so was one
 * that had stood empty. Small queues that are never started keep the layouts: with a job of each kind, and one that is claimed.
 */
let moulds: unknown
function keepLayouts(): void {
  if (moulds !== undefined) return
  moulds = []
  const handler = () => {}
  const queues = [
    QueueFactory.fifo({ name: 'mould', handler }),
    QueueFactory.priority({ name: 'mould', handler }),
    QueueFactory.fifo({ name: 'mould' }),
  ]
  for (const queue of queues) void queue.submit(undefined)
  void queues[2]?.claim()
  moulds = queues
}

/** First come, first served. */
const byArrival: MakeOrder = (arrivals, roaming) => (roaming ? arrivalOrder(arrivals) : new Line())

function none(): number {
  return 0
}

function step(name: string, duration: Duration): number {
  const millis = toMillis(name, duration)
  if (millis > 0) return millis
  throw new OptionRangeError(name, `${name} must be > 0, got ${describe(duration)}`)
}
