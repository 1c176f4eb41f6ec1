import type { AsyncContext } from '../../core/async-context.ts'
import type { Millis } from '../../core/duration.ts'
import type { Indexed } from '../../core/indexed-set.ts'
import type { Retry } from '../../resilience/retry.ts'
import type { TaskContext } from '../job.ts'
import type { JobTimes } from '../observe/job-times.ts'

/** What an attempt needs of its job, which may be of this process or of another. */
export interface ClaimedJob {
  readonly id: string
  // biome-ignore lint/suspicious/noExplicitAny: consumers do not look into items.
  readonly item: any
  /** How often it was begun, this time included. */
  readonly attempt: number
  /** How often it was claimed, this time included. */
  readonly deliveries: number
  readonly watched: boolean
  /** Where its attempt stands among those that run: a number of theirs alone. */
  slot: number
  readonly extras:
    | {
        readonly context?: AsyncContext | undefined
        readonly timeout?: Millis | undefined
        readonly retry?: Retry | undefined
      }
    | undefined
  readonly times: JobTimes | undefined
  /** Set where the job was cancelled in another process: a handler that fails then has ended it. */
  readonly unwanted?: { readonly reason: unknown } | undefined
  progressed(value: unknown): void
  complete(value: unknown): void
  end(state: 'cancelled' | 'dropped' | 'failed', error: unknown): void
}

/** A place that a limiter has given to an attempt, to be given back. */
export interface AttemptPermit {
  /** What held it has ended. */
  leave(): void
}

/**
 * One claim being worked: its number, its signal, its permit, and whether its outcome is decided. It is decided once; what a
 * handler returns after that is not taken. The handler gets it as its context. Every job costs one: it has few fields.
 */
export class Attempt implements TaskContext, Indexed {
  readonly job: ClaimedJob
  readonly delivery: number
  readonly attempt: number
  /** When it began, by the clock; 0 where no limit or record needs it. */
  readonly begunAt: Millis
  /** True once it has ended, has been given up, or its claim is lost. */
  decided = false
  /** What it holds of the limiter, until its handler ends. */
  permit: AttemptPermit | undefined = undefined
  /** Made when the signal is asked for; a reason that came before is remembered. */
  #signal: AbortController | { readonly reason: unknown } | undefined

  constructor(job: ClaimedJob, begunAt: Millis) {
    this.job = job
    this.delivery = job.deliveries
    this.attempt = job.attempt
    this.begunAt = begunAt
  }

  get id(): string {
    return this.job.id
  }

  /** Its place among the attempts that run. The job keeps it, so that the attempt is found from there. */
  get place(): number {
    return this.job.slot
  }

  set place(place: number) {
    this.job.slot = place
  }

  get signal(): AbortSignal {
    if (this.#signal instanceof AbortController) return this.#signal.signal
    const controller = new AbortController()
    if (this.#signal !== undefined) controller.abort(this.#signal.reason)
    this.#signal = controller
    return controller.signal
  }

  /** True once its handler has been told that its work is not wanted any more. */
  get aborted(): boolean {
    const signal = this.#signal
    return signal instanceof AbortController ? signal.signal.aborted : signal !== undefined
  }

  /** Bound, since handlers take their context apart. */
  get progress(): (value: unknown) => void {
    return (value) => {
      if (!this.decided) this.job.progressed(value)
    }
  }

  /** Tells the handler that its work is not wanted any more. */
  abort(reason: unknown): void {
    if (this.#signal instanceof AbortController) this.#signal.abort(reason)
    else this.#signal ??= { reason }
  }
}
