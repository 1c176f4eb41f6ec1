import type { LocalJob } from '../local-job.ts'
import type { Arrivals } from './arrivals.ts'
import type { JobWalk } from './job-walk.ts'

/** Ranks the jobs that are due. A job stands in at most one order at a time, and names it: `job.holder`. */
export interface Order extends Iterable<LocalJob> {
  readonly size: number
  push(job: LocalJob): void
  /** Returns a job that has left to its old place. */
  restore(job: LocalJob): void
  /** The best one, which stays. */
  peek(): LocalJob | undefined
  /** The best one, which leaves. */
  take(): LocalJob | undefined
  /** Lets a job leave from wherever it stands here; does nothing where it stands elsewhere. */
  remove(job: LocalJob): void
  /** The job that makes room for newer ones: the one waiting longest; among priorities, of the lowest. */
  oldest(): LocalJob | undefined
  /** The job that came first, whatever its rank. Costs a look at each rank, not at each job, and keeps nothing. */
  first(): LocalJob | undefined
  /**
   * Shows each job, in no order, and some of them twice. Iterating over the order sorts the jobs first: for a million of them
   * that takes a second.
   */
  visit(walk: JobWalk): void
}

/**
 * Makes an order of a queue.
 *
 * @param arrivals numbers that all orders of the queue share: the order of a group is made anew when the group comes back
 * @param roaming true where its jobs may leave for another order, the line of their key, and come back
 */
export type MakeOrder = (arrivals: Arrivals, roaming: boolean) => Order
