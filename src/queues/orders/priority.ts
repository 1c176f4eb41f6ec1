import type { QueuedJob } from '../job.ts'
import { RankedOrder } from './ranked.ts'

/** Higher priority first; the lowest gives way to newcomers. */
export function priorityOrder(): RankedOrder {
  return new RankedOrder((job) => -job.priority, priorityOf)
}

function priorityOf(job: QueuedJob): number {
  return job.priority
}
