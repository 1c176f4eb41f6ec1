import { known } from '../core/check.ts'
import { ClosedError } from '../core/errors.ts'
import type { Listener } from '../core/events.ts'
import { PATIENCE, type Patience, Waiters } from '../core/waiters.ts'
import type { AttemptHooks } from './attempts.ts'
import type { LocalBackend } from './backend.ts'
import type { Consumer, Handler } from './consumer.ts'
import { Dispatcher } from './dispatcher.ts'
import { Gate } from './gate.ts'
import { Intake } from './intake.ts'
import type { Job, QueuedJob } from './job.ts'
import { News } from './news.ts'
import { Pulling } from './pulling.ts'
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
import { Reception } from './reception.ts'
import { Rest } from './rest.ts'
import type { Settings } from './settings.ts'
import { Shutdown } from './shutdown.ts'
import { SingleConsumer } from './single-consumer.ts'
import { Staff } from './staff.ts'
import { WaitingJobs } from './waiting-jobs.ts'

/** What differs from one kind of queue to the next. */
export interface QueueParts<T> {
  settings: Settings
  backend: LocalBackend
  priorityFn?: ((item: T) => number) | undefined
  /** Makes the workers. @default workers that handle one job at a time */
  consumer?: ((source: LocalBackend | Gate, hooks: AttemptHooks) => Consumer) | undefined
}

/** The queue over a backend in this process: the door, the line, the workers, the way out. */
export class JobQueue<T, R = unknown> implements LocalQueue<T, R> {
  readonly name: string
  protected readonly line: WaitingJobs
  protected readonly reception: Reception<T, R>
  readonly #backend: LocalBackend
  readonly #dispatcher: Dispatcher<T, R>
  readonly #gate: Gate | undefined
  readonly #staff: Staff
  readonly #intake: Intake
  readonly #pulling: Pulling<T>
  readonly #news: News<T, R>
  readonly #rest: Rest<T, R>
  readonly #shutdown: Shutdown<T>
  readonly #meter: QueueMeter | undefined
  #forgetWake: (() => void) | undefined
  #started = false
  #paused = false

  constructor(options: QueueOptions<T, R>, parts: QueueParts<T>) {
    const { settings, backend } = parts
    this.name = settings.name
    this.#backend = backend
    this.#news = new News(settings.name, options.deadLetter)
    this.#gate =
      options.limiter === undefined
        ? undefined
        : new Gate(backend, options.limiter, options.limiterKey, options.limiterCost, {
            ranked: parts.priorityFn !== undefined,
            opened: () => this.#staff.consumer?.wake(),
            left: () => this.#intake.admit(),
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
      dropped: (job) => this.#news.dropped(job, 'overflow'),
      insiders: () => this.#staff.insiders,
      parked: () => this.#gate?.parked ?? 0,
      giveWay: () => this.line.giveWay(),
    })
    this.line = new WaitingJobs(backend, this.#gate, this.#intake)
    const ranked = parts.priorityFn !== undefined
    this.#dispatcher = new Dispatcher(this.line, this.#staff, this.#news, ranked, () =>
      this.#look(),
    )
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
    const idlers = new Waiters<void>(settings.clock, `rest of queue '${this.name}'`)
    this.#rest = new Rest(this.line, this.#intake, this.#staff, this.#news.events, idlers)
    this.#shutdown = new Shutdown<T>(settings.clock, {
      consumer: () => this.#staff.consumer,
      waiting: () => this.line,
      canDrain: () =>
        (this.#staff.consumer !== undefined && this.#started && this.workers > 0) ||
        this.#pulling.active,
      shut: () => this.#staff.lineUp(),
      begin: () => this.#applyOpen(),
      unhitch: (leader) => this.line.unhitch(leader),
      closed: () => this.#closed(),
      drop: (job, reason) => this.#dispatcher.drop(job, reason, 'stop'),
      finish: () => this.#finish(),
    })
    const { metrics, clock } = settings
    if (metrics !== undefined) {
      this.#meter = new QueueMeter(metrics, this, () => clock.now())
      this.#news.count(this.#meter)
    }
    this.reception = new Reception<T, R>({
      owner: this.#dispatcher,
      settings,
      priorityFn: parts.priorityFn,
      staff: this.#staff,
      intake: this.#intake,
      backend,
      meter: this.#meter,
      checkOpen: () => {
        if (this.#shutdown.begun) throw this.#closed()
      },
    })
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
    return this.reception.put(item, options)
  }

  offer(item: T, options?: PutOptions): boolean {
    return this.reception.offer(item, options)
  }

  submit(item: T, options?: PutOptions): Promise<R> {
    return this.reception.submit(item, options)
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
    return this.line.size
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
    return this.#dispatcher.clear()
  }

  async onIdle(patience?: Patience): Promise<void> {
    if (patience !== undefined) known('queue.onIdle', patience, PATIENCE)
    if (this.#rest.come) return
    this.#staff.onRest(() => this.#look())
    await this.#rest.wait(patience)
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
    return {
      name: this.name,
      waiting: this.line.size,
      offered: this.#intake.offers.size,
      ...this.#staff.tally,
    }
  }

  protected tell<Name extends keyof QueueEvents<T, R>>(
    event: Name,
    payload: QueueEvents<T, R>[Name],
  ): void {
    this.#news.tell(event, payload)
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

  #look(): void {
    if (this.#shutdown.begun) this.#shutdown.look()
    this.#rest.look()
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
    this.#rest.end(this.#closed())
  }
}
