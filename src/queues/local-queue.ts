import * as check from '../core/check.ts'
import type { ClosedError } from '../core/errors.ts'
import type { Listener } from '../core/events.ts'
import { checkWaitOptions, Waiters, type WaitOptions } from '../core/waiters.ts'
import { Attempts } from './consume/attempts.ts'
import { BatchConsumer, type Batching } from './consume/batch-consumer.ts'
import { LocalClaims, type LocalClaimsListener } from './consume/local-claims.ts'
import { SingleConsumer } from './consume/single-consumer.ts'
import { WorkerSlots } from './consume/worker-slots.ts'
import { Admission } from './enqueue/admission.ts'
import { LocalPuts } from './enqueue/local-puts.ts'
import { checkItems } from './enqueue/put-options.ts'
import type { Handler } from './job.ts'
import { IdleWatcher } from './lifecycle/idle-watcher.ts'
import { JobControl } from './lifecycle/job-control.ts'
import { JobsById, type Redriving } from './lifecycle/jobs-by-id.ts'
import { LocalDesk } from './lifecycle/local-desk.ts'
import { Shutdown, type Stopping } from './lifecycle/shutdown.ts'
import { JobView } from './observe/job-view.ts'
import { QueueEvents } from './observe/queue-events.ts'
import { QueueMeter } from './observe/queue-meter.ts'
import type {
  LocalJobHandle,
  LocalQueue,
  PauseOptions,
  PutOptions,
  QueueEventMap,
  QueueStats,
  StopOptions,
  StopReport,
} from './queue.ts'
import { PAUSE_OPTIONS } from './queue.ts'
import type { QueueOptions } from './queue-options.ts'
import { QueueVerbs } from './queue-verbs.ts'
import type { Settings } from './settings.ts'
import type { LocalJob } from './store/local-job.ts'
import { MemoryJobs } from './store/memory-jobs.ts'
import type { MakeOrder } from './store/orders/order.ts'
import type { WaitingListener } from './store/waiting-jobs.ts'

/** What differs from one kind of queue to the next. */
export interface QueueParts<T> {
  settings: Settings
  makeOrder: MakeOrder
  priorityFn?: ((item: T) => number) | undefined
  batching?: Batching | undefined
}

/** A queue whose jobs live in this process. */
export class MemoryQueue<T, R = unknown>
  extends QueueVerbs<T, R>
  implements LocalQueue<T, R>, WaitingListener, LocalClaimsListener, Redriving, Stopping
{
  readonly name: string
  protected readonly events: QueueEvents
  protected readonly jobsKept: MemoryJobs
  protected readonly admission: Admission
  protected readonly puts: LocalPuts<T, R>
  readonly #attempts: Attempts
  readonly #slots: WorkerSlots
  readonly #control: JobControl
  protected readonly desk: LocalDesk
  protected readonly claims: LocalClaims<T, R>
  readonly #idle: IdleWatcher
  readonly #shutdown: Shutdown<T>
  readonly #meter: QueueMeter | undefined

  constructor(options: QueueOptions<T, R>, parts: QueueParts<T>) {
    super()
    const { settings, priorityFn, makeOrder, batching } = parts
    const { clock, name } = settings
    const { limiter, limiterKey, limiterCost } = options
    this.name = name
    const jobs = new MemoryJobs({
      clock,
      maxSize: settings.maxSize,
      makeOrder,
      limiter,
      keyed: (limiterKey ?? limiterCost) !== undefined,
      groups: settings.groups,
      keep: settings.keep,
      retries: settings.retry !== undefined,
    })
    this.jobsKept = jobs
    const events = new QueueEvents(name, options.deadLetter)
    this.events = events
    const attempts = new Attempts(jobs, settings, events)
    this.#attempts = attempts
    const plain = (limiter ?? limiterKey ?? limiterCost ?? settings.groups) === undefined
    const direct = plain && !jobs.history.timed
    const slots = new WorkerSlots(settings.workers, direct, (handler) =>
      batching === undefined
        ? new SingleConsumer(jobs, handler as Handler, attempts, clock, {
            jobs,
            byId,
            owner: control,
            events,
            meter,
          })
        : new BatchConsumer(jobs, batching, attempts, settings),
    )
    this.#slots = slots
    const admission = new Admission(jobs, settings, slots, events)
    this.admission = admission
    const ranked = priorityFn !== undefined
    const control = new JobControl(jobs, attempts, admission, events, ranked, () => this.look())
    const view = new JobView(jobs, attempts, clock)
    const byId = new JobsById(settings, jobs, attempts, admission, control, view)
    this.desk = new LocalDesk(view, byId, this)
    this.#control = control
    this.claims = new LocalClaims(name, clock, jobs, attempts, this)
    this.#idle = new IdleWatcher(
      () => admission.offers.size === 0 && jobs.size === 0 && slots.busy + this.claimed === 0,
      events,
      new Waiters(clock, `rest of queue '${name}'`),
    )
    const shutdown = new Shutdown<T>(clock, slots, attempts, jobs, control, this)
    this.#shutdown = shutdown
    const { metrics } = settings
    const meter = metrics && new QueueMeter(metrics, this, () => clock.now())
    if (meter !== undefined) events.count(meter)
    this.#meter = meter
    this.puts = new LocalPuts<T, R>({
      options,
      settings,
      priorityFn,
      jobs,
      slots,
      admission,
      control,
      byId,
      shutdown,
      events,
      meter,
    })
    jobs.connect(this)
    if (options.handler !== undefined || batching !== undefined) {
      slots.employ(options.handler as Handler | undefined)
    }
  }

  get workers(): number {
    return this.#slots.workers
  }

  set workers(workers: number) {
    this.#slots.workers = workers
    this.admission.review()
    if (this.#shutdown.begun) this.look()
  }

  get running(): number {
    return this.#attempts.size
  }

  /** True where items are tasks, or the first item may turn out to be one: not with a handler. */
  get takesTasks(): boolean {
    return this.#slots.takesTasks
  }

  start(): this {
    this.checkOpen()
    this.jobsKept.attend(true)
    this.#slots.start()
    return this
  }

  // Putting.

  put(item: T, options?: PutOptions): Promise<LocalJobHandle<R>> {
    return this.puts.put(item, options)
  }

  async putMany(
    items: readonly T[],
    options?: PutOptions | ((item: T, index: number) => PutOptions | undefined),
  ): Promise<LocalJobHandle<R>[]> {
    checkItems(items)
    const puts = items.map((item, index) =>
      this.put(item, typeof options === 'function' ? options(item, index) : options),
    )
    return Promise.all(puts)
  }

  offer(item: T, options?: PutOptions): boolean {
    return this.puts.offer(item, options)
  }

  submit(item: T, options?: PutOptions): Promise<R> {
    return this.puts.submit(item, options)
  }

  // Taking by hand, looking and acting.

  tryGet(): T | undefined {
    return this.claims.tryTake()
  }

  size(): number {
    return this.jobsKept.size
  }

  pause(options?: PauseOptions): void {
    checkPause(options)
    this.#slots.paused = true
  }

  resume(options?: PauseOptions): void {
    checkPause(options)
    this.#slots.paused = false
  }

  clear(): T[] {
    return this.#control.clear().map((job) => job.item as T)
  }

  async onIdle(patience?: WaitOptions): Promise<void> {
    if (patience !== undefined) checkWaitOptions('queue.onIdle', patience)
    this.#slots.onRest(() => this.look())
    await this.#idle.wait(patience)
  }

  stop(options: StopOptions = {}): Promise<StopReport<T>> {
    this.#slots.onRest(() => this.look())
    return this.#shutdown.begin(options)
  }

  on<Name extends keyof QueueEventMap<T, R>>(
    event: Name,
    listener: Listener<QueueEventMap<T, R>[Name]>,
  ): () => void {
    this.#slots.onRest(() => this.look())
    return this.events.on(event as never, listener as never)
  }

  stats(): QueueStats {
    const attempts = this.#attempts
    return {
      name: this.name,
      waiting: this.jobsKept.size,
      offered: this.admission.offers.size,
      running: attempts.size,
      abandoned: attempts.abandoned.size,
      completed: attempts.completed,
      failed: attempts.failed,
      workers: this.#slots.workers,
      paused: this.#slots.paused,
    }
  }

  // What the parts of the queue tell it.

  /** There may be a job to take. */
  available(): void {
    this.claims.serve()
    this.#slots.consumer?.wake()
  }

  /** There may be room for a job that waits for it. */
  room(): void {
    this.admission.admit()
  }

  /** The limiter could not say when this job may start: the job has failed. */
  broken(job: LocalJob, error: unknown): void {
    this.#attempts.failed += 1
    job.end('failed', error)
    this.events.failed(job, error)
    this.look()
  }

  /** Why no more jobs come; `undefined` while they may come. */
  whyClosed(): ClosedError | undefined {
    return this.#shutdown.begun ? this.closedError() : undefined
  }

  /** A caller begins to wait for jobs. */
  waits(): void {
    this.#slots.lineUp()
    this.jobsKept.attend(true)
  }

  /** A caller that took jobs by hand takes no more. */
  left(): void {
    this.look()
  }

  /** A claim by hand has ended. */
  claimEnded(): void {
    this.look()
  }

  /** Something has ended, perhaps the last. */
  look(): void {
    if (this.#shutdown.begun) this.#shutdown.look()
    this.#idle.look()
  }

  /** True when workers, or claims by hand, will do the waiting jobs. */
  get drains(): boolean {
    const { consumer, started, workers } = this.#slots
    return (consumer !== undefined && started && workers > 0) || this.claims.active
  }

  /** True where no newer job stands for the same thing: always, but in a dedupe queue. */
  mayRedrive(_job: LocalJob): boolean {
    return true
  }

  /** A dead job is about to wait again: a dedupe queue gives it its key. */
  redriven(_job: LocalJob): void {}

  get claimed(): number {
    return this.claims.size
  }

  /** Jobs that were claimed by hand wait again. */
  giveBackClaims(): void {
    this.claims.giveBack(this.closedError())
  }

  lettersSent(): Promise<unknown> | undefined {
    return this.events.lettersSent()
  }

  /** The stop begins: a paused queue goes on, so that it drains. */
  closing(): void {
    this.#slots.drain()
  }

  /** The stop is over: no job begins, and no call waits any more. */
  finish(): void {
    this.#slots.close()
    this.#meter?.stop()
    this.jobsKept.close()
    this.claims.refuse(this.closedError())
    this.#idle.end(this.closedError())
  }

  protected checkOpen(): void {
    this.#shutdown.checkOpen()
  }
}

function checkPause(options: PauseOptions | undefined): void {
  if (options === undefined) return
  check.known('queue.pause', options, PAUSE_OPTIONS)
  if (options.everywhere !== undefined) check.flag('everywhere', options.everywhere)
}
