import { JobCancelledError } from '../../core/errors.ts'
import type { JobState } from '../job.ts'
import type { LocalJobHandle } from '../queue.ts'
import type { LocalJob } from '../store/local-job.ts'

/** Where a shared job is found: another job may come to stand for it. */
export interface Seat<R> {
  readonly job: LocalJob<unknown, R>
}

/** One caller's view of a job that others may want too. */
export class SharedJob<R> implements LocalJobHandle<R> {
  readonly #seat: Seat<R>
  readonly #leave: ((reason: unknown) => void) | undefined
  #left: { reason: unknown } | undefined
  #reject: ((reason: unknown) => void) | undefined
  #result: Promise<R> | undefined

  /** @param leave how this caller lets go of the job; `undefined` for a caller that was refused */
  constructor(seat: Seat<R>, leave: ((reason: unknown) => void) | undefined) {
    this.#seat = seat
    this.#leave = leave
  }

  get #job(): LocalJob<unknown, R> {
    return this.#seat.job
  }

  get id(): string {
    return this.#job.id
  }

  get state(): JobState {
    if (this.#leave === undefined) return 'duplicate'
    return this.#left === undefined ? this.#job.state : 'cancelled'
  }

  get priority(): number {
    return this.#job.priority
  }

  get attempt(): number {
    return this.#job.attempt
  }

  get reported(): unknown {
    return this.#job.reported
  }

  get result(): Promise<R> {
    if (this.#leave === undefined) return this.#job.result
    if (this.#result === undefined) {
      this.#result = new Promise((resolve, reject) => {
        this.#reject = reject
        if (this.#left !== undefined) reject(this.#left.reason)
        else this.#job.result.then(resolve, reject)
      })
      this.#result.catch(() => {})
    }
    return this.#result
  }

  cancel(reason: unknown = new JobCancelledError(this.id)): boolean {
    if (this.#leave === undefined || this.#left !== undefined || this.#job.over) return false
    this.#left = { reason }
    this.#reject?.(reason)
    this.#leave(reason)
    return true
  }

  setPriority(): boolean {
    return false
  }
}
