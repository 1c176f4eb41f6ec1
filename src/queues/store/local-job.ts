import type { AsyncContext } from '../../core/async-context.ts'
import type { Millis } from '../../core/duration.ts'
import { JobCancelledError } from '../../core/errors.ts'
import { pending, resolveOfLast } from '../../core/pending.ts'
import type { Retry, RetryOptions } from '../../resilience/retry.ts'
import type { Job, JobState } from '../job.ts'
import type { JobTimes } from '../observe/job-times.ts'

/** The group, and the key and cost at the limiter, of a job. */
export interface JobLabel {
  group?: string
  /** How many turns the group gets while a group of weight 1 gets one. */
  weight?: number
  /** The key of the job at the limiter. */
  limiterKey?: string
  cost?: number
}

/**
 * An attempt that failed. The thrown error is kept as it is: V8 writes the text of a stack at the first read of it, which takes longer than
 * the attempt.
 */
export interface FailedTry {
  readonly startedAt: Millis
  readonly endedAt: Millis
  readonly error: unknown
}

/** Fields that few jobs have, apart from the job so that other jobs stay small. */
export interface JobExtras extends JobLabel {
  // As it was put.
  /** The id that the caller chose. */
  id?: string
  /** The key that makes jobs duplicates, in a dedupe queue. */
  key?: string | undefined
  context?: AsyncContext | undefined
  timeout?: Millis | undefined
  retry?: Retry | undefined
  /** The option `retry` of its put. */
  asked?: number | RetryOptions | undefined
  /** When it is due, by the clock or by the date, as `byDate` says. */
  due?: Millis
  byDate?: boolean

  // Set later.
  /** The place in its order to which a delayed job returns when it is due; without a place it goes to the end. */
  place?: number | undefined
  /** The rank that it got, if ranks change with time. */
  rank?: number
  reported?: unknown
  /** True when the job ended before the queue had room for it. */
  refused?: boolean
  /** How many claims were released: they do not count as attempts. */
  released?: number
  /** The start of its first attempt, by the clock, if that attempt has ended and the job goes on. */
  startedAt?: Millis
  /** How many attempts were made before it was redriven. */
  forgotten?: number
  /** When it was redriven, as `LocalJob.seq` counts. */
  turn?: number
  tries?: FailedTry[]
  /** When it was put and begun, if it is timed. */
  times?: JobTimes | undefined

  // Callbacks of the caller of `put`.
  /** Tells the caller of `put` that the job was accepted, or that it was not. */
  accept?: ((job: LocalJob) => void) | undefined
  refuse?: ((error: unknown) => void) | undefined
  /** Called once when the job is over. */
  onEnd?: (() => void) | undefined
}

/** The queue of a job: cancels and moves it, and is told of its progress. */
export interface JobOwner {
  cancel(job: LocalJob, reason: unknown): boolean
  reprioritise(job: LocalJob, priority: number): boolean
  progressed(job: LocalJob, value: unknown): void
}

/**
 * A job in this process: the record that the store keeps, and the handle that the caller of `put` holds. It is one object with few fields,
 * because a million of them may wait. While the job waits, its store changes its state; while it runs, its attempt does.
 */
// biome-ignore lint/suspicious/noExplicitAny: orders and stores do not read the items of jobs.
export class LocalJob<T = any, R = any> implements Job<R> {
  item: T
  priority: number
  /** The number of the job, in the order of the puts. */
  readonly seq: number
  state: JobState = 'waiting'
  /** How often it was claimed. */
  deliveries = 0
  /** The order in which the job stands. An entry of another order that still names the job is void. */
  holder: object | undefined = undefined
  /** Its place in that order: a number that only the order understands. */
  place = 0
  /** The place of its attempt among the running attempts. */
  slot = 0
  /** Its neighbours in an order that is a chain. */
  before: LocalJob | undefined = undefined
  next: LocalJob | undefined = undefined
  extras: JobExtras | undefined = undefined
  static {
    // A promise that is resolved with a job looks for its `then`, along the chain of prototypes. Finding `undefined` at once takes half the
    // time of not finding it, which would be most of the cost of a `put`.
    Object.defineProperty(LocalJob.prototype, 'then', { value: undefined })
  }

  readonly #owner: JobOwner
  #promise: Promise<R> | undefined
  /** The function that resolves the promise, until the job is over; then its result or error. */
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

  /** Its turn among the other jobs: `seq`, or a later number for a redriven job. */
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

  /** True while the job neither waits in line nor runs, and is not over. */
  get pending(): boolean {
    return this.state === 'offered' || this.state === 'delayed'
  }

  /** True when a caller has the promise of the result. */
  get watched(): boolean {
    return this.#promise !== undefined
  }

  /** Its result or error, once it is over. */
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

  /** Makes the promise of the result. Must be called at most once, before the job is over. */
  watch(): Promise<R> {
    const promise = pending<R>()
    this.#outcome = resolveOfLast()
    this.#promise = promise
    return promise
  }

  /** The handler tells its progress. */
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
      // A caller that awaits the result still gets the error. This only avoids an unhandled rejection of the process.
      this.#promise.then(undefined, nothing)
      ;(this.#outcome as (value: unknown) => void)(Promise.reject(error))
    }
    this.#outcome = error
    if (this.extras !== undefined) this.#end()
  }

  /** Ends as another job has ended that also stood for this one. */
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
