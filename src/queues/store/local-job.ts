import type { AsyncContext } from '../../core/async-context.ts'
import type { Millis } from '../../core/duration.ts'
import { JobCancelledError } from '../../core/errors.ts'
import { pending, resolveOfLast } from '../../core/pending.ts'
import type { Retry, RetryOptions } from '../../resilience/retry.ts'
import type { Job, JobState } from '../job.ts'
import type { JobTimes } from '../observe/job-times.ts'

/** What a limiter and the groups ask of a job. */
export interface JobLabel {
  group?: string
  /** How many turns its group gets while a group of weight 1 gets one. */
  weight?: number
  /** What the limiter is asked for it. */
  limiterKey?: string
  cost?: number
}

/**
 * An attempt that failed. The error stays as it was thrown until it is read: V8 writes the text of a stack when that is first
 * read, which takes longer than the attempt.
 */
export interface FailedTry {
  readonly startedAt: Millis
  readonly endedAt: Millis
  readonly error: unknown
}

/** What few jobs have, kept apart so that the others stay small. */
export interface JobExtras extends JobLabel {
  // As it was put.
  /** The caller's own id. */
  id?: string
  /** What makes it the same as another, in a dedupe queue. */
  key?: string | undefined
  context?: AsyncContext | undefined
  timeout?: Millis | undefined
  retry?: Retry | undefined
  /** How it is retried, as its put said. */
  asked?: number | RetryOptions | undefined
  /** When it comes due, by the clock that `byDate` tells. */
  due?: Millis
  byDate?: boolean

  // What became of it.
  /** Where it goes back to in its order when it is due again, while it is delayed; a job that has no such place lines up anew. */
  place?: number | undefined
  /** What it was ranked by, where that changes with time. */
  rank?: number
  reported?: unknown
  /** True when the job ended before the queue had room for it. */
  refused?: boolean
  /** How many claims were given back: they are no attempts. */
  released?: number
  /** When its first attempt began, by the clock, where that attempt has ended without ending the job. */
  startedAt?: Millis
  /** How many attempts were made before it was redriven from the dead. */
  forgotten?: number
  /** When it was redriven, as `LocalJob.seq` counts. */
  turn?: number
  tries?: FailedTry[]
  /** When it was put and begun, where it is timed. */
  times?: JobTimes | undefined

  // Callbacks of the putter.
  /** Tells the putter that the job was accepted, or that it will not be. */
  accept?: ((job: LocalJob) => void) | undefined
  refuse?: ((error: unknown) => void) | undefined
  /** Called once when the job is over. */
  onEnd?: (() => void) | undefined
}

/** What a job needs to be cancelled, moved and reported. */
export interface JobOwner {
  cancel(job: LocalJob, reason: unknown): boolean
  reprioritise(job: LocalJob, priority: number): boolean
  progressed(job: LocalJob, value: unknown): void
}

/**
 * A job in this process: the record that the store keeps, and the handle that the putter holds. One object for both, and few
 * fields, because a million of them may wait. While it waits its store changes its state, while it runs its attempt does.
 */
// biome-ignore lint/suspicious/noExplicitAny: orders and stores do not care what is in a job.
export class LocalJob<T = any, R = any> implements Job<R> {
  item: T
  priority: number
  /** Counts the jobs of a queue in the order of their puts. */
  readonly seq: number
  state: JobState = 'waiting'
  /** How often it was claimed. */
  deliveries = 0
  /** The order that it stands in. An entry of any other order that still names this job is void. */
  holder: object | undefined = undefined
  /** Where it stands in that order: a number of that order alone. */
  place = 0
  /** Where its attempt stands among those that run: a number of theirs alone. */
  slot = 0
  /** Its neighbours there, where the order is a chain. */
  before: LocalJob | undefined = undefined
  next: LocalJob | undefined = undefined
  extras: JobExtras | undefined = undefined
  static {
    // A promise that is resolved with a job looks for its `then`, also in what all objects have. To find at once that it is
    // nothing takes half the time of not finding it, which would be the most of what a `put` costs.
    Object.defineProperty(LocalJob.prototype, 'then', { value: undefined })
  }

  readonly #owner: JobOwner
  #promise: Promise<R> | undefined
  /** While the job is not over, what resolves the promise; then, what it ended with. */
  #outcome: unknown

  constructor(item: T, priority: number, seq: number, owner: JobOwner) {
    this.item = item
    this.priority = priority
    this.seq = seq
    this.#owner = owner
  }

  get id(): string {
    return this.extras?.id ?? String(this.seq)
  }

  /** When it lined up among the other jobs: as `seq`; for a job that was redriven, later. */
  get turn(): number {
    return this.extras?.turn ?? this.seq
  }

  get attempt(): number {
    const { extras } = this
    return extras === undefined
      ? this.deliveries
      : this.deliveries - (extras.released ?? 0) - (extras.forgotten ?? 0)
  }

  get reported(): unknown {
    return this.extras?.reported
  }

  get times(): JobTimes | undefined {
    return this.extras?.times
  }

  set times(times: JobTimes | undefined) {
    this.more().times = times
  }

  get over(): boolean {
    return this.state !== 'waiting' && this.state !== 'running' && !this.pending
  }

  /** True while it neither waits in line nor runs, and is not over. */
  get pending(): boolean {
    return this.state === 'offered' || this.state === 'delayed'
  }

  /** True when the promise of the result has been handed to a caller. */
  get watched(): boolean {
    return this.#promise !== undefined
  }

  /** What it ended with, once it is over. */
  get outcome(): unknown {
    return this.over ? this.#outcome : undefined
  }

  get result(): Promise<R> {
    if (this.#promise !== undefined) return this.#promise
    if (!this.over) return this.watch()
    const failed = this.state !== 'completed'
    this.#promise = (
      failed ? Promise.reject(this.#outcome) : Promise.resolve(this.#outcome)
    ) as Promise<R>
    if (failed) this.#promise.catch(nothing)
    return this.#promise
  }

  cancel(reason: unknown = new JobCancelledError(this.id)): boolean {
    return this.#owner.cancel(this, reason)
  }

  setPriority(priority: number): boolean {
    return this.#owner.reprioritise(this, priority)
  }

  more(): JobExtras {
    this.extras ??= {}
    return this.extras
  }

  /** Makes the promise of the result: to be called at most once, before the job is over. */
  watch(): Promise<R> {
    const promise = pending<R>()
    this.#outcome = resolveOfLast()
    this.#promise = promise
    return promise
  }

  /** The handler tells how far it has come. */
  progressed(value: unknown): void {
    this.more().reported = value
    this.#owner.progressed(this, value)
  }

  complete(value: R): void {
    this.state = 'completed'
    if (this.#promise !== undefined) (this.#outcome as (value: R) => void)(value)
    this.#outcome = value
    if (this.extras !== undefined) this.#end()
  }

  /** Ends the job without a result. */
  end(state: 'failed' | 'cancelled' | 'dropped', error: unknown): void {
    this.state = state
    if (this.#promise !== undefined) {
      // A caller that awaits the result still gets the error; only the process does not get an unhandled rejection.
      this.#promise.then(undefined, nothing)
      ;(this.#outcome as (value: unknown) => void)(Promise.reject(error))
    }
    this.#outcome = error
    if (this.extras !== undefined) this.#end()
  }

  /** Ends as another job has ended, which stood for this one too. */
  endAs(other: LocalJob<T, R>): void {
    if (this.over) return
    const { state, outcome } = other
    if (state === 'completed') this.complete(outcome as R)
    else this.end(state as 'failed' | 'cancelled' | 'dropped', outcome)
  }

  /** Calls `run` once, when the job is over. */
  onEnd(run: () => void): void {
    const extras = this.more()
    const { onEnd } = extras
    extras.onEnd =
      onEnd === undefined
        ? run
        : () => {
            onEnd()
            run()
          }
  }

  #end(): void {
    const extras = this.extras as JobExtras
    const { refuse, context, onEnd } = extras
    // Only what is there is cleared: a property that is new would make the object larger.
    if (refuse !== undefined) {
      extras.accept = undefined
      extras.refuse = undefined
      refuse(this.#outcome)
    }
    if (context !== undefined) extras.context = undefined
    if (onEnd !== undefined) {
      extras.onEnd = undefined
      onEnd()
    }
  }
}

function nothing(): void {}
