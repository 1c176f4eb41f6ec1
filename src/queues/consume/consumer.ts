import { noContext, noticeContext } from '../../core/async-context.ts'
import type { Clock } from '../../core/clock.ts'
import { EventLoopPace } from '../../core/event-loop-pace.ts'
import { macrotask } from '../../core/macrotask.ts'
import type { Handler } from '../job.ts'
import type { Attempt } from './attempt.ts'
import type { Attempts } from './attempts.ts'
import { awaitedBy } from './call-sites.ts'
import { currentJob } from './current-job.ts'
import type { Source } from './source.ts'

let consumers = 0

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
  /** The name of its workers' loop, which nothing else has. */
  protected readonly label: string = `worker of queue #${++consumers}`
  readonly #pace: EventLoopPace
  #workers = 0
  #open = false
  #breathing = false
  /** How many workers may be at work now: none while the queue is closed, or while the event loop breathes. */
  #allowed = 0
  /** Workers at work, also workers whose job was decided without them. */
  loops = 0
  /** True while a worker is being started, or the first part of a handler runs: then jobs only line up. */
  protected busy = false
  /** True while the first part of a handler runs. */
  handling = false
  /** Called when at most one worker is at work; set only while it is needed. */
  onRest: (() => void) | undefined
  /** What is to be told when the first part of the handler that runs is over. */
  #onLeft: ((attempt: Attempt) => void) | undefined
  protected expected = false
  /** True where a worker that was let go on may still begin a job. */
  protected readonly stays: () => boolean = () => this.loops <= this.#allowed

  constructor(source: Source, attempts: Attempts, clock: Clock) {
    this.source = source
    this.attempts = attempts
    this.#pace = new EventLoopPace(clock)
  }

  /**
   * A worker: works, on `attempt` first, until there is no work for it, then rests. What waits for handlers is to be named
   * `label`.
   */
  protected abstract work(): void
  /** True where there may be something a worker could begin now. */
  protected abstract hasWork(): boolean

  get workers(): number {
    return this.#workers
  }

  /** More workers begin at once; fewer take effect as jobs end. */
  set workers(workers: number) {
    this.#workers = workers
    noticeContext()
    this.#allow()
    this.wake()
  }

  get open(): boolean {
    return this.#open
  }

  set open(open: boolean) {
    this.#open = open
    noticeContext()
    this.#allow()
    this.wake()
  }

  /**
   * True where the caller is a handler of this queue, or called by one.
   *
   * After an `await` in the handler only its async context can tell, or its stack of awaits, as engines write it into
   * errors.
   *
   * @param thorough false where the stack, which takes microseconds to read, is not worth it
   */
  insideHandler(thorough = true): boolean {
    return this.handling || this.caller() !== undefined || (thorough && awaitedBy(this.label))
  }

  /** The attempt whose handler is the caller, where the engine can tell. */
  caller(): Attempt | undefined {
    const attempt = currentJob() as Attempt | undefined
    return attempt !== undefined && this.attempts.holds(attempt) ? attempt : undefined
  }

  /** Tells `run` whose handler it was, as soon as its first part is over. Only to be called from inside one. */
  whenLeft(run: (attempt: Attempt) => void): void {
    this.#onLeft = run
    this.expected = true
  }

  protected left(attempt: Attempt): void {
    const run = this.#onLeft
    this.#onLeft = undefined
    this.expected = false
    run?.(attempt)
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

  /** How many jobs could be begun now, by the worker that asks and by the idle ones. */
  protected get want(): number {
    return this.#workers - this.loops + 1
  }

  /** True where a job that is put now may begin at once. */
  protected mayBegin(): boolean {
    return !this.busy && this.free() && this.paced(false)
  }

  /** True where another worker may begin. */
  protected free(): boolean {
    return this.loops < this.#allowed
  }

  /** True where this worker may take another job. */
  protected mayGoOn(): boolean {
    return this.loops <= this.#allowed && this.paced(this.source.ready > 1)
  }

  /**
   * True while there is time for another job before the event loop has to breathe.
   *
   * @param backlog true where other jobs wait than the one that is to begin
   */
  protected paced(backlog: boolean): boolean {
    return !this.#pace.spent(backlog) || this.#breathe()
  }

  /** Apart from {@link paced}, so that a job that begins costs no closure. */
  #breathe(): false {
    this.#breathing = true
    this.#allow()
    macrotask(() => {
      this.#breathing = false
      this.#allow()
      this.wake()
    })
    return false
  }

  #allow(): void {
    this.#allowed = this.#open && !this.#breathing ? this.#workers : 0
  }

  /** A worker has ended. */
  protected rest(): void {
    this.loops -= 1
    if (this.loops <= 1 && this.onRest !== undefined) this.onRest()
  }

  /** Runs the part of a handler that comes before its first `await`: what it puts meanwhile is begun afterwards. */
  protected enter(handler: Handler, attempt: Attempt): unknown {
    const outer = this.busy
    this.busy = true
    this.handling = true
    const { job } = attempt
    try {
      // A job without a context must not run in that of the job before, or of the caller that woke the worker.
      const context = job.extras?.context ?? noContext()
      return context === undefined
        ? handler(job.item, attempt)
        : context.runInAsyncScope(handler, undefined, job.item, attempt)
    } finally {
      this.handling = false
      if (this.expected) this.left(attempt)
      this.busy = outer
      if (!outer && this.hasWork()) this.wake()
    }
  }
}
