import * as check from '../core/check.ts'
import { describe, OptionTypeError } from '../core/errors.ts'
import { QueueFactory } from '../queues/factory.ts'
import type { Queue } from '../queues/queue.ts'
import { toCount, toPriority } from '../queues/settings.ts'
import { makeWrapper, type Wrapper } from './wrapper.ts'

/** The queue that {@link queued} puts calls into: one of its own, or one that is given. */
// biome-ignore lint/suspicious/noExplicitAny: the arguments are those of the function that is wrapped.
export interface QueuedOptions<This = any, Args extends readonly any[] = any[]> {
  /** A queue of your own, without a handler; it is started by the first call. @default a priority queue, unbounded */
  // biome-ignore lint/suspicious/noExplicitAny: its items are tasks that return anything.
  queue?: Queue<any, any>
  /** How many calls run at once, without a `queue`. @default 1 */
  workers?: number
  /** The priority of every call; higher goes first. @default 0 */
  priority?: number
  /** The priority of a call, from its arguments. */
  priorityFn?: (this: This, ...args: Args) => number
}

export const QUEUED_OPTIONS: check.OptionTable<QueuedOptions> = {
  queue: true,
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
 * A function that awaits a call of itself through the same queue keeps its worker while it waits for one: with one worker,
 * for ever. Wrap the way in, and let the part that calls itself be a plain function.
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
    const rank =
      priorityFn === undefined
        ? priority
        : (priorityFn as (this: unknown, ...args: readonly unknown[]) => number).apply(self, [
            ...args,
          ])
    return queue.submit(() => call(), { priority: rank })
  })
}
