import { textOf } from '../../core/error-text.ts'
import {
  ClosedError,
  isAioFluxError,
  JobCancelledError,
  JobDroppedError,
  JobFailedError,
  JobGoneError,
} from '../../core/errors.ts'
import type { Job, JobState } from '../job.ts'
import { errorOf } from '../store/job-record.ts'
import type { Outcome } from '../store/job-store.ts'
import type { Share } from '../store/queue-storage.ts'

/** What can be done to a job by its handle. What was put later with its id is another job, and left alone. */
export interface JobVerbs {
  callOff(job: RemoteJob, reason: unknown): Promise<boolean>
  /** This caller does not want the result of a shared job any more. `false` where the job has ended. */
  leave(job: RemoteJob, share: Share, reason: unknown): Promise<boolean>
  reprioritise(job: RemoteJob, priority: number): Promise<boolean>
}

/** Is told when the outcome of a job is wanted. */
export interface Follower {
  follow(job: RemoteJob): void
}

/** What the cancel of a handle ends: the job, nothing, since the job is that of another put, or this caller's share in it. */
export type Stake = 'job' | 'nothing' | Share

/** What is known of a job when it has been put. */
export interface RemoteJobTerms {
  readonly id: string
  readonly item: unknown
  readonly state: JobState
  readonly priority: number
  /** As `Inserted.at`. */
  readonly at?: number | undefined
}

/** The putter's view of a job that is kept in a storage elsewhere. */
export class RemoteJob<R = unknown> implements Job<R> {
  readonly id: string
  readonly item: unknown
  readonly priority: number
  /** As `Inserted.at`: it had not ended then. */
  readonly since: number | undefined
  state: JobState
  attempt = 0
  reported: unknown = undefined
  /** True when the storage has answered a cancel. */
  cancelHeard = false
  readonly #verbs: JobVerbs
  readonly #follower: Follower
  readonly #stake: Stake
  /** This caller has cancelled its share, or is about to. */
  #left = false
  /** The signal of this caller has aborted. */
  #aborted: { readonly reason: unknown } | undefined
  /** How the job ended meanwhile. */
  #missed: Outcome | undefined
  #result: Promise<R> | undefined
  #resolve: (value: R) => void = nothing
  #reject: (error: unknown) => void = nothing
  #outcome: { value: R } | { error: unknown } | undefined

  constructor(
    { id, item, state, priority, at }: RemoteJobTerms,
    stake: Stake,
    verbs: JobVerbs,
    follower: Follower,
  ) {
    this.#stake = stake
    this.id = id
    this.item = item
    this.state = state
    this.priority = priority
    this.since = at
    this.#verbs = verbs
    this.#follower = follower
  }

  /** The result is asked for: a failure need not be told on the console. */
  get watched(): boolean {
    return this.#result !== undefined
  }

  get times(): undefined {
    return undefined
  }

  get result(): Promise<R> {
    if (this.#result === undefined) {
      this.await()
      if (this.#outcome === undefined) this.#follower.follow(this as RemoteJob)
    }
    return this.#result as unknown as Promise<R>
  }

  /** The result is wanted, and the store knows. */
  await(): void {
    this.#result = new Promise<R>((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    // A failure that is not awaited does not end the process.
    this.#result.catch(nothing)
    const outcome = this.#outcome
    if (outcome === undefined) return
    if ('value' in outcome) this.#resolve(outcome.value)
    else this.#reject(outcome.error)
  }

  async cancel(reason?: unknown): Promise<boolean> {
    const stake = this.#stake
    if (stake === 'job') {
      const asked = await this.#verbs.callOff(this as RemoteJob, reason)
      this.cancelHeard = true
      return asked
    }
    if (stake === 'nothing' || this.#left || this.#outcome !== undefined) return false
    this.#left = true
    try {
      const left = await this.#verbs.leave(this as RemoteJob, stake, reason)
      this.cancelHeard = true
      if (left) this.#endCancelled(reason)
      else this.#stay()
      return left
    } catch (error) {
      this.#stay()
      throw error
    }
  }

  /**
   * The signal of this caller has aborted: the job is cancelled, and its result rejects with the reason of the signal. A reason that
   * cannot travel, as one of a browser's events, is told to other processes as text.
   */
  async abort(reason: unknown): Promise<boolean> {
    this.#aborted = { reason }
    try {
      return await this.cancel(reason)
    } catch (error) {
      if (isAioFluxError(error) && error.code !== 'INVALID_OPTION') throw error
      return this.cancel(textOf(reason))
    }
  }

  #endCancelled(reason: unknown): void {
    const aborted = this.#aborted
    this.end('cancelled', aborted ? aborted.reason : new JobCancelledError(this.id, reason))
  }

  async setPriority(priority: number): Promise<boolean> {
    // A job that was not accepted has no id.
    return this.id !== '' && this.#verbs.reprioritise(this as RemoteJob, priority)
  }

  /** The job has ended, in whichever process. */
  settle(outcome: Outcome): void {
    if (this.#left) {
      this.#missed = outcome
      return
    }
    switch (outcome.state) {
      case 'completed':
        this.state = 'completed'
        this.#outcome = { value: outcome.value as R }
        return this.#resolve(outcome.value as R)
      case 'failed':
        return this.end('failed', new JobFailedError(this.id, errorOf(outcome.error)))
      case 'cancelled':
        return this.#endCancelled(outcome.reason)
      case 'gone':
        return this.end('dropped', new JobGoneError(this.id))
    }
  }

  /** It could not be left. */
  #stay(): void {
    this.#left = false
    if (this.#missed !== undefined) this.settle(this.#missed)
  }

  end(state: JobState, error: unknown): void {
    this.state = state
    this.#outcome = { error }
    this.#reject(error)
  }

  /** It was pushed away because the queue is full. */
  drop(why: string): void {
    this.end('dropped', new JobDroppedError(why))
  }

  /** The queue stops while the outcome is awaited. */
  close(queue: string): void {
    this.#reject(new ClosedError(`queue '${queue}'`))
  }
}

function nothing(): void {}
