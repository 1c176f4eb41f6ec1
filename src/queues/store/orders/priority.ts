import type { LocalJob } from '../local-job.ts'
import type { Arrivals } from './arrivals.ts'
import { RankedOrder } from './ranked.ts'

/** The higher priority first; the lowest priority makes room for new jobs. */
export function priorityOrder(arrivals?: Arrivals): RankedOrder {
  return new RankedOrder((job) => -job.priority, priorityOf, arrivals)
}

/** First come, first served, for jobs that may move to another order and return to their old places. */
export function arrivalOrder(arrivals: Arrivals): RankedOrder {
  return new RankedOrder(none, undefined, arrivals)
}

function priorityOf(job: LocalJob): number {
  return job.priority
}

function none(): number {
  return 0
}
