import {
  atOnce,
  between,
  callback,
  having,
  integer,
  known,
  type OptionTable,
  text,
} from '../core/check.ts'
import { type Clock, systemClock } from '../core/clock.ts'
import { type Duration, type Micros, toMillis, toPositiveMicros } from '../core/duration.ts'
import { OptionRangeError, OptionTypeError } from '../core/errors.ts'
import { checkMeter, type Meter, type Metered } from '../core/meter.ts'
import { type ErrorFilter, errorFilter } from './error-filter.ts'
import type { TripLimits } from './trip-rule.ts'

/** A ring of outcomes costs a byte for each call of the window. */
const MOST_CALLS = 100_000_000

/** What opens a {@link CircuitBreaker}, what closes it again, and what counts as a failure. */
export interface CircuitBreakerOptions extends Metered {
  /** The name in errors, statistics and metrics. @default 'breaker' */
  name?: string

  /** Opens after this number of failures in a row. @default 5; no such limit when `failureRate` is given */
  failureThreshold?: number
  /** Opens when this share of the calls in the window has failed: above 0, at most 1. */
  failureRate?: number
  /**
   * A call that takes longer than this is slow. Without `slowCallRate`, a slow call counts as a failed one. One that still runs is
   * counted when the next call comes.
   */
  slowCall?: Duration
  /** Opens when this share of the calls in the window was slow: above 0, at most 1. */
  slowCallRate?: number
  /**
   * The calls that the rates are computed from: the calls of this time (to a tenth of it), or `{ calls: n }`, the last `n` calls (at
   * most 100 million).
   * @default 60 seconds
   */
  window?: Duration | { calls: number }
  /** The rates open nothing before the window holds this number of calls. @default 10, or the whole window where it is smaller */
  minimumCalls?: number

  /** How long the breaker stays open before it lets a probe through; not how long a call may take. @default 60 seconds */
  timeout?: Duration
  /** Each time the breaker opens again without having closed, it stays open longer by this factor. @default 1 */
  timeoutFactor?: number
  /** The longest time the breaker stays open. @default 10 minutes, or `timeout` where that is longer */
  maxTimeout?: Duration
  /**
   * The number of probes: all of them must succeed to close the breaker, and they may run at once. A probe that fails opens it again.
   * @default 1
   */
  halfOpenCalls?: number
  /**
   * A probe that has not ended after this time loses its place to the next caller; its result then changes nothing.
   * @default `timeout`
   */
  probeLease?: Duration

  /** Only these errors are failures. A call that ends in another error counts as a success. @default every error */
  expectedError?: ErrorFilter
  /** These errors are no failures, such as a 404. A call that ends in one counts as a success. @default none */
  ignoredError?: ErrorFilter
  /** Returns true for a value that is a failure, such as a response 503. The value still reaches the caller. @default no value is */
  failedResult?: (result: unknown) => boolean

  /** @default the runtime's monotonic clock */
  clock?: Clock
}

export const CIRCUIT_BREAKER_OPTIONS: OptionTable<CircuitBreakerOptions> = {
  name: true,
  failureThreshold: true,
  failureRate: true,
  slowCall: true,
  slowCallRate: true,
  window: true,
  minimumCalls: true,
  timeout: true,
  timeoutFactor: true,
  maxTimeout: true,
  halfOpenCalls: true,
  probeLease: true,
  expectedError: true,
  ignoredError: true,
  failedResult: true,
  clock: true,
  metrics: true,
}

/** The options, checked and in microseconds. */
export interface BreakerSettings {
  readonly name: string
  readonly limits: TripLimits
  /** A call that takes longer is slow; `Infinity` for none. */
  readonly slowCall: Micros
  /** True when a slow call counts as a failed one. */
  readonly slowFails: boolean
  readonly timeout: Micros
  readonly timeoutFactor: number
  readonly maxTimeout: Micros
  readonly halfOpenCalls: number
  readonly probeLease: Micros
  readonly expected: ((error: unknown) => boolean) | undefined
  readonly ignored: ((error: unknown) => boolean) | undefined
  readonly failedResult: ((result: unknown) => boolean) | undefined
  readonly clock: Clock
  readonly metrics: Meter | undefined
}

/** @throws OptionTypeError | OptionRangeError naming the option and its value */
export function breakerSettings(options: CircuitBreakerOptions): BreakerSettings {
  known('CircuitBreaker', options, CIRCUIT_BREAKER_OPTIONS)
  const { slowCall, slowCallRate, expectedError, ignoredError, failedResult } = options
  const { name = 'breaker', timeoutFactor = 1, halfOpenCalls = 1 } = options
  const timeout = toPositiveMicros('timeout', given(options.timeout, 60))
  const longest = given(options.maxTimeout, Math.max(600, timeout / 1e6))
  const maxTimeout = toPositiveMicros('maxTimeout', longest)
  if (maxTimeout < timeout) {
    throw new OptionRangeError(
      'maxTimeout',
      `maxTimeout must be at least timeout (${timeout / 1e6} s), got ${maxTimeout / 1e6} s`,
    )
  }
  callback('failedResult', failedResult)
  return {
    name: text('name', name),
    limits: tripLimits(options),
    slowCall: slowCall === undefined ? Infinity : toMillis('slowCall', slowCall) * 1000,
    slowFails: slowCallRate === undefined,
    timeout,
    timeoutFactor: between('timeoutFactor', timeoutFactor, 1, Number.MAX_VALUE),
    maxTimeout,
    halfOpenCalls: integer('halfOpenCalls', halfOpenCalls, 1),
    probeLease: toPositiveMicros('probeLease', given(options.probeLease, timeout / 1e6)),
    expected: expectedError === undefined ? undefined : errorFilter('expectedError', expectedError),
    ignored: ignoredError === undefined ? undefined : errorFilter('ignoredError', ignoredError),
    failedResult: failedResult && ((result) => atOnce('failedResult', failedResult(result))),
    clock: having('clock', options.clock, 'now') ?? systemClock,
    metrics: checkMeter(options.metrics),
  }
}

function tripLimits(options: CircuitBreakerOptions): TripLimits {
  const { failureThreshold, failureRate, slowCall, slowCallRate, window, minimumCalls } = options
  if (slowCallRate !== undefined && slowCall === undefined) {
    throw new OptionTypeError(
      'slowCallRate',
      'slowCallRate needs slowCall, the time from which a call is slow',
    )
  }
  const inARow =
    failureThreshold === undefined && failureRate !== undefined
      ? Infinity
      : integer('failureThreshold', given(failureThreshold, 5), 1)
  if (failureRate === undefined && slowCallRate === undefined) {
    const stray = window !== undefined ? 'window' : minimumCalls !== undefined ? 'minimumCalls' : ''
    if (stray !== '') {
      throw new OptionTypeError(stray, `${stray} needs a rate: failureRate or slowCallRate`)
    }
    return { inARow, failureRate: Infinity, slowRate: Infinity, minimumCalls: 0 }
  }
  const size = windowSize(given(window, 60))
  const largest = typeof size === 'number' ? Number.MAX_SAFE_INTEGER : size.calls
  const minimum = integer('minimumCalls', given(minimumCalls, Math.min(10, largest)), 1)
  return {
    inARow,
    failureRate: rate('failureRate', failureRate),
    slowRate: rate('slowCallRate', slowCallRate),
    minimumCalls: between('minimumCalls', minimum, 1, largest),
    window: size,
  }
}

/** `value`, or the default for `undefined`. `null` is passed on and refused by the check. */
function given<V>(value: V | undefined, otherwise: V): V {
  return value === undefined ? otherwise : value
}

function windowSize(window: Duration | { calls: number }): Micros | { calls: number } {
  if (typeof window !== 'object' || window === null) return toPositiveMicros('window', window)
  known('window', window, { calls: true }, 'window')
  const calls = integer('window.calls', window.calls, 1)
  return { calls: between('window.calls', calls, 1, MOST_CALLS) }
}

function rate(name: string, share: number | undefined): number {
  return share === undefined ? Infinity : between(name, share, Number.MIN_VALUE, 1)
}
