import type { Clock } from '../../../core/clock.ts'
import type { Millis } from '../../../core/duration.ts'
import type { LocalJob } from '../local-job.ts'
import type { Arrivals } from './arrivals.ts'
import { RankedOrder } from './ranked.ts'

/**
 * Priorities that grow by one for every `step` of waiting, so that nothing starves. All grow alike, so the order between
 * two jobs never changes, and each can be ranked once: by when it would have had to come with priority 0.
 */
export function agingOrder(step: Millis, clock: Clock, arrivals?: Arrivals): RankedOrder {
  const rankOf = (job: LocalJob) => {
    const rank = clock.now() - job.priority * step
    job.more().rank = rank
    return rank
  }
  return new RankedOrder(rankOf, undefined, arrivals, (job) => job.extras?.rank ?? rankOf(job))
}
