import type { Millis } from '../../core/duration.ts'
import type { MaybePromise } from '../store/job-store.ts'
import type { Attempt } from './attempt.ts'

/**
 * What consumers take work from, without a promise in between: the memory of this process itself, or the claims that were
 * fetched ahead from a store elsewhere. What must wait (for a limiter, its group, its time) is not handed out.
 *
 * An attempt is ended once, by one of the four last moves. Each answers `false` where it came too late: then another
 * worker has the job.
 */
export interface Source {
  /** How many jobs there may be to take. 0 after a `take` that gave nothing, until something changes. */
  readonly ready: number
  /** Since when the first of them has waited, by the clock. */
  readonly since: Millis
  /**
   * Claims the best job and begins an attempt at it.
   *
   * @param want how many jobs the caller would take now, this one included
   * @param company true while a batch is being filled: a job that has to wait for the limiter then simply stays behind
   * @param wanted false where a listener of the limiter, which ran meanwhile, has paused the queue or taken workers away
   */
  take(want: number, company: boolean, wanted: () => boolean): Attempt | undefined
  /** An attempt that was taken is known now: others may begin in the place of its job, and their handlers may end it. */
  begun(): void
  complete(attempt: Attempt, value: unknown): MaybePromise<boolean>
  /** The attempt has failed; the job is due again after `delay`. */
  retry(attempt: Attempt, delay: Millis, error: unknown): MaybePromise<boolean>
  /** The attempt has failed for good, or is not wanted any more. */
  fail(attempt: Attempt, error: unknown, dead: boolean): MaybePromise<boolean>
  /** The job returns to its place, as if it had not been claimed, or waits for `delay`. @param punctual as in `Ending` */
  release(attempt: Attempt, delay: Millis, punctual?: boolean): MaybePromise<boolean>
}
