import * as check from '../core/check.ts'
import { type Clock, systemClock } from '../core/clock.ts'
import { type Duration, type Millis, toMillis } from '../core/duration.ts'
import { describe, OptionTypeError } from '../core/errors.ts'
import { checkMeter, type Meter } from '../core/meter.ts'
import { type Retry, toRetry } from '../resilience/retry.ts'
import type { Keep, PutOptions } from './queue.ts'
import { KEPT_OPTIONS } from './queue.ts'
import type { Codec, Overflow, QueueOptions } from './queue-options.ts'
import { KEEP_OPTIONS } from './queue-options.ts'
import type { Keeping } from './store/kept-jobs.ts'

/** The options of a queue, read and checked. */
export interface Settings {
  name: string
  workers: number
  maxSize: number
  overflow: Overflow
  timeout: Millis
  releaseOnTimeout: boolean
  retry: Retry | undefined
  clock: Clock
  metrics: Meter | undefined
  keep: { dead: Keeping; completed: Keeping } | undefined
  /** How long own ids are remembered. */
  idMemory: Millis
  groups: { concurrency: number } | undefined
}

const OVERFLOWS: readonly Overflow[] = ['wait', 'reject', 'drop-oldest', 'drop-newest']

/** @param table all names that this kind of queue can be given */
export function toSettings<T, R>(
  kind: string,
  options: QueueOptions<T, R>,
  table: check.OptionTable<QueueOptions<unknown, unknown>>,
): Settings {
  check.known(`QueueFactory.${kind}`, options, table)
  const { limiter, limiterKey, limiterCost, deadLetter, retry, timeout } = options
  const {
    name = kind,
    workers = 1,
    maxSize = 10_000,
    overflow = 'wait',
    onTimeout = 'hold',
  } = options
  check.callback('handler', options.handler)
  check.callback('limiterKey', limiterKey)
  check.callback('limiterCost', limiterCost)
  if (limiter === undefined && (limiterKey ?? limiterCost) !== undefined) {
    throw new OptionTypeError('limiterKey', 'limiterKey and limiterCost need a limiter, got none')
  }
  if (limiter !== undefined && typeof limiter?.wait !== 'function') {
    throw new OptionTypeError('limiter', `limiter must be a limiter, got ${describe(limiter)}`)
  }
  if (
    deadLetter !== undefined &&
    typeof deadLetter !== 'function' &&
    typeof (deadLetter as { put?: unknown } | null)?.put !== 'function'
  ) {
    throw new OptionTypeError(
      'deadLetter',
      `deadLetter must be a function or a queue, got ${describe(deadLetter)}`,
    )
  }
  checkLease(options)
  return {
    name: check.text('name', name),
    workers: toCount('workers', workers),
    maxSize: toCount('maxSize', maxSize),
    overflow: check.oneOf('overflow', overflow, OVERFLOWS),
    timeout: timeout === undefined ? Infinity : toTimeout(timeout),
    releaseOnTimeout: check.oneOf('onTimeout', onTimeout, ['hold', 'release']) === 'release',
    retry: retry === undefined ? undefined : toRetry('retry', retry),
    clock: check.having('clock', options.clock, 'now') ?? systemClock,
    metrics: checkMeter(options.metrics),
    keep: toKeeping(options.keep),
    idMemory: toMillis('idTtl', options.idTtl === undefined ? '1d' : options.idTtl),
    groups: toGrouping(options),
  }
}

/** What matters over a storage only is checked everywhere: a queue that moves there is not to fail then. */
function checkLease<T, R>(options: QueueOptions<T, R>): void {
  const { lease, maxDeliveries, resultTtl, maxItemBytes, minReplicas, codec } = options
  if (lease !== undefined) toPositive('lease', lease)
  if (resultTtl !== undefined) toMillis('resultTtl', resultTtl)
  if (maxDeliveries !== undefined) check.integer('maxDeliveries', maxDeliveries, 1)
  if (minReplicas !== undefined) check.integer('minReplicas', minReplicas, 0)
  if (maxItemBytes !== undefined) toCount('maxItemBytes', maxItemBytes)
  if (codec !== undefined) checkCodec(codec)
}

export function checkCodec(codec: Codec<unknown>): void {
  check.having('codec', codec, 'encode')
  check.having('codec', codec, 'decode')
  check.text('codec.name', codec.name)
}

const NONE: Keeping = { age: 0, count: 0 }

function toKeeping(
  keep: QueueOptions<unknown, unknown>['keep'],
): { dead: Keeping; completed: Keeping } | undefined {
  return keep === undefined ? undefined : { dead: NONE, completed: NONE, ...toStatedKeep(keep) }
}

/** What `keep` says, and nothing of what it leaves out. */
export function toStatedKeep(keep: NonNullable<QueueOptions<unknown, unknown>['keep']>): {
  dead?: Keeping
  completed?: Keeping
} {
  check.known('keep', keep, KEEP_OPTIONS, 'keep')
  const { dead, completed } = keep
  return {
    ...(dead !== undefined && { dead: toKept('keep.dead', dead) }),
    ...(completed !== undefined && { completed: toKept('keep.completed', completed) }),
  }
}

/** Reads how much is kept: an age for as many as there are, or both. */
function toKept(name: string, keep: Keep): Keeping {
  if (typeof keep !== 'object') {
    const age = toMillis(name, keep)
    return age === 0 ? NONE : { age, count: Infinity }
  }
  check.known(name, keep, KEPT_OPTIONS, name)
  const { age, count } = keep
  return {
    age: age === undefined ? Infinity : toMillis(`${name}.age`, age),
    count:
      count === undefined || count === Infinity
        ? Infinity
        : check.integer(`${name}.count`, count, 0),
  }
}

function toGrouping<T, R>(options: QueueOptions<T, R>): Settings['groups'] {
  const { group, groupConcurrency, groupWeight } = options
  check.callback('group', group)
  check.callback('groupWeight', groupWeight)
  if (groupConcurrency !== undefined) toCount('groupConcurrency', groupConcurrency)
  if (group === undefined && groupConcurrency === undefined && groupWeight === undefined) {
    return undefined
  }
  return { concurrency: groupConcurrency ?? Infinity }
}

/** A whole number from 1, or `Infinity`. */
export function toCount(name: string, value: number): number {
  return value === Infinity ? value : check.integer(name, value, 1)
}

export function toTimeout(timeout: NonNullable<PutOptions['timeout']>): Millis {
  return toPositive('timeout', timeout)
}

/** A duration above 0. */
export function toPositive(name: string, duration: Duration): Millis {
  const millis = toMillis(name, duration)
  check.mustLie(millis > 0, name, 'be > 0', duration)
  return millis
}

export function toPriority(value: unknown): number {
  return check.finite('priority', value as number)
}

/** The date of `at`, in milliseconds since 1970. */
export function toDate(at: Date): Millis {
  const date = at instanceof Date ? at.getTime() : Number.NaN
  if (!Number.isNaN(date)) return date
  const told = at instanceof Date ? String(at) : describe(at)
  throw new OptionTypeError('at', `at must be a valid Date, got ${told}`)
}

/** When a job is due, if it says so: the moment and whether it is one of the date. */
export function toDue(
  options: PutOptions,
  clock: Clock,
): { due: Millis; byDate: boolean } | undefined {
  const { delay, at } = options
  if (at !== undefined) {
    if (delay !== undefined) {
      throw new OptionTypeError('at', 'at and delay exclude each other: give one of them')
    }
    const date = toDate(at)
    if (clock.wall !== undefined) return { due: date, byDate: true }
    return { due: clock.now() + date - Date.now(), byDate: false }
  }
  if (delay === undefined) return undefined
  return { due: clock.now() + toMillis('delay', delay), byDate: false }
}
