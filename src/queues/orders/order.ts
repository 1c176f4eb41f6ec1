import type { QueuedJob } from '../job.ts'

/** Ranks the jobs that are due. A job stands in at most one order at a time. */
export interface Order extends Iterable<QueuedJob> {
  readonly size: number
  push(job: QueuedJob): void
  /** Returns a job that was taken to where it came from: before its equals. */
  putBack(job: QueuedJob): void
  /** The best one, which stays. */
  peek(): QueuedJob | undefined
  /** The best one, which leaves. */
  take(): QueuedJob | undefined
  /** Lets a job that stands here leave from wherever it stands. */
  remove(job: QueuedJob): void
  /** Whom newer ones push out: the one waiting longest; among priorities, of the lowest. */
  oldest(): QueuedJob | undefined
}
