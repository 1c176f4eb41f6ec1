import type { LocalJob } from '../local-job.ts'
import type { Arrivals } from './arrivals.ts'
import type { JobWalk } from './job-walk.ts'

/** Ranks the due jobs. A job is in at most one order at a time, and names it in `job.holder`. */
export interface Order extends Iterable<LocalJob> {
  readonly size: number
  push(job: LocalJob): void
  /** Returns a job that has left to its old place. */
  restore(job: LocalJob): void
  /** The best job, without taking it. */
  peek(): LocalJob | undefined
  /** Takes the best job. */
  take(): LocalJob | undefined
  /** Removes a job from any place; does nothing when the job is not in this order. */
  remove(job: LocalJob): void
  /** The job that makes room for new ones: the job that has waited longest; with priorities, of the lowest priority. */
  oldest(): LocalJob | undefined
  /** The job that came first, whatever its rank. Costs O(ranks), not O(jobs), and no memory. */
  first(): LocalJob | undefined
  /**
   * Visits each job, in no order; some of them twice. Iterating over the order sorts the jobs first, which takes a second for a million jobs.
   */
  visit(walk: JobWalk): void
}

/**
 * Makes an order of a queue.
 *
 * @param arrivals numbers that all orders of the queue share, because the order of a group is made anew when the group comes back
 * @param roaming true when jobs may move to another order, the line of their key, and come back
 */
export type MakeOrder = (arrivals: Arrivals, roaming: boolean) => Order
