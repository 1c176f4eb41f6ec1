import { at, type Cancel, type Clock } from '../core/clock.ts'
import type { Millis } from '../core/duration.ts'
import { JobTimeoutError } from '../core/errors.ts'
import { macrotask } from '../core/macrotask.ts'
import type { Retry } from '../resilience/retry.ts'
import type { Outcome, Source } from './backend.ts'
import { awaitedBy } from './call-sites.ts'
import type { QueuedJob, TaskContext } from './job.ts'
import { Pace } from './pace.ts'
import { noteStart } from './queue-meter.ts'
import { Running } from './running.ts'

let consumers = 0

/** Works on one item; what it returns is the result of the job, and what it throws its failure. */
// biome-ignore lint/suspicious/noExplicitAny: the consumer does not look into items.
export type Handler<T = any, R = any> = (item: T, context: TaskContext) => R | PromiseLike<R>

export interface ConsumerOptions {
  workers: number
  clock: Clock
  /** How long an attempt may take, unless the job says otherwise; `Infinity` for no end. */
  timeout: Millis
  /** Does a worker go on to the next job while the handler of one that timed out still runs? */
  releaseOnTimeout: boolean
  retry: Retry | undefined
}

/** What a consumer tells its queue. */
export interface ConsumerHooks {
  completed(job: QueuedJob, value: unknown): void
  failed(job: QueuedJob, error: unknown): void
  retrying(job: QueuedJob, error: unknown, delay: Millis): void
  timedOut(job: QueuedJob): void
  /** At most one worker is at work any more. */
  rested(): void
  /** Something other than a job went wrong. */
  trouble(error: unknown): void
}

/**
 * The workers: takes jobs from a source, runs them, settles them. At most `workers` at a time.
 *
 * A worker is an async loop that lives as long as there is work. `wake` is the only way in, and does nothing when called
 * from inside itself: a handler that puts does not start handlers on its own stack, so no chain of puts, however long,
 * overflows it.
 */
export abstract class Consumer {
  readonly source: Source
  readonly hooks: ConsumerHooks
  readonly clock: Clock
  /** Jobs whose handlers run, in the order they began. */
  readonly active: Running = new Running()
  /** The name of its workers' loop, which nobody else has. */
  protected readonly label: string = `worker of queue #${++consumers}`
  #handling = false
  completed = 0
  failed = 0
  readonly #options: ConsumerOptions
  readonly #pace: Pace
  /** Attempts that were decided without waiting for their handlers, which still run. */
  readonly #zombies = new Map<QueuedJob, number>()
  #workers: number
  #loops = 0
  #open = false
  #busy = false
  #yielding = false

  constructor(source: Source, options: ConsumerOptions, hooks: ConsumerHooks) {
    this.source = source
    this.hooks = hooks
    this.clock = options.clock
    this.#pace = new Pace(options.clock)
    this.#options = options
    this.#workers = options.workers
  }

  /** Can it be given jobs one by one, by `run`? */
  abstract readonly direct: boolean
  /**
   * A worker: works, on `job` first, until there is no work for it, then rests. What waits for handlers is to be named
   * `label`.
   */
  protected abstract work(job?: QueuedJob): void
  /** Is there something a worker could begin now? */
  protected abstract hasWork(): boolean

  get workers(): number {
    return this.#workers
  }

  /** More workers begin at once; fewer take effect as jobs end. */
  set workers(workers: number) {
    this.#workers = workers
    this.wake()
  }

  /** Workers at work, those included whose job was decided without them. */
  get loops(): number {
    return this.#loops
  }

  get open(): boolean {
    return this.#open
  }

  set open(open: boolean) {
    this.#open = open
    this.wake()
  }

  get zombies(): Iterable<QueuedJob> {
    return this.#zombies.keys()
  }

  /** Is a worker free for a job that comes now, with none before it? */
  get eager(): boolean {
    return !this.#busy && this.#free() && this.source.ready === 0
  }

  /** The direct route: runs a job that was claimed for it by whoever found the consumer eager. */
  run(job: QueuedJob): void {
    this.#busy = true
    this.#loops += 1
    this.work(job)
    this.#busy = false
    if (this.source.ready > 0) this.wake()
  }

  /**
   * Is the caller a handler of this queue, or called by one?
   *
   * After an `await` in the handler only its stack of awaits can tell, as engines write it into errors. Where they do not,
   * the answer is no.
   */
  insideHandler(): boolean {
    if (this.#handling) return true
    return awaitedBy(this.label)
  }

  /** The queue is about to end. */
  hurry(): void {}

  /** There may be work. */
  wake(): void {
    if (this.#busy || !this.#free()) return
    this.#busy = true
    while (this.#free() && this.hasWork()) {
      this.#loops += 1
      this.work()
    }
    this.#busy = false
  }

  #free(): boolean {
    return this.#loops < this.#workers && this.#open && !this.#yielding
  }

  /** May this worker take another job? */
  mayGoOn(): boolean {
    if (!this.#open || this.#yielding || this.#loops > this.#workers) return false
    if (!this.#pace.spent(this.source.ready > 1)) return true
    this.#yielding = true
    macrotask(() => {
      this.#yielding = false
      this.wake()
    })
    return false
  }

  /** A worker has ended. */
  protected rest(): void {
    this.#loops -= 1
    if (this.#loops <= 1) this.hooks.rested()
  }

  /** Runs the part of a handler that comes before its first `await`: what it puts meanwhile is begun afterwards. */
  protected enter(handler: Handler, job: QueuedJob): unknown {
    const outer = this.#busy
    this.#busy = true
    this.#handling = true
    try {
      const context = job.extras?.context
      return context === undefined
        ? handler(job.item, job)
        : context.runInAsyncScope(handler, undefined, job.item, job)
    } finally {
      this.#handling = false
      this.#busy = outer
      if (!outer && this.hasWork()) this.wake()
    }
  }

  protected begin(job: QueuedJob): void {
    job.state = 'running'
    this.active.add(job)
    if (job.times !== undefined) noteStart(job.times, this.clock.now())
  }

  /** Is this attempt still to be decided? */
  protected undecided(job: QueuedJob, delivery: number): boolean {
    return job.state === 'running' && job.deliveries === delivery
  }

  /** Ends a job well. Returns a promise only where the source needs time for it. */
  protected complete(job: QueuedJob, delivery: number, value: unknown): Promise<void> | undefined {
    this.active.remove(job)
    const kept = this.source.settle(job, delivery, 'completed', 0)
    if (kept === true) return this.#completed(job, value)
    if (kept === false) return undefined
    return kept.then((ok) => (ok ? this.#completed(job, value) : undefined), this.#trouble)
  }

  /** Ends an attempt that failed: another one later, or the end of the job. */
  protected fail(job: QueuedJob, delivery: number, error: unknown): Promise<void> | undefined {
    this.active.remove(job)
    const delay = this.#retryDelay(job, error)
    const verdict: Outcome = delay === undefined ? 'failed' : 'retry'
    const kept = this.source.settle(job, delivery, verdict, delay ?? 0)
    const then = (ok: boolean) => {
      if (!ok) return
      if (delay === undefined) {
        this.failed += 1
        job.end('failed', error)
        this.hooks.failed(job, error)
      } else {
        if (job.extras !== undefined) job.extras.controller = undefined
        this.hooks.retrying(job, error, delay)
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
    this.active.remove(job)
    this.#addZombie(job)
    const kept = this.source.settle(job, job.deliveries, 'failed', 0)
    if (typeof kept !== 'boolean') void kept.catch(this.#trouble)
    job.end(state, reason)
    job.abort(reason)
  }

  /** The claim of a running job has run out: its handler is told, and what it returns is not taken. */
  lose(job: QueuedJob, reason: unknown): void {
    if (!this.active.has(job)) return
    this.active.remove(job)
    this.#addZombie(job)
    job.abort(reason)
    job.more().controller = undefined
  }

  /** Watches over how long an attempt takes. */
  protected guard(job: QueuedJob, delivery: number): Guard | undefined {
    const timeout = job.extras?.timeout ?? this.#options.timeout
    if (timeout === Infinity) return undefined
    const guard: Guard = { released: false, cancel: nothing }
    guard.cancel = at(this.clock, this.clock.now() + timeout, () => {
      if (!this.undecided(job, delivery)) return
      this.expire(job, delivery, new JobTimeoutError(job.id, timeout / 1000))
      if (!this.#options.releaseOnTimeout) return
      guard.released = true
      this.rest()
      this.wake()
    })
    return guard
  }

  /** Ends an attempt that ran too long. */
  protected expire(job: QueuedJob, delivery: number, error: unknown): void {
    job.abort(error)
    // The signal's listeners have run, and one of them may have ended the job.
    if (!this.undecided(job, delivery)) return
    this.#addZombie(job)
    void this.fail(job, delivery, error)
    this.hooks.timedOut(job)
  }

  /** The handler of an attempt that was decided without it has ended after all. */
  protected bury(job: QueuedJob): undefined {
    const count = this.#zombies.get(job) ?? 0
    if (count > 1) this.#zombies.set(job, count - 1)
    else this.#zombies.delete(job)
    return undefined
  }

  #completed(job: QueuedJob, value: unknown): undefined {
    this.completed += 1
    job.complete(value)
    this.hooks.completed(job, value)
  }

  #addZombie(job: QueuedJob): void {
    this.#zombies.set(job, (this.#zombies.get(job) ?? 0) + 1)
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

  readonly #trouble = (error: unknown): void => this.hooks.trouble(error)
}

/** The watch over one attempt. */
export interface Guard {
  /** The worker was given to somebody else. */
  released: boolean
  cancel: Cancel
}

function nothing(): void {}
