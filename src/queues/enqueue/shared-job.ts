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
  readonly #leave: ((reason: unknown, late: boolean) => void) | undefined
  #left: { readonly reason: unknown; readonly late: boolean } | undefined
  #refuse: ((reason: unknown) => void) | undefined
  #reject: ((reason: unknown) => void) | undefined
  #result: Promise<R> | undefined

  /**
   * @param leave how this caller leaves the job: `late`, where room for it did not come in time; `undefined` for a caller that
   * was refused
   */
  constructor(seat: Seat<R>, leave: ((reason: unknown, late: boolean) => void) | undefined) {
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
    if (this.#left === undefined) return this.#job.state
    return this.#left.late ? 'dropped' : 'cancelled'
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
    return this.#leaves(reason, false)
  }

  /** Room did not come in time for this caller. */
  giveUp(reason: unknown): boolean {
    return this.#leaves(reason, true)
  }

  /** Resolves when `accepted` does, unless this caller leaves before. */
  whenAccepted(accepted: Promise<unknown>): Promise<this> {
    const own = new Promise<this>((resolve, reject) => {
      if (this.#left !== undefined) return reject(this.#left.reason)
      this.#refuse = reject
      accepted.then(() => resolve(this), reject)
    })
    // When that is not awaited, events and reports tell the outcome.
    own.catch(() => {})
    return own
  }

  setPriority(): boolean {
    return false
  }

  #leaves(reason: unknown, late: boolean): boolean {
    if (this.#leave === undefined || this.#left !== undefined || this.#job.over) return false
    this.#left = { reason, late }
    this.#reject?.(reason)
    this.#refuse?.(reason)
    this.#leave(reason, late)
    return true
  }
}
