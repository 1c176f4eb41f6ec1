import * as check from '../core/check.ts'
import { type Clock, systemClock } from '../core/clock.ts'
import { type Millis, toMillis } from '../core/duration.ts'
import { describe, OptionRangeError, OptionTypeError } from '../core/errors.ts'
import { checkMeter, type Meter } from '../core/meter.ts'
import { type Retry, toRetry } from '../resilience/retry.ts'
import type { Overflow, PutOptions, QueueOptions } from './queue.ts'

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
  if (limiter !== undefined && typeof limiter?.schedule !== 'function') {
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
  }
}

/** A whole number from 1, or `Infinity`. */
export function toCount(name: string, value: number): number {
  return value === Infinity ? value : check.integer(name, value, 1)
}

export function toTimeout(timeout: NonNullable<PutOptions['timeout']>): Millis {
  const millis = toMillis('timeout', timeout)
  if (millis > 0) return millis
  throw new OptionRangeError('timeout', `timeout must be > 0, got ${describe(timeout)}`)
}

export function toPriority(value: unknown): number {
  if (typeof value !== 'number') {
    throw new OptionTypeError('priority', `priority must be a number, got ${describe(value)}`)
  }
  if (Number.isNaN(value)) {
    throw new OptionRangeError('priority', 'priority must be a number, got NaN')
  }
  return value
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
    const date = at instanceof Date ? at.getTime() : Number.NaN
    if (Number.isNaN(date)) {
      throw new OptionTypeError('at', `at must be a valid Date, got ${describe(at)}`)
    }
    if (clock.wall !== undefined) return { due: date, byDate: true }
    return { due: clock.now() + date - Date.now(), byDate: false }
  }
  if (delay === undefined) return undefined
  return { due: clock.now() + toMillis('delay', delay), byDate: false }
}
