import type { AsyncContext } from '../core/async-context.ts'
import type { Millis } from '../core/duration.ts'
import { JobCancelledError } from '../core/errors.ts'
import { pending, resolveOfLast } from '../core/pending.ts'
import type { Retry } from '../resilience/retry.ts'
import type { Order } from './orders/order.ts'
import type { Parking } from './parking.ts'
import type { JobTimes } from './queue-meter.ts'

/**
 * Where a job stands. `offered`: waits for room; `delayed`: not due yet, or between two attempts; `duplicate`: refused in
 * favour of another. The last five are final.
 */
export type JobState =
  | 'offered'
  | 'delayed'
  | 'waiting'
  | 'running'
  | 'completed'
  | 'failed'
  | 'cancelled'
  | 'dropped'
  | 'duplicate'

/** What `put` hands out: a job to watch, to move, to call off. */
export interface Job<R = unknown> {
  readonly id: string
  readonly state: JobState
  readonly priority: number
  /** How often it was begun. */
  readonly attempt: number
  /** What its handler reported last by `ctx.progress`. */
  readonly reported: unknown
  /**
   * What the handler returned, or the error that ended the job. It may be left unwatched: a failure then goes to the
   * queue's `failed` event and never to the process.
   */
  readonly result: Promise<R>
  /**
   * Calls the job off. A waiting one never starts; a running one has its signal aborted and keeps its worker until the
   * handler returns. Either way `result` rejects with `reason`. `false` where the job was over already.
   *
   * @param reason @default a JobCancelledError
   */
  cancel(reason?: unknown): boolean
  /** Moves a waiting job among the others; `false` where it no longer waits, or the queue knows no priorities. */
  setPriority(priority: number): boolean
}

/** What a handler is told beside its item. */
export interface TaskContext {
  readonly id: string
  /** 1 for the first try. */
  readonly attempt: number
  /** Aborts when the job is cancelled, runs too long, or its queue stops and will not wait any more. */
  readonly signal: AbortSignal
  /** Tells whoever watches how far it has come. */
  progress(value: unknown): void
}

/** What few jobs have, kept apart so that the others stay small. */
export interface JobExtras {
  signal?: AbortSignal | undefined
  controller?: AbortController | undefined
  context?: AsyncContext | undefined
  timeout?: Millis | undefined
  retry?: Retry | undefined
  key?: string | undefined
  /** When it comes due, by the clock that `byDate` tells. */
  due?: Millis
  byDate?: boolean
  /** What it was ranked by, where that changes with time. */
  rank?: number
  reported?: unknown
  /** The line before the limiter it stands in, or was let through from. */
  parked?: Parking | undefined
  /** What it costs there, where that is not 1. */
  cost?: number
  /** Gives back what it holds of the limiter. */
  permit?: (() => void) | undefined
  /** How many claims ended without a start. */
  returned?: number
  /** Tells the putter that the job was accepted, or that it will not be. */
  accept?: ((job: QueuedJob) => void) | undefined
  refuse?: ((error: unknown) => void) | undefined
  /** Called once when the job is over. */
  onEnd?: (() => void) | undefined
}

/** Who a job asks to be called off or moved. */
export interface JobOwner {
  cancel(job: QueuedJob, reason: unknown): boolean
  reprioritise(job: QueuedJob, priority: number): boolean
  progressed(job: QueuedJob, value: unknown): void
}

/**
 * A job in this process: what the putter watches, and what the handler is handed as context. One object for both, and few
 * fields, because a million of them may wait.
 */
// biome-ignore lint/suspicious/noExplicitAny: lines and backends do not care what is in a job.
export class QueuedJob<T = any, R = any> implements Job<R>, TaskContext {
  item: T
  priority: number
  /** Arrival, which orders equals, and the id. */
  readonly seq: number
  state: JobState = 'waiting'
  /** How often it was claimed: the number of a claim, by which a late settle is known. */
  deliveries = 0
  /** The order it stands in: one at a time. An entry of any other order that still names this job is void. */
  order: Order | undefined = undefined
  /** Where it stands in that order: a number of that order alone. */
  place = 0
  /** Its neighbours there, where the order is a chain. */
  before: QueuedJob | undefined = undefined
  next: QueuedJob | undefined = undefined
  /** Where it stands among those that run: a claim that has run out lets a job wait again while its handler still runs. */
  seat = 0
  extras: JobExtras | undefined = undefined
  /** Where it is timed. Not one of the extras: those who have them take slower ways. */
  times: JobTimes | undefined = undefined
  static {
    // A promise that is resolved with a job looks for its `then`, also in what all objects have. To find at once that it is
    // nothing takes half the time of not finding it, which would be the most of what a `put` costs.
    Object.defineProperty(QueuedJob.prototype, 'then', { value: undefined })
  }

  readonly #owner: JobOwner
  #promise: Promise<R> | undefined = undefined
  /** While the job is not over, what resolves the promise; then, what it ended with. */
  #outcome: unknown = undefined

  constructor(item: T, priority: number, seq: number, owner: JobOwner) {
    this.item = item
    this.priority = priority
    this.seq = seq
    this.#owner = owner
  }

  get id(): string {
    return String(this.seq)
  }

  get attempt(): number {
    return this.deliveries - (this.extras?.returned ?? 0)
  }

  get reported(): unknown {
    return this.extras?.reported
  }

  get over(): boolean {
    return this.state !== 'waiting' && this.state !== 'running' && !this.pending
  }

  /** Neither waiting in line nor running, but not over. */
  get pending(): boolean {
    return this.state === 'offered' || this.state === 'delayed'
  }

  /** Does anybody have the promise of the result? */
  get watched(): boolean {
    return this.#promise !== undefined
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

  get signal(): AbortSignal {
    const extras = this.more()
    if (extras.controller === undefined) {
      extras.controller = new AbortController()
      if (this.over && this.state !== 'completed') extras.controller.abort(this.#outcome)
    }
    return extras.controller.signal
  }

  /** Bound, since handlers take their context apart. */
  get progress(): (value: unknown) => void {
    return (value) => {
      this.more().reported = value
      this.#owner.progressed(this, value)
    }
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
      // Whoever awaits the result still gets the error; only the process is not told that nobody does.
      this.#promise.then(undefined, nothing)
      ;(this.#outcome as (value: unknown) => void)(Promise.reject(error))
    }
    this.#outcome = error
    if (this.extras !== undefined) this.#end()
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

  /** Tells the handler that its work is not wanted any more. */
  abort(reason: unknown): void {
    this.extras?.controller?.abort(reason)
  }

  #end(): void {
    const extras = this.extras as JobExtras
    extras.refuse?.(this.#outcome)
    extras.accept = undefined
    extras.refuse = undefined
    extras.context = undefined
    const { onEnd } = extras
    extras.onEnd = undefined
    onEnd?.()
  }
}

function nothing(): void {}
