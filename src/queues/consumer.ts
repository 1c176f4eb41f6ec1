import { macrotask } from '../core/macrotask.ts'
import { type AttemptHooks, type AttemptOptions, Attempts } from './attempts.ts'
import type { Source } from './backend.ts'
import { awaitedBy } from './call-sites.ts'
import type { QueuedJob, TaskContext } from './job.ts'
import { Pace } from './pace.ts'

let consumers = 0

// biome-ignore lint/suspicious/noExplicitAny: the consumer does not look into items.
export type Handler<T = any, R = any> = (item: T, context: TaskContext) => R | PromiseLike<R>

export interface ConsumerOptions extends AttemptOptions {
  workers: number
}

/** What a consumer tells its queue. */
export interface ConsumerHooks extends AttemptHooks {
  /** At most one worker is at work any more. */
  rested(): void
}

/**
 * The workers: takes jobs from a source and runs them. At most `workers` at a time.
 *
 * A worker is an async loop that lives as long as there is work. `wake` is the only way in, and does nothing when called
 * from inside itself: a handler that puts does not start handlers on its own stack, so no chain of puts, however long,
 * overflows it.
 */
export abstract class Consumer {
  readonly source: Source
  readonly attempts: Attempts
  /** The name of its workers' loop, which nobody else has. */
  protected readonly label: string = `worker of queue #${++consumers}`
  readonly #hooks: ConsumerHooks
  readonly #pace: Pace
  #workers: number
  /** Workers at work, those included whose job was decided without them. */
  loops = 0
  #open = false
  /** Is a worker being started, or the first part of a handler run? Then jobs only line up. */
  protected busy = false
  /** Is the first part of a handler being run? */
  protected handling = false
  #yielding = false

  constructor(source: Source, options: ConsumerOptions, hooks: ConsumerHooks) {
    this.source = source
    this.attempts = new Attempts(source, options, hooks)
    this.#hooks = hooks
    this.#pace = new Pace(options.clock)
    this.#workers = options.workers
  }

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

  get open(): boolean {
    return this.#open
  }

  set open(open: boolean) {
    this.#open = open
    this.wake()
  }

  /**
   * Is the caller a handler of this queue, or called by one?
   *
   * After an `await` in the handler only its stack of awaits can tell, as engines write it into errors. Where they do not,
   * the answer is no.
   */
  insideHandler(): boolean {
    return this.handling || awaitedBy(this.label)
  }

  /** The queue is about to end. */
  hurry(): void {}

  /** There may be work. */
  wake(): void {
    if (this.busy || !this.free()) return
    this.busy = true
    while (this.free() && this.hasWork()) {
      this.loops += 1
      this.work()
    }
    this.busy = false
  }

  /** May another worker begin? */
  protected free(): boolean {
    return this.loops < this.#workers && this.#open && !this.#yielding
  }

  /** May this worker take another job? */
  protected mayGoOn(): boolean {
    return this.#open && !this.#yielding && this.loops <= this.#workers && this.paced()
  }

  /** Is there time for another job before the event loop has to breathe? */
  protected paced(): boolean {
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
    this.loops -= 1
    if (this.loops <= 1) this.#hooks.rested()
  }

  /** Runs the part of a handler that comes before its first `await`: what it puts meanwhile is begun afterwards. */
  protected enter(handler: Handler, job: QueuedJob): unknown {
    const outer = this.busy
    this.busy = true
    this.handling = true
    try {
      const context = job.extras?.context
      return context === undefined
        ? handler(job.item, job)
        : context.runInAsyncScope(handler, undefined, job.item, job)
    } finally {
      this.handling = false
      this.busy = outer
      if (!outer && this.hasWork()) this.wake()
    }
  }
}
