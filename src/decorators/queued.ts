import * as check from '../core/check.ts'
import { describe, OptionTypeError } from '../core/errors.ts'
import type { NamedCall } from '../queues/consume/named-calls.ts'
import { QueueFactory } from '../queues/factory.ts'
import type { Queue, SharedQueue } from '../queues/queue.ts'
import { toCount, toPriority } from '../queues/settings.ts'
import { queuedByName } from './queued-by-name.ts'
import { makeWrapper, type Wrapper } from './wrapper.ts'

/** The queue that {@link queued} puts calls into: one of its own, or one that is given. */
// biome-ignore lint/suspicious/noExplicitAny: the arguments are those of the function that is wrapped.
export interface QueuedOptions<This = any, Args extends readonly any[] = any[]> {
  /** A queue of your own, without a handler; it is started by the first call. @default a priority queue, unbounded */
  // biome-ignore lint/suspicious/noExplicitAny: its items are tasks that return anything.
  queue?: Queue<any, any>
  /**
   * With a `queue` over a storage: what the function is called there. All processes that do its calls give it the same name.
   * @default the name of the function
   */
  name?: string
  /** How many calls run at once, without a `queue`. @default 1 */
  workers?: number
  /** The priority of every call; higher goes first. @default 0 */
  priority?: number
  /** The priority of a call, from its arguments. */
  priorityFn?: (this: This, ...args: Args) => number
}

export const QUEUED_OPTIONS: check.OptionTable<QueuedOptions> = {
  queue: true,
  name: true,
  workers: true,
  priority: true,
  priorityFn: true,
}

/**
 * Makes each call a job: it waits for a worker, and resolves with what the function returns. As decorator of a method, or
 * round any function; the queue begins with the first call.
 *
 * One queue for all instances of a class, since a decorator is applied once.
 *
 * With a `queue` over a storage, a call is put as `{ name, args }` and done by any process that has wrapped a function of that `name`;
 * such a process starts the queue by its first call, or by `queue.start()`. Arguments and result travel as the codec of the queue
 * writes them, and what the function throws comes back as the cause of a JobFailedError. In a process that only calls, pause the
 * queue. A method that uses `this` is refused, since its object stays behind.
 *
 * A function must not await a call of itself through the same queue: the outer call keeps its worker, and with one worker the
 * inner call never starts. Wrap only the entry, and let it call a plain function that calls itself.
 *
 * @example
 * const render = queued({ workers: 2 })(async (page: string) => draw(page))
 *
 * class Mailer {
 *   @queued({ workers: 5, priorityFn: (mail: Mail) => (mail.urgent ? 10 : 0) })
 *   async send(mail: Mail) { ... }
 * }
 *
 * @throws OptionTypeError | OptionRangeError at once, naming the option and its value
 */
// biome-ignore lint/suspicious/noExplicitAny: as above.
export function queued<This = any, Args extends readonly any[] = any[]>(
  options: QueuedOptions<This, Args> = {},
): Wrapper<This, Args> {
  check.known('queued', options, QUEUED_OPTIONS)
  const { workers, priority = 0, priorityFn } = options
  toPriority(priority)
  check.callback('priorityFn', priorityFn)
  if (workers !== undefined) toCount('workers', workers)
  if (options.queue !== undefined && workers !== undefined) {
    throw new OptionTypeError('workers', 'workers and queue exclude each other: give one of them')
  }
  if (options.queue !== undefined && typeof options.queue?.submit !== 'function') {
    throw new OptionTypeError('queue', `queue must be a queue, got ${describe(options.queue)}`)
  }
  const rankOf = (self: unknown, args: readonly unknown[]) =>
    priorityFn === undefined
      ? priority
      : (priorityFn as (this: unknown, ...args: readonly unknown[]) => number).apply(self, [
          ...args,
        ])
  if (options.queue !== undefined && 'serve' in options.queue) {
    return queuedByName(options.queue as SharedQueue<NamedCall>, options.name, rankOf)
  }
  const given = options.queue as
    | { readonly name: string; readonly takesTasks?: boolean }
    | undefined
  if (given?.takesTasks === false) {
    throw new OptionTypeError(
      'queue',
      `queue must take functions as items, and queue '${given.name}' has a handler or other items: make a queue without handler and batchFn for queued, or call submit of this one`,
    )
  }
  if (options.name !== undefined) {
    throw new OptionTypeError('name', 'name is for a queue over a storage: give queue, too')
  }
  let queue: Queue<() => unknown> | undefined
  return makeWrapper<This, Args>(async (self, args, call) => {
    queue ??= (
      options.queue ??
      QueueFactory.priority<() => unknown>({
        name: 'queued',
        workers: workers ?? 1,
        maxSize: Infinity,
      })
    ).start() as Queue<() => unknown>
    return queue.submit(() => call(), { priority: rankOf(self, args) })
  })
}
