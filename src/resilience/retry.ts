import {
  atOnce,
  callback,
  drawn,
  integer,
  known,
  type OptionTable,
  oneOf,
  positive,
} from '../core/check.ts'
import { type Duration, type Millis, toMillis } from '../core/duration.ts'
import { property } from '../core/error-text.ts'

/** How much of a delay is random: all of it, half of it, nothing. */
export type Jitter = 'full' | 'equal' | 'none'

/** The delays between attempts: they grow from attempt to attempt, and are random in part (jitter). */
export interface DelayOptions {
  /** The delay before the second attempt. @default '1s' */
  baseDelay?: Duration
  /** No delay is longer. @default '60s', or `baseDelay` where that is longer */
  maxDelay?: Duration
  /** Each delay is this many times the one before. @default 2 */
  factor?: number
  /**
   * Spreads attempts of many callers: `full` waits a random time up to the delay, `equal` at least half of it, `none` all of it.
   * `true` is `full`, `false` is `none`.
   * @default 'full'
   */
  jitter?: Jitter | boolean
  /** Returns true for an error after which to try again. A promise is refused. @default try again after any error */
  retryIf?: (error: unknown, attempt: number) => boolean
  /** Numbers from 0 to 1 for the jitter. @default Math.random */
  random?: () => number
}

export const DELAY_OPTIONS: OptionTable<DelayOptions> = {
  baseDelay: true,
  maxDelay: true,
  factor: true,
  jitter: true,
  retryIf: true,
  random: true,
}

/** Whether and when a job that failed is tried again. */
export interface RetryOptions extends DelayOptions {
  /** The most attempts, the first one included. */
  attempts: number
  /** The delay before the second attempt, or a function of the attempt that failed. @default baseDelay */
  backoff?: Duration | ((attempt: number, error: unknown) => Duration)
}

export const RETRY_OPTIONS: OptionTable<RetryOptions> = {
  ...DELAY_OPTIONS,
  attempts: true,
  backoff: true,
}

/** After a failure: how long until the next attempt, or `undefined` for never. */
export type Retry = (attempt: number, error: unknown) => Millis | undefined

/**
 * Reads how a job is retried. A number is that many attempts with the other options at their defaults.
 *
 * An error with `retryAfter` (seconds), such as the denial of a limiter, is not retried earlier. `Infinity` is not waited for.
 */
export function toRetry(name: string, given: number | RetryOptions): Retry {
  const options = typeof given === 'number' ? { attempts: given } : given
  known(name, options, RETRY_OPTIONS, name)
  const attempts = integer(`${name}.attempts`, options.attempts, 1)
  const { backoff, retryIf } = options as RetryOptions
  const fixed = typeof backoff !== 'function' && backoff !== undefined
  if (fixed) toMillis(`${name}.backoff`, backoff)
  const delays = toDelays(name, fixed ? { ...options, baseDelay: backoff } : options)
  return (attempt, error) => {
    if (attempt >= attempts) return undefined
    if (retryIf && !atOnce(`${name}.retryIf`, retryIf(error, attempt))) return undefined
    if (typeof backoff === 'function') {
      return atLeast(toMillis(`${name}.backoff`, backoff(attempt, error)), error)
    }
    return atLeast(delays(attempt), error)
  }
}

/** Reads the delays between attempts: exponential, capped, with jitter. */
export function toDelays(name: string, options: DelayOptions): (attempt: number) => Millis {
  const { baseDelay = 1, factor: growth = 2, random = Math.random } = options
  const { jitter: given = 'full' } = options
  const base = toMillis(`${name}.baseDelay`, baseDelay)
  const most =
    options.maxDelay === undefined
      ? Math.max(base, 60_000)
      : toMillis(`${name}.maxDelay`, options.maxDelay)
  const factor = positive(`${name}.factor`, growth)
  const jitter = typeof given === 'boolean' ? (given ? 'full' : 'none') : given
  oneOf(`${name}.jitter`, jitter, ['full', 'equal', 'none'])
  callback(`${name}.random`, random)
  callback(`${name}.retryIf`, options.retryIf)
  return (attempt) => {
    // After about 1,000 attempts the power is Infinity, and 0 * Infinity would be NaN.
    const delay = base === 0 ? 0 : Math.min(most, base * factor ** (attempt - 1))
    if (jitter === 'none') return delay
    const share = drawn(`${name}.random`, random)
    return jitter === 'full' ? delay * share : (delay * (1 + share)) / 2
  }
}

/** `delay`, or the longer `retryAfter` of the error: seconds, or text like `'30'`, `'1.5s'` or an HTTP date. */
export function atLeast(delay: Millis, error: unknown): Millis {
  const after = secondsOf(property(error, 'retryAfter'))
  return after * 1000 > delay && after < Infinity ? after * 1000 : delay
}

/** `NaN` when it has no time. */
function secondsOf(retryAfter: unknown): number {
  if (typeof retryAfter === 'number') return retryAfter
  if (typeof retryAfter !== 'string') return Number.NaN
  const text = retryAfter.trim()
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text)
  try {
    return toMillis('retryAfter', text as Duration) / 1000
  } catch {
    // An HTTP header may also carry a date.
    return /[a-z]{3}.*\d{4}/i.test(text) ? (Date.parse(text) - Date.now()) / 1000 : Number.NaN
  }
}
