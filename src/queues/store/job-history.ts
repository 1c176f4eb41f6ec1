import type { Clock } from '../../core/clock.ts'
import type { Millis } from '../../core/duration.ts'
import type { Attempt } from '../consume/attempt.ts'
import { type Keeping, type KeptJob, KeptJobs } from './kept-jobs.ts'
import type { LocalJob } from './local-job.ts'

const NOTHING: Keeping = { age: 0, count: 0 }
/** How many attempts of a job are kept: the latest. */
export const MOST_TRIES = 5

/** Remembers the attempts of jobs in this process, and jobs that have ended. */
export class JobHistory {
  readonly dead: KeptJobs
  readonly completed: KeptJobs
  /** True when ended jobs may be kept. */
  readonly keeps: boolean
  /** True when the start of attempts is recorded, which costs one more reading of the clock for each. */
  readonly timed: boolean
  readonly #clock: Clock

  /** @param retries true when jobs may have several attempts */
  constructor(
    clock: Clock,
    keep: { readonly dead: Keeping; readonly completed: Keeping } | undefined,
    retries: boolean,
  ) {
    this.#clock = clock
    this.dead = new KeptJobs(keep?.dead ?? NOTHING, clock)
    this.completed = new KeptJobs(keep?.completed ?? NOTHING, clock)
    this.keeps = keep !== undefined
    this.timed = retries || this.keeps
  }

  /** When the first attempt of a job began, if attempts are timed. */
  startOf({ extras }: LocalJob, begunAt: Millis | undefined): Millis | undefined {
    return extras?.startedAt ?? (this.timed ? begunAt : undefined)
  }

  /** An attempt has ended, and its job goes on. */
  began({ job, begunAt }: Attempt): void {
    if (this.timed) (job as LocalJob).more().startedAt ??= begunAt
  }

  /** As {@link began}, for an attempt that has failed. */
  failed(attempt: Attempt, error: unknown): void {
    this.began(attempt)
    const extras = (attempt.job as LocalJob).more()
    const tries = extras.tries ?? []
    const endedAt = this.#clock.now()
    tries.push({ startedAt: this.timed ? attempt.begunAt : endedAt, endedAt, error })
    if (tries.length > MOST_TRIES) tries.shift()
    extras.tries = tries
  }

  /** The ended job with this id, if it is kept. */
  find(id: string): KeptJob | undefined {
    return this.dead.get(id) ?? this.completed.get(id)
  }

  /** Forgets an ended job. @returns false when it was not kept */
  forget(id: string): boolean {
    return this.dead.delete(id) || this.completed.delete(id)
  }
}
