import type { Clock } from '../../core/clock.ts'
import type { Millis } from '../../core/duration.ts'
import { isAioFluxError } from '../../core/errors.ts'
import { inTime, TRIP } from '../../core/in-time.ts'
import { Waiters } from '../../core/waiters.ts'

/** How often a wait that hints may have missed looks again. */
export const POLL: Millis = 1000

/** How long a caller waits: until `end`, unless its signal aborts. */
export interface Stay {
  readonly end: Millis
  readonly signal: AbortSignal | undefined
}

/**
 * The answer of a storage, for a caller that may leave before it comes. One trip to the storage is always waited for.
 *
 * @param what named in the error when the answer comes too late
 * @param undo gives back a result that comes after the caller has left
 * @throws WaitTimeoutError, or the reason of the signal (rejects)
 */
export function answered<A>(
  clock: Clock,
  answer: Promise<A>,
  what: string,
  { end, signal }: Stay,
  undo?: (late: A) => unknown,
): Promise<A> {
  const caller = new Waiters<void>(clock, what)
  const patience = (heard: Promise<void>) => {
    const timeout = Math.max(TRIP, end - clock.now()) / 1000
    const wait = caller.wait({ signal, ...(end < Infinity && { timeout }) })
    void heard.then(() => caller.grant(undefined))
    return wait
  }
  return inTime(answer, patience, undo)
}

/** For waits that look again: their timeout is no error. */
export function unlessTimeout(error: unknown): void {
  if (!isAioFluxError(error, 'WAIT_TIMEOUT')) throw error
}
