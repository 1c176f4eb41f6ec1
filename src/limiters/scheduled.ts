import { callable } from '../core/check.ts'
import { costOf } from './calls/call-options.ts'
import type { Limiter, LimiterWaitOptions } from './limiter.ts'
import { took } from './took.ts'

/** What is scheduled. */
export type Work<T> = (signal: AbortSignal) => T | Promise<T>

/** Waits, runs `fn`, and gives back what was held only while it ran. */
export async function scheduled<T>(
  limiter: Pick<Limiter, 'wait' | 'leave'>,
  key: string,
  fn: Work<T>,
  options: LimiterWaitOptions,
  never: AbortSignal,
): Promise<T> {
  callable('fn', fn)
  const decision = await limiter.wait(key, options)
  try {
    return await fn(options.signal ?? never)
  } finally {
    const cost = costOf(options)
    if (took(decision, cost)) limiter.leave?.(key, cost, decision)
  }
}
