import { asyncContext } from '../core/async-context.ts'
import type { Millis } from '../core/duration.ts'
import { ClosedError, JobDroppedError } from '../core/errors.ts'
import type { Listener } from '../core/events.ts'
import { type Patience, Waiters } from '../core/waiters.ts'
import type { AttemptHooks } from './attempts.ts'
import type { LocalBackend } from './backend.ts'
import type { Consumer, Handler } from './consumer.ts'
import { Gate } from './gate.ts'
import { Intake } from './intake.ts'
import { type Job, type JobOwner, QueuedJob } from './job.ts'
import { News } from './news.ts'
import { Pulling } from './pulling.ts'
import { equip } from './put-options.ts'
import type {
  LocalQueue,
  PutOptions,
  QueueEvents,
  QueueOptions,
  QueueStats,
  StopOptions,
  StopReport,
} from './queue.ts'
import { QueueMeter } from './queue-meter.ts'
import { type Settings, toPriority } from './settings.ts'
import { Shutdown } from './shutdown.ts'
import { Signals } from './signals.ts'
import { SingleConsumer } from './single-consumer.ts'
import { Staff } from './staff.ts'

/** What differs from one kind of queue to the next. */
export interface QueueParts<T> {
  settings: Settings
  backend: LocalBackend
  priorityFn?: ((item: T) => number) | undefined
  /** Makes the workers. @default workers that handle one job at a time */
  consumer?: ((source: LocalBackend | Gate, hooks: AttemptHooks) => Consumer) | undefined
}

/** What a putter waits for: that the job is accepted, or its result. */
export type Wanted = 'job' | 'result' | 'nothing'

/** The queue over a backend in this process: the door, the line, the workers, the way out. */
export class JobQueue<T, R = unknown> implements LocalQueue<T, R>, JobOwner {
  readonly name: string
  readonly #settings: Settings
  readonly #backend: LocalBackend
  readonly #priorityFn: ((item: T) => number) | undefined
  readonly #gate: Gate | undefined
  readonly #staff: Staff
  readonly #intake: Intake
  readonly #pulling: Pulling<T>
  readonly #news: News<T, R>
  readonly #signals: Signals<QueuedJob>
  readonly #idlers: Waiters<void>
  readonly #shutdown: Shutdown<T>
  readonly #meter: QueueMeter | undefined
  #forgetWake: (() => void) | undefined
  #seq = 0
  #started = false
  #paused = false

  constructor(options: QueueOptions<T, R>, parts: QueueParts<T>) {
    const { settings, backend } = parts
    this.name = settings.name
    this.#settings = settings
    this.#backend = backend
    this.#priorityFn = parts.priorityFn
    this.#news = new News(settings.name, options.deadLetter)
    this.#gate =
      options.limiter === undefined
        ? undefined
        : new Gate(backend, options.limiter, options.limiterKey, options.limiterCost, {
            opened: () => this.#staff.consumer?.wake(),
            broken: (job, error) => {
              job.end('failed', error)
              this.#news.failed(job, error)
              this.#look()
            },
          })
    const source = this.#gate ?? backend
    const direct = this.#gate === undefined && settings.retry === undefined
    this.#staff = new Staff(settings.workers, direct, (handler) => {
      const { hooks } = this.#news
      return parts.consumer === undefined
        ? new SingleConsumer(source, handler as Handler, settings, hooks)
        : parts.consumer(source, hooks)
    })
    this.#intake = new Intake(backend, settings, {
      dropped: (job) => this.tell('dropped', { job, item: job.item, reason: 'overflow' }),
      insiders: () => {
        const { consumer } = this.#staff
        if (consumer === undefined || consumer.loops === 0) return undefined
        return consumer.insideHandler() ? consumer.loops : undefined
      },
    })
    this.#pulling = new Pulling<T>(
      {
        take: () => this.#pull(),
        closed: () => (this.#shutdown.begun ? this.#closed() : undefined),
        waits: () => {
          this.#staff.lineUp()
          this.#attend()
        },
        left: () => this.#look(),
      },
      new Waiters(settings.clock, `an item of queue '${this.name}'`),
    )
    this.#signals = new Signals((job, reason) => this.cancel(job, reason))
    this.#idlers = new Waiters(settings.clock, `rest of queue '${this.name}'`)
    this.#shutdown = new Shutdown<T>(settings.clock, {
      consumer: () => this.#staff.consumer,
      waiting: () => this.#waiting(),
      // Will what waits be taken by somebody?
      canDrain: () => (this.#staff.consumer !== undefined && this.#started) || this.#pulling.active,
      shut: () => this.#staff.lineUp(),
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
    if (options.handler !== undefined || parts.consumer !== undefined) {
      this.#staff.employ(options.handler as Handler | undefined)
    }
  }

  get workers(): number {
    return this.#staff.workers
  }

  set workers(workers: number) {
    this.#staff.workers = workers
  }

  get running(): number {
    return this.#staff.running
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

  offer(item: T, options?: PutOptions): boolean {
    const job = this.#make(item, options)
    return this.#rushes(job, options) || this.#tries(job, options)
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
    return this.#pulling.get(patience)
  }

  tryGet(): T | undefined {
    return this.#pull()?.item
  }

  [Symbol.asyncIterator](): AsyncIterator<T> {
    return this.#pulling.loop()
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
    if (this.#idle()) return
    this.#staff.onRest(() => this.#look())
    await this.#idlers.wait(patience)
  }

  stop(options: StopOptions = {}): Promise<StopReport<T>> {
    this.#staff.onRest(() => this.#look())
    return this.#shutdown.begin(options)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop().then(() => {})
  }

  on<Name extends keyof QueueEvents<T, R>>(
    event: Name,
    listener: Listener<QueueEvents<T, R>[Name]>,
  ): () => void {
    this.#staff.onRest(() => this.#look())
    return this.#news.events.on(event, listener)
  }

  stats(): QueueStats {
    const attempts = this.#staff.consumer?.attempts
    return {
      name: this.name,
      waiting: this.size(),
      running: this.running,
      offered: this.#intake.offers.size,
      abandoned: [...(attempts?.zombies ?? [])].length,
      completed: attempts?.completed ?? 0,
      failed: attempts?.failed ?? 0,
      workers: this.workers,
    }
  }

  /** @internal */
  cancel(job: QueuedJob, reason: unknown): boolean {
    if (job.over) return false
    if (job.state === 'running') this.#staff.consumer?.attempts.forsake(job, 'cancelled', reason)
    else this.#endWaiting(job, 'cancelled', reason)
    this.tell('cancelled', { job, item: job.item, reason })
    return true
  }

  /** @internal */
  reprioritise(job: QueuedJob, priority: number): boolean {
    toPriority(priority)
    if (this.#priorityFn === undefined) return false
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
   * Puts an item without a promise: the job may be offered only; where nothing is wanted of it, it is dropped instead.
   */
  protected place(item: T, options: PutOptions | undefined, wanted: Wanted): QueuedJob<T, R> {
    const job = this.#make(item, options)
    if (wanted === 'result') void job.watch()
    if (this.#rushes(job, options)) return job
    if (wanted === 'nothing') this.#tries(job, options)
    else this.#enter(job, options, Promise.resolve())
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
    if (this.#staff.asks) this.#staff.meet(item)
    const priorityFn = this.#priorityFn
    let priority = 0
    if (options?.priority !== undefined) priority = toPriority(options.priority)
    else if (priorityFn !== undefined) priority = toPriority(priorityFn(item))
    this.#seq += 1
    const job = new QueuedJob<T, R>(item, priority, this.#seq, this)
    if (this.#meter !== undefined && options?.delay === undefined && options?.at === undefined) {
      // What was told to wait does not wait for workers.
      this.#meter.put(job)
    }
    return job
  }

  /**
   * The direct route, past the line: begins a job at once if somebody is free for it. One that begins at once, and once,
   * begins in the context of its putter anyway.
   */
  #rushes(job: QueuedJob, options: PutOptions | undefined): boolean {
    const { direct } = this.#staff
    return direct !== undefined && options === undefined && direct.takes(job, this.#backend)
  }

  #enter(job: QueuedJob, options: PutOptions | undefined, made: Promise<unknown>): void {
    this.#intake.enter(job, this.#prepare(job, options, made))
  }

  /** As {@link #enter}, if there is room. */
  #tries(job: QueuedJob, options: PutOptions | undefined): boolean {
    this.#prepare(job, options, Promise.resolve())
    if (this.#intake.tries(job)) return true
    // Nobody has seen it; its signal is to be let go of.
    if (!job.over) job.end('dropped', undefined)
    return false
  }

  #prepare(job: QueuedJob, options: PutOptions | undefined, made: Promise<unknown>): Millis {
    if (this.#shutdown.begun) throw this.#closed()
    const patience =
      options === undefined ? Infinity : equip(job, options, this.#settings.clock, this.#signals)
    if (this.#staff.consumer !== undefined) {
      const context = asyncContext(made)
      if (context !== undefined) job.more().context = context
    }
    return patience
  }

  /** Somebody is there for what comes: only then may timers of delayed jobs keep the process. */
  #attend(): void {
    this.#forgetWake ??= this.#backend.onWake(() => this.#wake())
  }

  /** Something can be begun, or pulled. */
  #wake(): void {
    this.#pulling.serve()
    this.#staff.consumer?.wake()
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
    return this.#intake.offers.size === 0 && this.size() === 0 && this.#staff.busy === 0
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
    if (draining) this.#staff.consumer?.hurry()
    this.#staff.open = this.#started && (draining || !this.#paused) && !this.#shutdown.over
  }

  #finish(): void {
    this.#applyOpen()
    this.#forgetWake?.()
    this.#meter?.stop()
    this.#backend.close()
    this.#gate?.close()
    this.#pulling.refuse(this.#closed())
    if (this.#idle()) this.#idlers.grantAll(undefined)
    else this.#idlers.refuseAll(this.#closed())
  }
}
