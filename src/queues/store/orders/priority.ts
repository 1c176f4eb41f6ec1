import type { LocalJob } from '../local-job.ts'
import type { Arrivals } from './arrivals.ts'
import { RankedOrder } from './ranked.ts'

/** Higher priority first; the lowest gives way to newcomers. */
export function priorityOrder(arrivals?: Arrivals): RankedOrder {
  return new RankedOrder((job) => -job.priority, priorityOf, arrivals)
}

/** First come, first served, where jobs may leave for another order and return to their old places. */
export function arrivalOrder(arrivals: Arrivals): RankedOrder {
  return new RankedOrder(none, undefined, arrivals)
}

function priorityOf(job: LocalJob): number {
  return job.priority
}

function none(): number {
  return 0
}
