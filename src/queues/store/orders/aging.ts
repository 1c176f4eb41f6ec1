import type { Clock } from '../../../core/clock.ts'
import type { Millis } from '../../../core/duration.ts'
import type { LocalJob } from '../local-job.ts'
import type { Arrivals } from './arrivals.ts'
import { RankedOrder } from './ranked.ts'

/**
 * Priorities that grow by one for every `step` of waiting, so that no job starves. All priorities grow at the same rate, so the order of two
 * jobs never changes. So each job is ranked once: by the time at which a job of priority 0 would have had to come to be equal to it.
 */
export function agingOrder(step: Millis, clock: Clock, arrivals?: Arrivals): RankedOrder {
  const rankOf = (job: LocalJob) => {
    const rank = clock.now() - job.priority * step
    job.more().rank = rank
    return rank
  }
  return new RankedOrder(rankOf, undefined, arrivals, (job) => job.extras?.rank ?? rankOf(job))
}
