import { at, type Cancel, type Clock } from '../core/clock.ts'
import type { Millis } from '../core/duration.ts'
import { JobTimeoutError } from '../core/errors.ts'
import type { Retry } from '../resilience/retry.ts'
import type { Outcome, Source } from './backend.ts'
import type { QueuedJob } from './job.ts'
import { noteStart } from './queue-meter.ts'
import { Running } from './running.ts'

export interface AttemptOptions {
  clock: Clock
  /** How long an attempt may take, unless the job says otherwise; `Infinity` for no end. */
  timeout: Millis
  /** Does a worker go on to the next job while the handler of one that timed out still runs? */
  releaseOnTimeout: boolean
  retry: Retry | undefined
}

/** What is told about attempts. */
export interface AttemptHooks {
  /** Is there anybody who wants to hear of what went well? */
  readonly audience: { readonly heard: boolean }
  completed(job: QueuedJob, value: unknown): void
  failed(job: QueuedJob, error: unknown): void
  retrying(job: QueuedJob, error: unknown, delay: Millis): void
  timedOut(job: QueuedJob): void
  /** Something other than a job went wrong. */
  trouble(error: unknown): void
}

/** The watch over how long one attempt takes. */
export interface Guard {
  /** The worker was given to somebody else. */
  released: boolean
  cancel: Cancel
}

/**
 * Jobs whose handlers run, and how each attempt ends: well, in another attempt, for good, by its time, or forsaken. An attempt
 * is known by its delivery number, and decided once: what a handler returns after that is not taken.
 */
export class Attempts {
  readonly running: Running = new Running()
  /**
   * Is a job passing: begun on the direct route, its handler not come to its first `await`? One that ends there is never
   * booked, since nobody can have seen it.
   */
  passing = false
  completed = 0
  failed = 0
  readonly #source: Source
  readonly #options: AttemptOptions
  readonly #hooks: AttemptHooks
  /** Attempts that were decided without waiting for their handlers, which still run, and what gives back what these hold. */
  readonly #zombies = new Map<QueuedJob, (() => void)[]>()

  constructor(source: Source, options: AttemptOptions, hooks: AttemptHooks) {
    this.#source = source
    this.#options = options
    this.#hooks = hooks
  }

  get zombies(): Iterable<QueuedJob> {
    return this.#zombies.keys()
  }

  begin(job: QueuedJob): void {
    job.state = 'running'
    this.running.add(job)
    if (job.times !== undefined) noteStart(job.times, this.#options.clock.now())
  }

  /** Does the handler of this job run, wanted or not? */
  holds(job: QueuedJob): boolean {
    return this.running.has(job) || this.#zombies.has(job)
  }

  /** A job begins that may end before anybody sees it. */
  pass(job: QueuedJob): void {
    this.passing = true
    if (job.times !== undefined) noteStart(job.times, this.#options.clock.now())
  }

  /** It has ended well at once. */
  passed(job: QueuedJob, value: unknown): void {
    this.passing = false
    const kept = this.#source.settle(job, job.deliveries, 'completed', 0)
    if (kept === true) this.#completed(job, value)
  }

  /** It goes on, or has failed. */
  book(job: QueuedJob): void {
    this.passing = false
    if (job.state === 'running') this.running.add(job)
  }

  /** Is this attempt still to be decided? */
  undecided(job: QueuedJob, delivery: number): boolean {
    return job.state === 'running' && job.deliveries === delivery
  }

  /** Ends a job well. Returns a promise only where the source needs time for it. */
  complete(job: QueuedJob, delivery: number, value: unknown): Promise<void> | undefined {
    this.running.remove(job)
    const kept = this.#source.settle(job, delivery, 'completed', 0)
    if (kept === true) return this.#completed(job, value)
    if (kept === false) return undefined
    return kept.then((ok) => (ok ? this.#completed(job, value) : undefined), this.#trouble)
  }

  /** Ends an attempt that failed: another one later, or the end of the job. */
  fail(job: QueuedJob, delivery: number, error: unknown): Promise<void> | undefined {
    this.running.remove(job)
    const delay = this.#retryDelay(job, error)
    const verdict: Outcome = delay === undefined ? 'failed' : 'retry'
    const kept = this.#source.settle(job, delivery, verdict, delay ?? 0)
    const then = (ok: boolean) => {
      if (!ok) return
      if (delay === undefined) {
        this.failed += 1
        job.end('failed', error)
        this.#hooks.failed(job, error)
      } else {
        if (job.extras !== undefined) job.extras.controller = undefined
        this.#hooks.retrying(job, error, delay)
      }
    }
    if (typeof kept === 'boolean') {
      then(kept)
      return undefined
    }
    return kept.then(then, this.#trouble)
  }

  /** Ends a running job without waiting for its handler, which is told by its signal. */
  forsake(job: QueuedJob, state: 'cancelled' | 'dropped' | 'failed', reason: unknown): void {
    if (!this.running.has(job)) this.book(job)
    this.running.remove(job)
    this.#addZombie(job)
    const kept = this.#source.settle(job, job.deliveries, 'failed', 0)
    if (typeof kept !== 'boolean') void kept.catch(this.#trouble)
    job.end(state, reason)
    job.abort(reason)
  }

  /** The claim of a running job has run out: its handler is told, and what it returns is not taken. */
  lose(job: QueuedJob, reason: unknown): void {
    if (!this.running.has(job)) return
    this.running.remove(job)
    this.#addZombie(job)
    job.abort(reason)
    job.more().controller = undefined
  }

  /**
   * Watches over how long an attempt takes.
   *
   * @param release gives the worker to somebody else, where that is asked for
   */
  guard(job: QueuedJob, delivery: number, release: () => void): Guard | undefined {
    const timeout = job.extras?.timeout ?? this.#options.timeout
    if (timeout === Infinity) return undefined
    const { clock, releaseOnTimeout } = this.#options
    const guard: Guard = { released: false, cancel: nothing }
    guard.cancel = at(clock, clock.now() + timeout, () => {
      if (!this.undecided(job, delivery)) return
      this.expire(job, delivery, new JobTimeoutError(job.id, timeout / 1000))
      if (!releaseOnTimeout) return
      guard.released = true
      release()
    })
    return guard
  }

  /** Ends an attempt that ran too long. */
  expire(job: QueuedJob, delivery: number, error: unknown): void {
    job.abort(error)
    // The signal's listeners have run, and one of them may have ended the job.
    if (!this.undecided(job, delivery)) return
    this.#addZombie(job, this.#options.releaseOnTimeout)
    void this.fail(job, delivery, error)
    this.#hooks.timedOut(job)
  }

  /** The handler of an attempt that was decided without it has ended after all. */
  bury(job: QueuedJob): undefined {
    const permits = this.#zombies.get(job)
    const giveBack = permits?.shift()
    if (permits?.length === 0) this.#zombies.delete(job)
    giveBack?.()
    return undefined
  }

  #completed(job: QueuedJob, value: unknown): undefined {
    this.completed += 1
    job.complete(value)
    if (this.#hooks.audience.heard) this.#hooks.completed(job, value)
  }

  /** Its worker and its permit are kept from others until its handler ends, unless `released`. */
  #addZombie(job: QueuedJob, released = false): void {
    const permit = released ? undefined : job.extras?.permit
    if (permit !== undefined) job.more().permit = undefined
    const permits = this.#zombies.get(job)
    if (permits === undefined) this.#zombies.set(job, [permit ?? nothing])
    else permits.push(permit ?? nothing)
  }

  #retryDelay(job: QueuedJob, error: unknown): Millis | undefined {
    const retry = job.extras?.retry ?? this.#options.retry
    try {
      return retry?.(job.attempt, error)
    } catch (trouble) {
      this.#trouble(trouble)
      return undefined
    }
  }

  readonly #trouble = (error: unknown): void => this.#hooks.trouble(error)
}

function nothing(): void {}
