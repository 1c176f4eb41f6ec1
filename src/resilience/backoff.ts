import * as check from '../core/check.ts'
import { type Clock, systemClock } from '../core/clock.ts'
import { checkMeter, type Metered } from '../core/meter.ts'
import { pause } from '../core/waiters.ts'
import { atLeast, DELAY_OPTIONS, type DelayOptions, toDelays } from './retry.ts'

/** How often {@link backoff} tries, and how long it waits between attempts. */
export interface BackoffOptions extends DelayOptions, Metered {
  /** The name in metrics. @default the name of the function, or 'backoff' */
  name?: string
  /** How often to try again after the first try; 0 for one try only. @default 5 */
  maxRetries?: number
  /** Ends the wait, with the reason of the signal. The function gets this signal too. */
  signal?: AbortSignal
  /** @default the runtime's clock */
  clock?: Clock
}

export const BACKOFF_OPTIONS: check.OptionTable<BackoffOptions> = {
  ...DELAY_OPTIONS,
  name: true,
  maxRetries: true,
  signal: true,
  clock: true,
  metrics: true,
}

/** The argument of the function that {@link backoff} calls. */
export interface BackoffContext {
  /** 1 for the first try. */
  attempt: number
  signal: AbortSignal
}

/**
 * Calls a function again until it succeeds or no retry is left: with delays that double from `baseDelay` to `maxDelay`, spread
 * by jitter.
 *
 * An error with `retryAfter` (seconds) is not retried earlier, even where that is longer than `maxDelay`. `Infinity` is not waited
 * for: the delay is the usual one.
 *
 * @example
 * const page = await backoff(() => load(url), { maxRetries: 3, baseDelay: '200ms' })
 *
 * @throws the last error when no retry is left, or `retryIf` answers false
 * @throws the reason of `signal` when it aborts
 */
export async function backoff<R>(
  fn: (context: BackoffContext) => R | PromiseLike<R>,
  options: BackoffOptions = {},
): Promise<R> {
  check.callable('fn', fn)
  check.known('backoff', options, BACKOFF_OPTIONS)
  const { maxRetries = 5, retryIf, signal = new AbortController().signal } = options
  if (maxRetries !== Infinity) check.integer('maxRetries', maxRetries, 0)
  check.abortable(signal)
  const { name = fn.name || 'backoff' } = options
  check.text('name', name)
  const clock = check.having('clock', options.clock, 'now') ?? systemClock
  const delays = toDelays('backoff', options)
  const attempts = checkMeter(options.metrics)?.counter('aioflux_backoff_attempts_total', {
    help: 'Attempts, by outcome: succeeded, retried, failed for good.',
  })
  const count = (outcome: string) => attempts?.with({ name, outcome }).inc()
  for (let attempt = 1; ; attempt++) {
    signal.throwIfAborted()
    let error: unknown
    try {
      const result = await fn({ attempt, signal })
      count('succeeded')
      return result
    } catch (thrown) {
      error = thrown
    }
    const worth = () => !retryIf || check.atOnce('backoff.retryIf', retryIf(error, attempt))
    if (attempt > maxRetries || !worth()) {
      count('failed')
      throw error
    }
    count('retried')
    await pause(clock, atLeast(delays(attempt), error), signal)
  }
}
