import { between, type OptionTable, positive } from '../../core/check.ts'
import { type Duration, toMillis } from '../../core/duration.ts'
import { OptionRangeError } from '../../core/errors.ts'
import { AimdLaw } from '../../rules/aimd.ts'
import { LIMITER_OPTIONS, type Limiter, type LimiterOptions } from '../limiter.ts'

/** How an adaptive limiter finds the rate that the other side can handle. */
export interface AdaptiveOptions extends LimiterOptions {
  /** Calls per second to begin with. @default 100 */
  initialRate?: number
  /** The rate never falls below this, so that some calls always pass and show how the other side is. In calls per second. @default 10 */
  minRate?: number
  /** The rate never rises above this. In calls per second. @default 1000 */
  maxRate?: number
  /** Calls per second added after a good window. @default 1 */
  increaseStep?: number
  /** The factor, between 0 and 1, by which the rate is multiplied after too many failures. @default 0.5 */
  decreaseFactor?: number
  /** The share of failures above which the rate falls. @default 0.1 */
  errorThreshold?: number
  /** For how long outcomes are gathered before the rate may rise. @default 60 seconds */
  window?: Duration
  /** A success that took longer than this counts as a failure. @default none */
  targetLatency?: Duration
}

export const ADAPTIVE_OPTIONS: OptionTable<AdaptiveOptions> = {
  ...LIMITER_OPTIONS,
  initialRate: true,
  minRate: true,
  maxRate: true,
  increaseStep: true,
  decreaseFactor: true,
  errorThreshold: true,
  window: true,
  targetLatency: true,
}

/** The methods that an adaptive limiter has besides those of every limiter. */
export interface Adaptive extends Limiter {
  /** The present rate of each key, in calls per second; over a storage, the latest that this process has heard of. */
  readonly currentRate: number
  /**
   * A call that was let through has succeeded.
   * @param latency how long it took; longer than `targetLatency` counts as a failure
   */
  reportSuccess(latency?: Duration): void
  /** A call that was let through has failed because the other side is overloaded. */
  reportError(): void
}

/** The options of an adaptive limiter, read. */
export interface ReadAdaptive {
  readonly law: AimdLaw
  readonly initialRate: number
  /** The most that the bucket may ever hold. */
  readonly most: number
  /** In milliseconds. */
  readonly window: number
  /** In seconds. */
  readonly targetLatency: number
  readonly common: LimiterOptions
}

/** The error of `reconfigure`: an adaptive limiter sets its rate itself. */
export function noRate(): OptionRangeError {
  return new OptionRangeError(
    'quota',
    'quota cannot be changed: an adaptive limiter sets its own rate. Make another one, with other options',
  )
}

/** @throws OptionTypeError | OptionRangeError naming the option and its value */
export function readAdaptive(options: AdaptiveOptions): ReadAdaptive {
  const {
    initialRate = 100,
    minRate = 10,
    maxRate = 1000,
    increaseStep = 1,
    decreaseFactor = 0.5,
    errorThreshold = 0.1,
    window = 60,
    targetLatency,
    ...common
  } = options
  positive('minRate', minRate)
  between('maxRate', maxRate, minRate, Number.MAX_VALUE)
  between('initialRate', initialRate, minRate, maxRate)
  positive('increaseStep', increaseStep)
  between('decreaseFactor', decreaseFactor, Number.MIN_VALUE, 1)
  between('errorThreshold', errorThreshold, 0, 1)
  const windowMillis = toMillis('window', window)
  if (windowMillis === 0) {
    throw new OptionRangeError('window', 'window must be > 0, got 0 (number)')
  }
  const law = new AimdLaw({
    initial: initialRate,
    min: minRate,
    max: maxRate,
    step: increaseStep,
    factor: decreaseFactor,
    threshold: errorThreshold,
    window: windowMillis * 1000,
  })
  const target =
    targetLatency === undefined ? Infinity : toMillis('targetLatency', targetLatency) / 1000
  const most = Math.max(1, maxRate)
  return { law, initialRate, most, window: windowMillis, targetLatency: target, common }
}
