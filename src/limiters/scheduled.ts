import { callable } from '../core/check.ts'
import { costOf } from './calls/call-options.ts'
import type { Limiter, WaitOptions } from './limiter.ts'

/** Waits, runs `fn`, and gives back what was held only while it ran. */
export async function scheduled<T>(
  limiter: Pick<Limiter, 'wait' | 'leave'>,
  key: string,
  fn: (signal: AbortSignal) => T | Promise<T>,
  options: WaitOptions,
  never: AbortSignal,
): Promise<T> {
  callable('fn', fn)
  await limiter.wait(key, options)
  try {
    return await fn(options.signal ?? never)
  } finally {
    limiter.leave?.(key, costOf(options))
  }
}
