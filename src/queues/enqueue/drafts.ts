import * as check from '../../core/check.ts'
import { toMillis } from '../../core/duration.ts'
import { OptionTypeError } from '../../core/errors.ts'
import { traceCarrier } from '../../core/trace-carrier.ts'
import type { RetryOptions } from '../../resilience/retry.ts'
import { toRetry } from '../../resilience/retry.ts'
import type { PutOptions } from '../queue.ts'
import type { QueueOptions } from '../queue-options.ts'
import { toDate, toPriority, toTimeout } from '../settings.ts'
import type { JobTerms } from '../store/job-record.ts'
import type { JobDraft, Uniqueness } from '../store/job-store.ts'
import { checkPut } from './put-options.ts'

const NOTHING: PutOptions = {}

/** What turns items into drafts, beside the options of the queue. */
export interface DraftRules<T> {
  readonly options: QueueOptions<T, unknown>
  readonly priorityFn: ((item: T) => number) | undefined
  /** True where priorities mean anything. */
  readonly ranked: boolean
  /** What makes an item the same as another, as a text, and what becomes of the second one. */
  readonly unique: { keyOf(item: T): string; readonly rules: Uniqueness } | undefined
}

/** The draft of one item: all that a store elsewhere keeps of it. */
export function draftOf<T>(
  item: T,
  put: PutOptions | undefined,
  { options, priorityFn, ranked, unique }: DraftRules<T>,
  awaited: boolean,
): JobDraft<T> {
  checkPut(put)
  const { group: groupFn, groupWeight, limiterKey, limiterCost } = options
  const group = put?.group ?? groupFn?.(item)
  if (group !== undefined) check.string('group', group)
  let priority = 0
  if (put?.priority !== undefined) priority = toPriority(put.priority)
  else if (priorityFn !== undefined) priority = toPriority(priorityFn(item))
  const key = limiterKey?.(item)
  if (key !== undefined) check.string('limiterKey', key)
  if (put?.delay !== undefined && put.at !== undefined) {
    throw new OptionTypeError('at', 'at and delay exclude each other: give one of them')
  }
  return {
    item,
    id: put?.id,
    priority: ranked ? priority : 0,
    delay: put?.delay === undefined ? undefined : toMillis('delay', put.delay),
    at: put?.at === undefined ? undefined : toDate(put.at),
    group,
    groupWeight:
      group === undefined || groupWeight === undefined
        ? undefined
        : check.positive('groupWeight', groupWeight(group)),
    limiterKey: key,
    cost: limiterCost === undefined ? 1 : check.positive('limiterCost', limiterCost(item)),
    terms: termsOf(put ?? NOTHING, traceCarrier()?.headers()),
    awaited,
    unique: unique && { ...unique.rules, key: put?.key ?? unique.keyOf(item) },
    ...(unique !== undefined && { putter: crypto.randomUUID().slice(0, 13) }),
  }
}

/** What travels with the job as data. */
function termsOf(
  { timeout, retry }: PutOptions,
  headers: JobTerms['headers'],
): JobTerms | undefined {
  const traced = headers !== undefined && Object.keys(headers).length > 0
  if (timeout === undefined && retry === undefined && !traced) return undefined
  if (retry !== undefined) {
    toRetry('retry', retry)
    if (typeof retry === 'object') refuseFunctions(retry)
  }
  return {
    ...(timeout !== undefined && { timeout: toTimeout(timeout) }),
    ...(retry !== undefined && { retry }),
    ...(traced && { headers }),
  }
}

function refuseFunctions(retry: RetryOptions): void {
  for (const [name, value] of Object.entries(retry)) {
    if (typeof value !== 'function') continue
    throw new OptionTypeError(
      `retry.${name}`,
      `retry.${name} must be plain data over a storage, got a function: give it to the queue instead`,
    )
  }
}
