import * as check from '../../core/check.ts'
import { type Millis, toMillis } from '../../core/duration.ts'
import { OptionRangeError } from '../../core/errors.ts'
import { QUEUE_OPTIONS, type QueueOptions } from '../queue-options.ts'

/**
 * What happens to an item that the queue already has.
 *
 * - `ttl`: refused, for `ttl` from the put of the first one and for as long as that waits or runs
 * - `pending`: refused while the first one waits or runs
 * - `coalesce`: joins the first one while that waits or runs. All callers get the one result; the job is cancelled only when all
 *   of them have cancelled it
 * - `latest`: takes the place of the item that waits, and its time. While an item runs, the newest one waits and runs after it.
 *   The callers of an item that runs get its result (over a storage, that of the newest item), all others that of the newest item.
 *   The caller of that item can cancel the job; the others cancel only their own wait
 * - `debounce`: as `latest`, and the job becomes due when nothing new came for `delay`, at most `maxDelay` after the first put
 *
 * A refused put is no error: its job has the state `duplicate`, and the result of the first one.
 */
export type DedupeMode = 'ttl' | 'pending' | 'coalesce' | 'latest' | 'debounce'

/** Which items are the same, for how long, and which of them stays. */
export interface DedupeOptions<T, R> extends QueueOptions<T, R> {
  /**
   * The key of an item: two items of one key are the same. Objects that it returns are the same key when their contents are the same.
   * @default the item, if it is a primitive or a function; otherwise all that it holds, told apart by type
   */
  keyFn?: (item: T) => unknown
  /** @default 'ttl' */
  mode?: DedupeMode
  /** How long an item is remembered, with `mode: 'ttl'`. @default '300s' */
  ttl?: QueueOptions<T, R>['timeout']
  /** With `mode: 'debounce'`: the job becomes due when no new item came for this time. @default '1s' */
  delay?: QueueOptions<T, R>['timeout']
  /** With `mode: 'debounce'`: the job becomes due this long after the first put at the latest. @default no end */
  maxDelay?: QueueOptions<T, R>['timeout']
}

export const DEDUPE_OPTIONS: check.OptionTable<DedupeOptions<unknown, unknown>> = {
  ...QUEUE_OPTIONS,
  keyFn: true,
  mode: true,
  ttl: true,
  delay: true,
  maxDelay: true,
}

const MODES: readonly DedupeMode[] = ['ttl', 'pending', 'coalesce', 'latest', 'debounce']

export function toMode(mode: DedupeMode): DedupeMode {
  return check.oneOf('mode', mode, MODES)
}

/** The options of a dedupe queue beside those of every queue, checked. */
export function toDedupe<T, R>(
  options: DedupeOptions<T, R>,
): Required<Pick<DedupeOptions<T, R>, 'mode'>> & {
  readonly ttl: Millis
  readonly delay: Millis
  /** `Infinity` for no end. */
  readonly maxDelay: Millis
} {
  const { keyFn, mode = 'ttl', ttl = 300, delay = 1, maxDelay } = options
  check.callback('keyFn', keyFn)
  const quiet = toMillis('delay', delay)
  const longest =
    maxDelay === undefined || maxDelay === Infinity ? Infinity : toMillis('maxDelay', maxDelay)
  if (longest < quiet) {
    throw new OptionRangeError(
      'maxDelay',
      `maxDelay must be at least as long as delay, got ${maxDelay} and ${delay}`,
    )
  }
  return { mode: toMode(mode), ttl: toMillis('ttl', ttl), delay: quiet, maxDelay: longest }
}
