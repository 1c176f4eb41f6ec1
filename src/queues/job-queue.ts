import { asyncContext } from '../core/async-context.ts'
import type { Millis } from '../core/duration.ts'
import { ClosedError, describe, JobDroppedError, OptionTypeError } from '../core/errors.ts'
import type { Listener } from '../core/events.ts'
import { type Patience, Waiters } from '../core/waiters.ts'
import { toRetry } from '../resilience/retry.ts'
import type { LocalBackend } from './backend.ts'
import type { Consumer, ConsumerHooks, Handler } from './consumer.ts'
import { Gate } from './gate.ts'
import { Intake } from './intake.ts'
import { type Job, type JobOwner, QueuedJob, type TaskContext } from './job.ts'
import { News } from './news.ts'
import type {
  PutOptions,
  Queue,
  QueueEvents,
  QueueOptions,
  QueueStats,
  StopOptions,
  StopReport,
} from './queue.ts'
import { QueueMeter } from './queue-meter.ts'
import { aFunction, type Settings, toDue, toPriority, toTimeout } from './settings.ts'
import { Shutdown } from './shutdown.ts'
import { Signals } from './signals.ts'
import { SingleConsumer } from './single-consumer.ts'

/** What differs from one kind of queue to the next. */
export interface QueueParts<T> {
  settings: Settings
  backend: LocalBackend
  priorityFn?: ((item: T) => number) | undefined
  /** Makes the workers. @default workers that handle one job at a time */
  consumer?: ((source: LocalBackend | Gate, hooks: ConsumerHooks) => Consumer) | undefined
}

/** The queue over a backend in this process: the door, the line, the workers, the way out. */
export class JobQueue<T, R = unknown> implements Queue<T, R>, JobOwner {
  readonly name: string
  readonly #settings: Settings
  readonly #parts: QueueParts<T>
  readonly #backend: LocalBackend
  readonly #gate: Gate | undefined
  readonly #intake: Intake
  readonly #news: News<T, R>
  readonly #signals: Signals<QueuedJob>
  readonly #pullers: Waiters<T>
  readonly #idlers: Waiters<void>
  readonly #shutdown: Shutdown<T>
  readonly #meter: QueueMeter | undefined
  #forgetWake: (() => void) | undefined
  #consumer: Consumer | undefined
  /** Is each item its own task? Decided by the first item where there is no handler. */
  #tasks: boolean | undefined
  /** Whom a job may go to from put, past the line. */
  #direct: SingleConsumer | undefined
  #workers: number
  #iterators = 0
  #seq = 0
  #started = false
  #paused = false

  constructor(options: QueueOptions<T, R>, parts: QueueParts<T>) {
    const { settings, backend } = parts
    this.name = settings.name
    this.#settings = settings
    this.#parts = parts
    this.#backend = backend
    this.#news = new News(settings.name, options.deadLetter)
    this.#workers = settings.workers
    this.#gate =
      options.limiter === undefined
        ? undefined
        : new Gate(backend, options.limiter, options.limiterKey, options.limiterCost, {
            opened: () => this.#consumer?.wake(),
            broken: (job, error) => {
              job.end('failed', error)
              this.#news.failed(job, error)
              this.#look()
            },
          })
    this.#intake = new Intake(backend, settings, {
      dropped: (job) => this.tell('dropped', { job, item: job.item, reason: 'overflow' }),
      insiders: () => {
        const consumer = this.#consumer
        if (consumer === undefined || consumer.loops === 0) return undefined
        return consumer.insideHandler() ? consumer.loops : undefined
      },
    })
    this.#signals = new Signals((job, reason) => this.cancel(job, reason))
    this.#pullers = new Waiters(settings.clock, `an item of queue '${this.name}'`)
    this.#idlers = new Waiters(settings.clock, `rest of queue '${this.name}'`)
    this.#shutdown = new Shutdown<T>(settings.clock, {
      consumer: () => this.#consumer,
      waiting: () => this.#waiting(),
      canDrain: () => this.#canDrain(),
      begin: () => this.#applyOpen(),
      closed: () => this.#closed(),
      drop: (job, reason) => {
        this.#endWaiting(job, 'dropped', reason)
        this.tell('dropped', { job, item: job.item, reason: 'stop' })
      },
      finish: () => this.#finish(),
    })
    const { metrics, clock } = settings
    if (metrics !== undefined) {
      this.#meter = new QueueMeter(metrics, this, () => clock.now())
      this.#news.count(this.#meter)
    }
    if (options.handler !== undefined || parts.consumer !== undefined) this.#employ(options.handler)
  }

  get workers(): number {
    return this.#workers
  }

  set workers(workers: number) {
    if (!(workers >= 0) || (workers !== Infinity && !Number.isSafeInteger(workers))) {
      throw new OptionTypeError(
        'workers',
        `workers must be a whole number, got ${describe(workers)}`,
      )
    }
    this.#workers = workers
    if (this.#consumer !== undefined) this.#consumer.workers = workers
  }

  get running(): number {
    return this.#consumer?.attempts.running.size ?? 0
  }

  start(): this {
    if (this.#shutdown.begun) throw this.#closed()
    this.#started = true
    this.#attend()
    this.#applyOpen()
    return this
  }

  put(item: T, options?: PutOptions): Promise<Job<R>> {
    try {
      const job = this.#make(item, options)
      if (this.#rushes(job, options)) return Promise.resolve(job)
      const accepted = Promise.resolve(job)
      this.#enter(job, options, accepted)
      return job.state === 'offered' ? this.accepted(job) : accepted
    } catch (error) {
      return Promise.reject(error)
    }
  }

  submit(item: T, options?: PutOptions): Promise<R> {
    try {
      const job = this.#make(item, options)
      const result = job.watch()
      if (!this.#rushes(job, options)) this.#enter(job, options, result)
      return result
    } catch (error) {
      return Promise.reject(error)
    }
  }

  get(patience?: Patience): Promise<T> {
    try {
      if (patience?.signal?.aborted === true) throw patience.signal.reason
      const job = this.#pullers.size > 0 ? undefined : this.#pull()
      if (job !== undefined) return Promise.resolve(job.item)
      if (this.#shutdown.begun) throw this.#closed()
      this.#attend()
      return this.#pullers.wait(patience)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  tryGet(): T | undefined {
    return this.#pull()?.item
  }

  async *[Symbol.asyncIterator](): AsyncIterator<T> {
    this.#iterators += 1
    try {
      for (;;) {
        let item: T
        try {
          item = await this.get()
        } catch (error) {
          if (error instanceof ClosedError) return
          throw error
        }
        yield item
      }
    } finally {
      this.#iterators -= 1
      this.#look()
    }
  }

  size(): number {
    const { waiting, delayed } = this.#backend.counts()
    return waiting + delayed + (this.#gate?.parked ?? 0)
  }

  pause(): void {
    this.#paused = true
    this.#applyOpen()
  }

  resume(): void {
    this.#paused = false
    this.#applyOpen()
  }

  clear(): T[] {
    const jobs = [...this.#waiting()]
    const reason = new JobDroppedError('the queue was cleared')
    // From the end, so that those who wait for room are not let in by those who make it.
    for (const job of [...jobs].reverse()) {
      this.#endWaiting(job, 'dropped', reason)
      this.tell('dropped', { job, item: job.item, reason: 'clear' })
    }
    return jobs.map((job) => job.item)
  }

  async onIdle(patience?: Patience): Promise<void> {
    if (!this.#idle()) await this.#idlers.wait(patience)
  }

  stop(options: StopOptions = {}): Promise<StopReport<T>> {
    return this.#shutdown.begin(options)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop().then(() => {})
  }

  on<Name extends keyof QueueEvents<T, R>>(
    event: Name,
    listener: Listener<QueueEvents<T, R>[Name]>,
  ): () => void {
    return this.#news.events.on(event, listener)
  }

  stats(): QueueStats {
    return {
      name: this.name,
      waiting: this.size(),
      running: this.running,
      offered: this.#intake.offers.size,
      abandoned: [...(this.#consumer?.attempts.zombies ?? [])].length,
      completed: this.#consumer?.attempts.completed ?? 0,
      failed: this.#consumer?.attempts.failed ?? 0,
      workers: this.#workers,
    }
  }

  /** @internal */
  cancel(job: QueuedJob, reason: unknown): boolean {
    if (job.over) return false
    if (job.state === 'running') this.#consumer?.attempts.forsake(job, 'cancelled', reason)
    else this.#endWaiting(job, 'cancelled', reason)
    this.tell('cancelled', { job, item: job.item, reason })
    return true
  }

  /** @internal */
  reprioritise(job: QueuedJob, priority: number): boolean {
    toPriority(priority)
    if (this.#parts.priorityFn === undefined) return false
    if (job.state === 'offered' || job.extras?.parked !== undefined) {
      job.priority = priority
      return true
    }
    return this.#backend.reprioritise(job, priority)
  }

  /** @internal */
  progressed(job: QueuedJob, value: unknown): void {
    if (this.#news.events.listened)
      this.#news.events.emit('progress', { job, item: job.item, value })
  }

  /**
   * Puts an item without a promise: the job may be offered only.
   *
   * @param wanted will somebody have its result?
   */
  protected place(item: T, options: PutOptions | undefined, wanted: boolean): QueuedJob<T, R> {
    const job = this.#make(item, options)
    if (wanted) void job.watch()
    if (!this.#rushes(job, options)) this.#enter(job, options, Promise.resolve())
    return job
  }

  /** Resolves when a job that is offered has been accepted. */
  protected accepted(job: QueuedJob<T, R>): Promise<QueuedJob<T, R>> {
    return new Promise((accept, refuse) => {
      const extras = job.more()
      extras.accept = accept
      extras.refuse = refuse
    })
  }

  protected tell<Name extends keyof QueueEvents<T, R>>(
    event: Name,
    payload: QueueEvents<T, R>[Name],
  ): void {
    this.#news.tell(event, payload)
  }

  #make(item: T, options: PutOptions | undefined): QueuedJob<T, R> {
    if (this.#consumer === undefined || this.#tasks !== undefined) this.#meet(item)
    const { priorityFn } = this.#parts
    let priority = 0
    if (options?.priority !== undefined) priority = toPriority(options.priority)
    else if (priorityFn !== undefined) priority = toPriority(priorityFn(item))
    this.#seq += 1
    const job = new QueuedJob<T, R>(item, priority, this.#seq, this)
    // What was told to wait does not wait for workers.
    if (options?.delay === undefined && options?.at === undefined) this.#meter?.put(job)
    return job
  }

  /** Finds out, from the first item, whether items are tasks or for pulling; holds the others to it. */
  #meet(item: T): void {
    const task = typeof item === 'function'
    if (this.#tasks === undefined) {
      this.#tasks = task
      if (!task) return
      this.#employ((run, context) => (run as (context: TaskContext) => R)(context))
      this.#applyOpen()
    } else if (this.#tasks && !task) {
      throw new OptionTypeError(
        'item',
        `item must be a function, as the first one was, or the queue needs a handler; got ${describe(item)}`,
      )
    }
  }

  /**
   * The direct route, past the line: begins a job at once if somebody is free for it. One that begins at once, and once,
   * begins in the context of its putter anyway.
   */
  #rushes(job: QueuedJob, options: PutOptions | undefined): boolean {
    const direct = this.#direct
    return (
      direct !== undefined &&
      options === undefined &&
      this.#pullers.size === 0 &&
      !this.#shutdown.begun &&
      direct.takes(job, this.#backend)
    )
  }

  #enter(job: QueuedJob, options: PutOptions | undefined, made: Promise<unknown>): void {
    if (this.#shutdown.begun) throw this.#closed()
    let patience: Millis = Infinity
    if (options !== undefined) {
      options.signal?.throwIfAborted()
      patience = this.#equip(job, options)
    }
    if (this.#consumer !== undefined || this.#tasks === true) {
      const context = asyncContext(made)
      if (context !== undefined) job.more().context = context
    }
    this.#intake.enter(job, patience)
  }

  #equip(job: QueuedJob, options: PutOptions): Millis {
    const { signal, timeout, retry, key, delay, at } = options
    const { clock } = this.#settings
    const when = delay === undefined && at === undefined ? undefined : toDue(options, clock)
    const patience = timeout === undefined ? Infinity : toTimeout(timeout)
    if (when !== undefined) {
      job.more().due = when.due
      job.more().byDate = when.byDate
    }
    if (timeout !== undefined) job.more().timeout = patience
    if (retry !== undefined) job.more().retry = toRetry('retry', retry)
    if (key !== undefined) job.more().key = key
    if (signal !== undefined) {
      const extras = job.more()
      extras.signal = signal
      this.#signals.add(signal, job)
      job.onEnd(() => this.#signals.remove(signal, job))
    }
    return patience
  }

  #employ(handler: Handler<T, R> | undefined): void {
    const source = this.#gate ?? this.#backend
    const { consumer } = this.#parts
    aFunction('handler', handler)
    if (consumer !== undefined)
      this.#consumer = consumer(source, { ...this.#news.hooks, rested: () => this.#look() })
    else {
      const single = new SingleConsumer(source, handler as Handler, this.#settings, {
        ...this.#news.hooks,
        rested: () => this.#look(),
      })
      this.#consumer = single
      if (this.#gate === undefined && this.#settings.retry === undefined) this.#direct = single
    }
    this.#consumer.workers = this.#workers
  }

  /** Somebody is there for what comes: only then may timers of delayed jobs keep the process. */
  #attend(): void {
    this.#forgetWake ??= this.#backend.onWake(() => this.#wake())
  }

  /** Something can be begun, or pulled. */
  #wake(): void {
    while (this.#pullers.size > 0) {
      const job = this.#pull()
      if (job === undefined) break
      this.#pullers.grant(job.item)
    }
    this.#consumer?.wake()
  }

  #pull(): QueuedJob<T, R> | undefined {
    const job = this.#backend.take()
    if (job === undefined) return undefined
    this.#backend.settle(job, job.deliveries, 'completed', 0)
    job.complete(undefined)
    this.#meter?.pulled()
    this.#look()
    return job
  }

  #closed(): ClosedError {
    return new ClosedError(`queue '${this.name}'`)
  }

  *#waiting(): Iterable<QueuedJob> {
    if (this.#gate !== undefined) yield* this.#gate.jobs()
    yield* this.#backend.jobs()
    yield* this.#intake.offers
  }

  #endWaiting(job: QueuedJob, state: 'cancelled' | 'dropped', reason: unknown): void {
    if (job.state === 'offered') this.#intake.withdraw(job)
    else if (job.extras?.parked !== undefined) this.#gate?.withdraw(job)
    else this.#backend.cancel(job)
    job.end(state, reason)
    this.#look()
  }

  #idle(): boolean {
    return this.#intake.offers.size === 0 && this.size() === 0 && (this.#consumer?.loops ?? 0) === 0
  }

  /** Has it come to rest? */
  #look(): void {
    if (this.#shutdown.begun) this.#shutdown.look()
    if (this.#idlers.size === 0 && !this.#news.events.listened) return
    if (!this.#idle()) return
    this.#idlers.grantAll(undefined)
    if (this.#news.events.listened) this.#news.events.emit('idle', {})
  }

  #applyOpen(): void {
    const draining = this.#shutdown.begun
    if (this.#consumer !== undefined) {
      if (draining) this.#consumer.hurry()
      this.#consumer.open = this.#started && (draining || !this.#paused) && !this.#shutdown.over
    }
  }

  /** Will what waits be taken by somebody? */
  #canDrain(): boolean {
    if (this.#consumer !== undefined && this.#started) return true
    return this.#pullers.size > 0 || this.#iterators > 0
  }

  #finish(): void {
    this.#applyOpen()
    this.#forgetWake?.()
    this.#meter?.stop()
    this.#backend.close()
    this.#gate?.close()
    this.#pullers.refuseAll(this.#closed())
    if (this.#idle()) this.#idlers.grantAll(undefined)
    else this.#idlers.refuseAll(this.#closed())
  }
}
