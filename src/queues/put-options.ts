import * as check from '../core/check.ts'
import type { Clock } from '../core/clock.ts'
import type { Millis } from '../core/duration.ts'
import { toRetry } from '../resilience/retry.ts'
import type { QueuedJob } from './job.ts'
import { PUT_OPTIONS, type PutOptions } from './queue.ts'
import { toDue, toTimeout } from './settings.ts'
import type { Signals } from './signals.ts'

/** Is it what a put takes, and not called off already? */
export function checkPut(options: PutOptions | undefined): void {
  if (options === undefined) return
  check.known('queue.put', options, PUT_OPTIONS)
  const { signal, key } = options
  if (key !== undefined) check.text('key', key)
  check.abortable(signal)?.throwIfAborted()
}

/**
 * Gives a job what it was put with.
 *
 * @returns how long it may wait for room
 */
export function equip(
  job: QueuedJob,
  options: PutOptions,
  clock: Clock,
  signals: Signals<QueuedJob>,
): Millis {
  checkPut(options)
  const { signal, timeout, retry, key, delay, at } = options
  const when = delay === undefined && at === undefined ? undefined : toDue(options, clock)
  const patience = timeout === undefined ? Infinity : toTimeout(timeout)
  if (when !== undefined) {
    job.more().due = when.due
    job.more().byDate = when.byDate
  }
  if (timeout !== undefined) job.more().timeout = patience
  if (retry !== undefined) job.more().retry = toRetry('retry', retry)
  if (key !== undefined) job.more().key = key
  if (signal !== undefined) {
    const extras = job.more()
    extras.signal = signal
    signals.add(signal, job)
    job.onEnd(() => signals.remove(signal, job))
  }
  return patience
}

/** Gives a job that waits what the item was put with that takes the place of its own. */
export function refit(job: QueuedJob, options: PutOptions | undefined): void {
  const { timeout, retry } = options ?? {}
  if (job.extras === undefined && (timeout ?? retry) === undefined) return
  const limit = timeout === undefined ? undefined : toTimeout(timeout)
  const retries = retry === undefined ? undefined : toRetry('retry', retry)
  const extras = job.more()
  extras.timeout = limit
  extras.retry = retries
}
