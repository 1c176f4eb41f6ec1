import { at, type Cancel, type Clock } from '../../core/clock.ts'
import type { Millis } from '../../core/duration.ts'
import { JobTimeoutError } from '../../core/errors.ts'
import { IndexedSet } from '../../core/indexed-set.ts'
import type { Retry } from '../../resilience/retry.ts'
import { noteStart } from '../observe/job-times.ts'
import type { QueueEvents, ToldJob } from '../observe/queue-events.ts'
import type { MaybePromise } from '../store/job-store.ts'
import type { Attempt, ClaimedJob } from './attempt.ts'
import type { Source } from './source.ts'

export interface AttemptOptions {
  clock: Clock
  /** How long an attempt may take, unless the job says otherwise; `Infinity` for no end. */
  timeout: Millis
  /** True where a worker goes on to the next job while the handler of one that timed out still runs. */
  releaseOnTimeout: boolean
  retry: Retry | undefined
}

/** The watch over how long one attempt takes. */
export interface TimeoutGuard {
  /** The worker was given to another job. */
  released: boolean
  cancel: Cancel
}

/** The attempts of a queue: the running ones, how each of them ends, and how many ended well and badly. */
export class Attempts {
  /** The attempts whose handlers run and whose outcome is open. */
  readonly running: IndexedSet<Attempt> = new IndexedSet()
  /** The attempt that is begun on the direct route, until its handler comes to its first `await`. One that ends there is never listed. */
  inline: Attempt | undefined = undefined
  completed = 0
  failed = 0
  /** Attempts whose claim was lost before they ended. */
  late = 0
  /** Decided without waiting for their handlers, which still run. */
  readonly abandoned: Set<Attempt> = new Set()
  readonly #source: Source
  readonly #options: AttemptOptions
  readonly #events: QueueEvents

  constructor(source: Source, options: AttemptOptions, events: QueueEvents) {
    this.#source = source
    this.#options = options
    this.#events = events
  }

  /** How many jobs run. */
  get size(): number {
    return this.running.size + (this.inline === undefined ? 0 : 1)
  }

  /**
   * The attempt that works on a job. Jobs do not point to their attempts: V8 notes each pointer from an old object to a new one, and
   * for a job that has waited long that note would cost as much as the rest of its beginning.
   */
  of(job: ClaimedJob): Attempt | undefined {
    if (this.inline?.job === job) return this.inline
    const attempt = this.running.at(job.slot)
    return attempt?.job === job ? attempt : undefined
  }

  /** True while the handler of this attempt runs, wanted or not. */
  holds(attempt: Attempt): boolean {
    return this.running.has(attempt) || this.abandoned.has(attempt)
  }

  begin(attempt: Attempt): void {
    this.running.add(attempt)
    const { times } = attempt.job
    if (times !== undefined) noteStart(times, this.#options.clock.now())
    this.#source.begun()
  }

  /** Ends an attempt well. Answers `false` where it came too late. No worker waits for a store that is elsewhere. */
  complete(attempt: Attempt, value: unknown): MaybePromise<boolean> {
    if (attempt.decided) return this.reap(attempt)
    this.#decide(attempt)
    const kept = this.#source.complete(attempt, value)
    // Counted before its permit lets another job go, which may be the last that a caller waits for.
    let settled: MaybePromise<boolean> = kept
    if (kept === true) this.#completed(attempt, value)
    else settled = this.#completedLater(kept, attempt, value)
    attempt.permit?.leave()
    return settled
  }

  /** Ends an attempt that failed: another one later, or the end of the job. */
  fail(attempt: Attempt, error: unknown): MaybePromise<boolean> {
    if (attempt.decided) return this.reap(attempt)
    const delay = this.#retryDelay(attempt, error)
    // A function that says how jobs are retried has run, and may have ended this one.
    if (attempt.decided) return this.reap(attempt)
    this.#decide(attempt)
    const settled = this.#settleFailure(attempt, error, delay)
    attempt.permit?.leave()
    return settled
  }

  /** As {@link complete}, for an item that was pulled by hand: that it was taken is all that is asked of it. */
  pulled(attempt: Attempt): MaybePromise<boolean> {
    if (attempt.decided) return this.reap(attempt)
    this.#decide(attempt)
    const kept = this.#source.complete(attempt, undefined)
    const settled = this.#whenKept(kept, () => {
      attempt.job.complete(undefined)
      this.tookOut(attempt.job)
    })
    attempt.permit?.leave()
    return settled
  }

  /** A job was taken out by hand and has completed. */
  tookOut(job: ToldJob): void {
    this.completed += 1
    if (this.#events.heard) this.#events.pulled(job)
  }

  /** Gives the job back: this was no attempt. @param punctual as in `Ending` */
  release(attempt: Attempt, delay: Millis, punctual?: boolean): MaybePromise<boolean> {
    if (attempt.decided) return false
    this.#decide(attempt)
    const kept = this.#source.release(attempt, delay, punctual)
    attempt.permit?.leave()
    return kept
  }

  /** Ends an attempt without waiting for its handler, which is told by its signal. */
  abandon(attempt: Attempt, state: 'cancelled' | 'dropped' | 'failed', reason: unknown): void {
    if (attempt.decided) return
    this.#decide(attempt)
    this.abandoned.add(attempt)
    const kept = this.#source.fail(attempt, reason, false)
    if (typeof kept !== 'boolean') kept.catch((error: unknown) => this.#events.trouble(error))
    attempt.job.end(state, reason)
    attempt.abort(reason)
  }

  /** The job is given back while its handler still runs, which is told; what it returns is not taken. */
  giveBack(attempt: Attempt, reason: unknown): void {
    if (attempt.decided) return
    this.#decide(attempt)
    this.abandoned.add(attempt)
    const kept = this.#source.release(attempt, 0)
    if (typeof kept !== 'boolean') kept.catch((error: unknown) => this.#events.trouble(error))
    attempt.abort(reason)
  }

  /** The claim is lost: the handler is told, and what it returns is not taken. */
  lose(attempt: Attempt, reason: unknown): void {
    if (attempt.decided) return
    this.#decide(attempt)
    this.abandoned.add(attempt)
    attempt.abort(reason)
  }

  /**
   * An attempt goes on: its handler has to be waited for. Watches over how long that takes.
   *
   * @param release gives the worker to another job, where that is asked for
   */
  guard(attempt: Attempt, release: () => void): TimeoutGuard | undefined {
    if (this.inline === attempt) {
      this.inline = undefined
      this.running.add(attempt)
    }
    const timeout = attempt.job.extras?.timeout ?? this.#options.timeout
    return timeout === Infinity ? undefined : this.#guard(attempt, timeout, release)
  }

  /** Apart from {@link guard}, so that an attempt without a timeout costs no closure. */
  #guard(attempt: Attempt, timeout: Millis, release: () => void): TimeoutGuard {
    const { clock, releaseOnTimeout } = this.#options
    const guard: TimeoutGuard = { released: false, cancel: nothing }
    guard.cancel = at(clock, clock.now() + timeout, () => {
      if (attempt.decided) return
      this.expire(attempt, new JobTimeoutError(attempt.id, timeout / 1000))
      if (!releaseOnTimeout) return
      guard.released = true
      release()
    })
    return guard
  }

  /** Ends an attempt that ran too long. Its permit stays with its handler, unless timeouts release workers. */
  expire(attempt: Attempt, error: unknown): void {
    attempt.abort(error)
    const delay = attempt.decided ? undefined : this.#retryDelay(attempt, error)
    // The signal's listeners have run, and what says how jobs are retried: one of them may have ended the job.
    if (attempt.decided) return
    this.#events.timedOut(attempt.job)
    // And so have those of the event.
    if (attempt.decided) return
    this.#decide(attempt)
    this.abandoned.add(attempt)
    void this.#settleFailure(attempt, error, delay)
    if (this.#options.releaseOnTimeout) this.letGo(attempt)
  }

  /** Gives back what an attempt that was decided without its handler holds of limits, though the handler still runs. */
  letGo(attempt: Attempt): void {
    if (!this.abandoned.has(attempt)) return
    attempt.permit?.leave()
    attempt.permit = undefined
  }

  /** The handler of an attempt that was decided without it has ended after all. */
  reap(attempt: Attempt): false {
    if (this.abandoned.delete(attempt)) attempt.permit?.leave()
    return false
  }

  #decide(attempt: Attempt): void {
    attempt.decided = true
    if (this.inline === attempt) this.inline = undefined
    else this.running.delete(attempt)
  }

  #settleFailure(
    attempt: Attempt,
    error: unknown,
    delay: Millis | undefined,
  ): MaybePromise<boolean> {
    const { unwanted, item } = attempt.job
    if (unwanted !== undefined) {
      const ended = this.#source.fail(attempt, unwanted.reason, false)
      return this.#whenKept(ended, () => this.#cancelled(attempt, unwanted.reason))
    }
    const kept =
      delay === undefined
        ? this.#source.fail(attempt, error, true)
        : this.#source.retry(attempt, delay, error)
    return this.#whenKept(kept, () => this.#failed(attempt, item, error, delay))
  }

  /** Apart from {@link complete}, so that a job whose end is kept at once costs no closure. */
  #completedLater(
    kept: MaybePromise<boolean>,
    attempt: Attempt,
    value: unknown,
  ): MaybePromise<boolean> {
    return this.#whenKept(kept, () => this.#completed(attempt, value))
  }

  /** Goes on when the source has kept what was decided, at once where it answers at once. */
  #whenKept(kept: MaybePromise<boolean>, then: () => void): MaybePromise<boolean> {
    if (typeof kept === 'boolean') {
      if (kept) then()
      else this.late += 1
      return kept
    }
    return kept.then(
      (ok) => {
        if (ok) then()
        else this.late += 1
        return ok
      },
      (error: unknown) => {
        this.#events.trouble(error)
        return false
      },
    )
  }

  #completed({ job }: Attempt, value: unknown): void {
    this.completed += 1
    job.complete(value)
    if (this.#events.heard) this.#events.completed(job, value)
  }

  #cancelled({ job }: Attempt, reason: unknown): void {
    job.end('cancelled', reason)
    this.#events.cancelled(job, reason)
  }

  #failed({ job }: Attempt, item: unknown, error: unknown, delay: Millis | undefined): void {
    if (delay !== undefined) return this.#events.retrying(job, item, error, delay)
    this.failed += 1
    job.end('failed', error)
    this.#events.failed(job, error)
  }

  /** How long the job waits for its next attempt; `undefined` where there is none. While that is asked, the job still runs. */
  #retryDelay({ job, attempt }: Attempt, error: unknown): Millis | undefined {
    if (job.unwanted !== undefined) return undefined
    const retry = job.extras?.retry ?? this.#options.retry
    try {
      return retry?.(attempt, error)
    } catch (trouble) {
      this.#events.trouble(trouble)
      return undefined
    }
  }
}

function nothing(): void {}
