import * as check from '../core/check.ts'
import { type Clock, systemClock } from '../core/clock.ts'
import { describe, OptionTypeError } from '../core/errors.ts'
import { pause } from '../core/waiters.ts'
import { atLeast, type DelayOptions, toDelays } from './retry.ts'

/** How often {@link backoff} tries again, and how long it waits before each try. */
export interface BackoffOptions extends DelayOptions {
  /** How often to try again after the first try; 0 for one try only. @default 5 */
  maxRetries?: number
  /** Ends the waiting, with its reason; also handed to the function. */
  signal?: AbortSignal
  /** @default the runtime's clock */
  clock?: Clock
}

/** What {@link backoff} tells the function about each try. */
export interface BackoffContext {
  /** 1 for the first try. */
  attempt: number
  signal: AbortSignal
}

/**
 * Tries until it works: with delays that double from `baseDelay` to `maxDelay`, spread by jitter.
 *
 * An error that says `retryAfter` (seconds) is not retried before that.
 *
 * @example
 * const page = await backoff(() => load(url), { maxRetries: 3, baseDelay: '200ms' })
 *
 * @throws the last error when no retry is left, or `retryIf` says it is not worth one
 * @throws the reason of `signal` when that aborts
 */
export async function backoff<R>(
  fn: (context: BackoffContext) => R | PromiseLike<R>,
  options: BackoffOptions = {},
): Promise<R> {
  if (typeof fn !== 'function') {
    throw new OptionTypeError('fn', `fn must be a function, got ${describe(fn)}`)
  }
  check.options('options', options)
  const { maxRetries = 5, retryIf, signal = new AbortController().signal } = options
  if (maxRetries !== Infinity) check.integer('maxRetries', maxRetries, 0)
  const delays = toDelays('backoff', options)
  for (let attempt = 1; ; attempt++) {
    signal.throwIfAborted()
    let error: unknown
    try {
      return await fn({ attempt, signal })
    } catch (thrown) {
      error = thrown
    }
    if (attempt > maxRetries || retryIf?.(error, attempt) === false) throw error
    await pause(options.clock ?? systemClock, atLeast(delays(attempt), error), signal)
  }
}
