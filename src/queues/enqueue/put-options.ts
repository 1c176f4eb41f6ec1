import * as check from '../../core/check.ts'
import { type Clock, systemClock } from '../../core/clock.ts'
import type { Millis } from '../../core/duration.ts'
import { describe, OptionTypeError } from '../../core/errors.ts'
import { toRetry } from '../../resilience/retry.ts'
import { PUT_OPTIONS, type PutOptions } from '../queue.ts'
import { toDue, toPriority, toTimeout } from '../settings.ts'
import type { LocalJob } from '../store/local-job.ts'
import type { Signals } from './signals.ts'

/** Checks what a put takes, and that its signal has not aborted already. */
export function checkPut(options: PutOptions | undefined): void {
  if (options === undefined) return
  check.known('queue.put', options, PUT_OPTIONS)
  const { signal, key, id, group } = options
  if (key !== undefined) check.text('key', key)
  if (id !== undefined) check.text('id', id)
  if (group !== undefined) check.string('group', group)
  check.abortable(signal)?.throwIfAborted()
}

/** Checks the items of a `putMany`. */
export function checkItems(items: readonly unknown[]): void {
  if (Array.isArray(items)) return
  throw new OptionTypeError('items', `items must be an array, got ${describe(items)}`)
}

/** Checks the rest of what a put takes, where no job is made of it: the item is a duplicate. */
export function checkTerms(options: PutOptions): void {
  const { priority, timeout, retry } = options
  if (priority !== undefined) toPriority(priority)
  toDue(options, systemClock)
  if (timeout !== undefined) toTimeout(timeout)
  if (retry !== undefined) toRetry('retry', retry)
}

/** How long a put may wait for room. */
export function patienceOf(options: PutOptions | undefined): Millis {
  return options?.timeout === undefined ? Infinity : toTimeout(options.timeout)
}

/**
 * Gives a job what it was put with.
 *
 * @returns how long it may wait for room
 */
export function equip(
  job: LocalJob,
  options: PutOptions,
  clock: Clock,
  signals: Signals<LocalJob>,
): Millis {
  const { signal, timeout, retry, key, delay, at } = options
  const when = delay === undefined && at === undefined ? undefined : toDue(options, clock)
  const patience = patienceOf(options)
  if (when !== undefined) {
    job.more().due = when.due
    job.more().byDate = when.byDate
  }
  if (timeout !== undefined) job.more().timeout = patience
  if (retry !== undefined) {
    job.more().retry = toRetry('retry', retry)
    job.more().asked = retry
  }
  if (key !== undefined) job.more().key = key
  if (signal !== undefined) {
    signals.add(signal, job)
    job.onEnd(() => signals.remove(signal, job))
  }
  return patience
}

/** Gives a job that waits what the item was put with that takes the place of its own. */
export function refit(job: LocalJob, options: PutOptions | undefined): void {
  const { timeout, retry, key } = options ?? {}
  if (job.extras === undefined && (timeout ?? retry ?? key) === undefined) return
  const limit = timeout === undefined ? undefined : toTimeout(timeout)
  const retries = retry === undefined ? undefined : toRetry('retry', retry)
  const extras = job.more()
  extras.timeout = limit
  extras.retry = retries
  extras.asked = retry
  extras.key = key
}
