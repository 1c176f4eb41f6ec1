import type { Micros } from '../core/duration.ts'
import type { Events } from '../core/events.ts'
import type { BreakerEvents, BreakerStats } from './breaker-types.ts'
import { FAILED, NEUTRAL, type Outcome, SLOW } from './outcome.ts'

/** Counts since the start: every admitted call ends in exactly one of succeeded, failed, ignored and stale. */
export class BreakerTally {
  admitted = 0
  succeeded = 0
  failed = 0
  slow = 0
  ignored = 0
  stale = 0
  refused = 0

  ended(outcome: Outcome, stale: boolean): void {
    if (stale) this.stale += 1
    else if (outcome === NEUTRAL) this.ignored += 1
    else if (outcome & FAILED) this.failed += 1
    else this.succeeded += 1
    if (!stale && outcome & SLOW) this.slow += 1
  }

  counts(): Omit<
    BreakerStats,
    'name' | 'state' | 'retryAfter' | 'opened' | 'failuresInARow' | 'window'
  > {
    const { admitted, succeeded, failed, slow, ignored, stale, refused } = this
    const running = admitted - succeeded - failed - ignored - stale
    return { admitted, succeeded, failed, slow, ignored, stale, running, refused }
  }
}

/** Tells listeners how a call has ended. */
export function tellEnd(
  events: Events<BreakerEvents>,
  name: string,
  outcome: Outcome,
  stale: boolean,
  took: Micros | undefined,
  error: unknown,
): void {
  const seconds = took === undefined ? undefined : took / 1e6
  const call = { name, seconds, slow: (outcome & SLOW) !== 0, stale }
  if (outcome === NEUTRAL) events.emit('ignored', { ...call, error })
  else if (outcome & FAILED) events.emit('failure', { ...call, error })
  else events.emit('success', call)
}
