import { asyncContext } from '../core/async-context.ts'
import * as check from '../core/check.ts'
import type { Millis } from '../core/duration.ts'
import {
  ClosedError,
  describe,
  JobDroppedError,
  OptionRangeError,
  OptionTypeError,
} from '../core/errors.ts'
import type { Listener } from '../core/events.ts'
import { checkPatience, checkWait, type Patience, Waiters } from '../core/waiters.ts'
import { Attempts } from './consume/attempts.ts'
import { BatchConsumer, type Batching } from './consume/batch-consumer.ts'
import { LocalClaims, type LocalClaimsListener } from './consume/local-claims.ts'
import { SingleConsumer } from './consume/single-consumer.ts'
import { WorkerSlots } from './consume/worker-slots.ts'
import { Admission } from './enqueue/admission.ts'
import { checkPut, checkTerms, equip, patienceOf, refit } from './enqueue/put-options.ts'
import { SharedJob } from './enqueue/shared-job.ts'
import { Signals } from './enqueue/signals.ts'
import type {
  DeathInfo,
  DeathsOptions,
  GroupInfo,
  GroupsOptions,
  Handler,
  JobClaim,
  ListOptions,
  QueueCounts,
  QueuedJobInfo,
  RedriveOptions,
} from './job.ts'
import { IdleWatcher } from './lifecycle/idle-watcher.ts'
import { JobControl } from './lifecycle/job-control.ts'
import { Shutdown, type Stopping } from './lifecycle/shutdown.ts'
import { JobView } from './observe/job-view.ts'
import { checkRedrive } from './observe/look-options.ts'
import { QueueEvents } from './observe/queue-events.ts'
import { QueueMeter } from './observe/queue-meter.ts'
import type {
  ClaimOptions,
  LocalJobHandle,
  LocalQueue,
  PauseOptions,
  PutOptions,
  QueueEventMap,
  QueueOptions,
  QueueStats,
  StopOptions,
  StopReport,
} from './queue.ts'
import { CLAIM_OPTIONS, PAUSE_OPTIONS } from './queue.ts'
import { type Settings, toPriority } from './settings.ts'
import { JobIndex } from './store/job-index.ts'
import { type JobLabel, LocalJob } from './store/local-job.ts'
import { MemoryJobs, type MemoryJobsListener } from './store/memory-jobs.ts'
import { JobWalk } from './store/orders/job-walk.ts'
import type { MakeOrder } from './store/orders/order.ts'

/** What differs from one kind of queue to the next. */
export interface QueueParts<T> {
  settings: Settings
  makeOrder: MakeOrder
  priorityFn?: ((item: T) => number) | undefined
  batching?: Batching | undefined
}

/** What a putter waits for: that the job is accepted, or its result. */
export type Wanted = 'job' | 'result' | 'nothing'

/** A queue whose jobs live in this process. */
export class MemoryQueue<T, R = unknown>
  implements LocalQueue<T, R>, MemoryJobsListener, LocalClaimsListener, Stopping
{
  readonly name: string
  protected readonly events: QueueEvents
  protected readonly jobsKept: MemoryJobs
  readonly #options: QueueOptions<T, R>
  readonly #settings: Settings
  readonly #priorityFn: ((item: T) => number) | undefined
  readonly #attempts: Attempts
  readonly #slots: WorkerSlots
  readonly #admission: Admission
  readonly #control: JobControl
  readonly #signals: Signals<LocalJob>
  readonly #index: JobIndex
  readonly #view: JobView
  readonly #claims: LocalClaims<T, R>
  readonly #idle: IdleWatcher
  readonly #shutdown: Shutdown<T>
  readonly #meter: QueueMeter | undefined
  /** True where a put has to look for a group, a key of the limiter, an own id. */
  #labels: boolean
  #started = false
  #paused = false

  constructor(options: QueueOptions<T, R>, parts: QueueParts<T>) {
    const { settings, priorityFn, makeOrder, batching } = parts
    const { clock, name } = settings
    const { limiter, limiterKey, limiterCost } = options
    this.name = name
    this.#options = options
    this.#settings = settings
    this.#priorityFn = priorityFn
    this.#labels = (limiterKey ?? limiterCost ?? settings.groups) !== undefined
    const jobs = new MemoryJobs({
      clock,
      maxSize: settings.maxSize,
      makeOrder,
      limiter,
      keyed: (limiterKey ?? limiterCost) !== undefined,
      groups: settings.groups,
      keep: settings.keep,
      timesAttempts: settings.retry !== undefined,
    })
    this.jobsKept = jobs
    this.events = new QueueEvents(name, options.deadLetter)
    this.#attempts = new Attempts(jobs, settings, this.events)
    const direct = limiter === undefined && !jobs.timesAttempts && settings.groups === undefined
    this.#slots = new WorkerSlots(settings.workers, direct, (handler) =>
      batching === undefined
        ? new SingleConsumer(jobs, handler as Handler, this.#attempts, clock)
        : new BatchConsumer(jobs, batching, this.#attempts, settings),
    )
    this.#admission = new Admission(jobs, settings, this.#slots, this.events)
    this.#control = new JobControl(
      jobs,
      this.#attempts,
      this.#admission,
      this.events,
      priorityFn !== undefined,
      () => this.look(),
    )
    this.#signals = new Signals((job, reason) => this.#control.cancel(job, reason))
    this.#index = new JobIndex(clock, settings.idMemory, jobs.numbers)
    this.#view = new JobView(jobs, this.#attempts, clock)
    this.#claims = new LocalClaims(name, clock, jobs, this.#attempts, this)
    this.#idle = new IdleWatcher(
      () => this.#admission.offers.size === 0 && jobs.size === 0 && this.#busy === 0,
      this.events,
      new Waiters(clock, `rest of queue '${name}'`),
    )
    this.#shutdown = new Shutdown<T>(clock, this.#slots, this.#attempts, jobs, this.#control, this)
    const { metrics } = settings
    if (metrics !== undefined) {
      this.#meter = new QueueMeter(metrics, this, () => clock.now())
      this.events.count(this.#meter)
    }
    jobs.connect(this)
    if (options.handler !== undefined || batching !== undefined) {
      this.#slots.employ(options.handler as Handler | undefined)
    }
  }

  get workers(): number {
    return this.#slots.workers
  }

  set workers(workers: number) {
    this.#slots.workers = workers
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
    if (this.#shutdown.begun) throw this.closedError()
    this.#started = true
    this.jobsKept.attend(true)
    this.#applyOpen()
    return this
  }

  // Putting.

  put(item: T, options?: PutOptions): Promise<LocalJobHandle<R>> {
    try {
      const known = options?.id === undefined ? undefined : this.known(options.id, options)
      if (known !== undefined) return Promise.resolve(known)
      const job = this.#make(item, options)
      if (this.#rushes(job, options)) return Promise.resolve(job)
      const accepted = Promise.resolve(job)
      this.#enter(job, options, accepted)
      return job.state === 'offered' ? this.accepted(job) : accepted
    } catch (error) {
      return Promise.reject(error)
    }
  }

  async putMany(
    items: readonly T[],
    options?: PutOptions | ((item: T, index: number) => PutOptions | undefined),
  ): Promise<LocalJobHandle<R>[]> {
    if (!Array.isArray(items)) {
      throw new OptionTypeError('items', `items must be an array, got ${describe(items)}`)
    }
    const puts = items.map((item, index) =>
      this.put(item, typeof options === 'function' ? options(item, index) : options),
    )
    return Promise.all(puts)
  }

  offer(item: T, options?: PutOptions): boolean {
    if (options?.id !== undefined && this.known(options.id, options) !== undefined) return false
    const job = this.#make(item, options)
    return this.#rushes(job, options) || this.#tries(job, options)
  }

  submit(item: T, options?: PutOptions): Promise<R> {
    try {
      const known = options?.id === undefined ? undefined : this.known(options.id, options)
      if (known !== undefined) return known.result
      const job = this.#make(item, options)
      const result = job.watch()
      if (!this.#rushes(job, options)) this.#enter(job, options, result)
      return result
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /**
   * Puts an item without a promise: the job may be offered only; where nothing is wanted of it, it is dropped instead.
   */
  protected place(item: T, options: PutOptions | undefined, wanted: Wanted): LocalJob<T, R> {
    const job = this.#make(item, options)
    if (wanted === 'result') void job.watch()
    if (this.#rushes(job, options)) return job
    if (wanted === 'nothing') this.#tries(job, options)
    else this.#enter(job, options, Promise.resolve())
    return job
  }

  /** Makes a job that enters later, or not at all. */
  protected make(item: T, options: PutOptions | undefined): LocalJob<T, R> {
    const job = this.#make(item, options)
    this.#prepare(job, options, Promise.resolve())
    return job
  }

  /** Gives a job that waits another item, and what that was put with; its place stays. */
  protected exchange(job: LocalJob, item: T, options: PutOptions | undefined): void {
    this.#checkOpen()
    if (this.#slots.asks) this.#slots.meet(item)
    this.renew(job, item, options)
  }

  /** As {@link exchange}, with an item that was put before, also while the queue stops. */
  protected renew(job: LocalJob, item: T, options: PutOptions | undefined): void {
    const labelled = this.#labels || (options?.group ?? job.extras?.group) !== undefined
    // All that may throw comes before the first change.
    const label = labelled ? this.#labelOf(item, options) : undefined
    refit(job, options)
    if (options?.id !== undefined) this.#index.take(options.id, job)
    job.item = item
    // Last, since the job may begin at once.
    if (label !== undefined) this.jobsKept.relabel(job, () => this.#label(job, label))
  }

  /** A job that does not run any more takes over the item, and the callers, of a newer one that waited for its end. */
  protected succeed(job: LocalJob, newer: LocalJob): void {
    const { key, timeout, retry, asked, context, group, limiterKey, cost } = newer.extras ?? {}
    job.item = newer.item
    Object.assign(job.more(), { key, timeout, retry, asked, context })
    this.#label(job, {
      ...(group !== undefined && { group }),
      ...(limiterKey !== undefined && { limiterKey }),
      ...(cost !== undefined && { cost }),
    })
    this.#index.stand(job, newer)
    job.onEnd(() => newer.endAs(job))
  }

  /** Resolves when a job that is offered has been accepted. When that is not awaited, events and reports tell the outcome. */
  protected accepted(job: LocalJob<T, R>): Promise<LocalJob<T, R>> {
    const accepted = new Promise<LocalJob<T, R>>((accept, refuse) => {
      const extras = job.more()
      extras.accept = accept as (job: LocalJob) => void
      extras.refuse = refuse
    })
    accepted.catch(nothing)
    return accepted
  }

  /** One more caller waits for room for a job that is offered. */
  protected joinOffer(job: LocalJob, options: PutOptions | undefined): void {
    this.#admission.join(job, patienceOf(options))
  }

  /** Nobody waits any longer for room for a job that is offered. */
  protected expireOffer(job: LocalJob): void {
    this.#admission.expire(job)
  }

  /** What a caller is told that room did not come for in time. */
  protected tooLate(): Error {
    return this.#admission.tooLate()
  }

  // Pulling and claiming.

  async get(patience?: Patience): Promise<T> {
    if (patience !== undefined) checkPatience('queue.get', patience)
    return this.#claims.take(patience)
  }

  tryGet(): T | undefined {
    return this.#claims.tryTake()
  }

  [Symbol.asyncIterator](): AsyncIterator<T> {
    return this.#claims.loop()
  }

  async claim(options: ClaimOptions = {}): Promise<JobClaim<T, R>[]> {
    check.known('queue.claim', options, CLAIM_OPTIONS)
    checkWait(options)
    const { max = 1 } = options
    return this.#claims.claim(check.integer('max', max, 1), options)
  }

  // Looking and acting.

  size(): number {
    return this.jobsKept.size
  }

  async counts(): Promise<QueueCounts> {
    return this.#view.counts()
  }

  async job(id: string): Promise<QueuedJobInfo<T, R> | undefined> {
    check.text('id', id)
    const job = this.#find(id)
    return job && this.#view.info<T, R>(job)
  }

  async jobs(options: ListOptions): Promise<{ jobs: QueuedJobInfo<T, R>[]; cursor?: string }> {
    return this.#view.list<T, R>(options)
  }

  async groups(options: GroupsOptions = {}): Promise<GroupInfo[]> {
    return this.#view.groups(options)
  }

  async deadByError(options: DeathsOptions = {}): Promise<DeathInfo[]> {
    return this.#view.deaths(options)
  }

  async cancel(id: string, reason?: unknown): Promise<boolean> {
    check.text('id', id)
    return this.#find(id)?.cancel(reason) ?? false
  }

  async remove(id: string): Promise<boolean> {
    check.text('id', id)
    const job = this.#find(id)
    if (job === undefined || job.state === 'running') return false
    const kept = this.jobsKept.dead.delete(id) || this.jobsKept.completed.delete(id)
    const dropped = !job.over
    if (dropped) this.#control.drop(job, new JobDroppedError('it was removed'), 'clear')
    const forgotten = this.#index.release(id)
    return kept || dropped || forgotten
  }

  async redrive(options: RedriveOptions = {}): Promise<number> {
    checkRedrive(options)
    this.#checkOpen()
    const { limit = Infinity } = options
    let driven = 0
    for (const job of this.#view.dead(options)) {
      if (driven >= limit) break
      if (!this.mayRedrive(job as LocalJob<T, R>)) continue
      if (!this.jobsKept.dead.delete(job.id)) continue
      this.#again(job as LocalJob<T, R>)
      driven += 1
    }
    return driven
  }

  pause(options?: PauseOptions): void {
    checkPause(options)
    this.#paused = true
    this.#applyOpen()
  }

  resume(options?: PauseOptions): void {
    checkPause(options)
    this.#paused = false
    this.#applyOpen()
  }

  clear(): T[] {
    return this.#control.clear().map((job) => job.item as T)
  }

  async onIdle(patience?: Patience): Promise<void> {
    if (patience !== undefined) checkPatience('queue.onIdle', patience)
    this.#slots.onRest(() => this.look())
    await this.#idle.wait(patience)
  }

  stop(options: StopOptions = {}): Promise<StopReport<T>> {
    this.#slots.onRest(() => this.look())
    return this.#shutdown.begin(options)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop().then(nothing)
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
      offered: this.#admission.offers.size,
      running: attempts.size,
      abandoned: attempts.abandoned.size,
      completed: attempts.completed,
      failed: attempts.failed,
      workers: this.#slots.workers,
      paused: this.#paused,
    }
  }

  // What the parts of the queue tell it.

  /** Told by the parts of the queue. */
  available(): void {
    this.#claims.serve()
    this.#slots.consumer?.wake()
  }

  /** Told by the parts of the queue. */
  room(): void {
    this.#admission.admit()
  }

  /** Told by the parts of the queue. */
  broken(job: LocalJob, error: unknown): void {
    this.#attempts.failed += 1
    job.end('failed', error)
    this.events.failed(job, error)
    this.look()
  }

  /** Told by the parts of the queue. */
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

  /** Told by the parts of the queue. */
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
    const { consumer, workers } = this.#slots
    return (consumer !== undefined && this.#started && workers > 0) || this.#claims.active
  }

  get claimed(): number {
    return this.#claims.size
  }

  /** Jobs that were claimed by hand wait again. */
  giveBackClaims(): void {
    this.#claims.giveBack(this.closedError())
  }

  lettersSent(): Promise<unknown> | undefined {
    return this.events.lettersSent()
  }

  /** A paused queue that drains goes on. */
  closing(): void {
    this.#applyOpen()
  }

  /** Told by the parts of the queue. */
  closedError(): ClosedError {
    return new ClosedError(`queue '${this.name}'`)
  }

  /** Told by the parts of the queue. */
  finish(): void {
    this.#applyOpen()
    this.#meter?.stop()
    this.jobsKept.close()
    this.#claims.refuse(this.closedError())
    this.#idle.end(this.closedError())
  }

  // The way in.

  #make(item: T, options: PutOptions | undefined): LocalJob<T, R> {
    if (this.#slots.asks) this.#slots.meet(item)
    const priorityFn = this.#priorityFn
    let priority = 0
    if (options?.priority !== undefined) priority = toPriority(options.priority)
    else if (priorityFn !== undefined) priority = toPriority(priorityFn(item))
    const job = new LocalJob<T, R>(item, priority, this.jobsKept.numbers.next(), this.#control)
    if (this.#labels || options?.id !== undefined || options?.group !== undefined) {
      checkPut(options)
      this.#label(job, this.#labelOf(item, options))
      this.#name(job, options?.id)
    }
    if (this.#meter !== undefined && options?.delay === undefined && options?.at === undefined) {
      // What was told to wait does not wait for workers.
      this.#meter.put(job)
    }
    return job
  }

  /** What few queues ask of a job: its group, and its key and cost at the limiter. */
  #labelOf(item: T, options: PutOptions | undefined): JobLabel {
    const { group: groupFn, limiterKey, limiterCost } = this.#options
    const group = options?.group ?? groupFn?.(item)
    return {
      ...(group !== undefined && { group: check.string('group', group) }),
      ...(limiterKey !== undefined && {
        limiterKey: check.string('limiterKey', limiterKey(item)),
      }),
      ...(limiterCost !== undefined && { cost: check.positive('limiterCost', limiterCost(item)) }),
    }
  }

  #label(job: LocalJob, label: JobLabel): void {
    const extras = job.more()
    Object.assign(extras, label)
    if (label.group !== undefined) {
      this.#slots.lineUp()
      this.jobsKept.useGroups()
    } else if (extras.group !== undefined) delete extras.group
  }

  /** A job can be found by its id. */
  #name(job: LocalJob<T, R>, id: string | undefined): void {
    if (id !== undefined) job.more().id = id
    if (this.#index.complete) {
      this.#index.add(job)
      job.onEnd(() => this.#index.remove(job))
    }
  }

  /** The job that an own id stands for already. */
  protected known(id: string, options: PutOptions): LocalJobHandle<R> | undefined {
    checkPut(options)
    this.#checkOpen()
    const job = this.#index.own(id)
    if (job === undefined) {
      this.#checkNumber(id)
      return undefined
    }
    checkTerms(options)
    this.events.duplicate(id, job.item)
    return new SharedJob<R>({ job: job as LocalJob<unknown, R> }, undefined)
  }

  /** Jobs without an id of the caller's have numbers for ids, and none of them may be the id of another job. */
  #checkNumber(id: string): void {
    const number = Number(id)
    if (
      String(number) !== id ||
      number > this.jobsKept.numbers.last ||
      this.#find(id) === undefined
    )
      return
    throw new OptionRangeError(
      'id',
      `id must be of one job alone, got '${id}', which this queue gave to a job that was put without an id`,
    )
  }

  /**
   * The direct route, past the order: begins a job at once if a worker is free for it. One that begins at once, and once,
   * begins in the context of its putter anyway.
   */
  #rushes(job: LocalJob, options: PutOptions | undefined): boolean {
    const { direct } = this.#slots
    return direct !== undefined && options === undefined && direct.takes(job, this.jobsKept)
  }

  #enter(job: LocalJob, options: PutOptions | undefined, made: Promise<unknown>): void {
    this.#admission.enter(job, this.#prepare(job, options, made))
  }

  /** As {@link #enter}, if there is room. */
  #tries(job: LocalJob, options: PutOptions | undefined): boolean {
    this.#prepare(job, options, Promise.resolve())
    if (this.#admission.tries(job)) return true
    // No caller has seen it; its signal must not hold it.
    if (!job.over) job.end('dropped', undefined)
    return false
  }

  #prepare(job: LocalJob, options: PutOptions | undefined, made: Promise<unknown>): Millis {
    this.#checkOpen()
    let patience = Infinity
    if (options !== undefined) {
      checkPut(options)
      patience = equip(job, options, this.#settings.clock, this.#signals)
      // After all checks: a put that throws must leave its id free.
      if (options.id !== undefined) this.#index.take(options.id, job)
    }
    if (this.#slots.consumer !== undefined) {
      const context = asyncContext(made)
      if (context !== undefined) job.more().context = context
    }
    return patience
  }

  #checkOpen(): void {
    if (this.#shutdown.begun) throw this.closedError()
  }

  // The way out.

  get #busy(): number {
    return this.#slots.busy + this.claimed
  }

  #find(id: string): LocalJob | undefined {
    const { dead, completed } = this.jobsKept
    const kept = dead.get(id) ?? completed.get(id)
    if (kept !== undefined) return kept.job
    const first = this.#index.complete ? undefined : this.#view.front(id)
    if (first !== undefined) return first
    const { offers } = this.#admission
    const visit = (see: (job: LocalJob) => void) => {
      const walk = new JobWalk(see)
      this.#view.visit(walk)
      offers.visit(walk)
      walk.end()
    }
    const found = this.#index.find(id, visit, this.size() + offers.size + this.running)
    if (this.#index.complete) this.#labels = true
    return found
  }

  /** A dead job waits again: a new job with the same id, whose first result has been told. */
  #again(dead: LocalJob<T, R>): void {
    const job = new LocalJob<T, R>(dead.item, dead.priority, dead.seq, this.#control)
    const { id, key, timeout, retry, group, limiterKey, cost, tries, startedAt } = dead.extras ?? {}
    job.deliveries = dead.deliveries
    job.extras = {
      forgotten: dead.deliveries,
      key,
      timeout,
      retry,
      ...(group !== undefined && { group }),
      ...(limiterKey !== undefined && { limiterKey }),
      ...(cost !== undefined && { cost }),
      ...(tries !== undefined && { tries }),
      ...(startedAt !== undefined && { startedAt }),
    }
    if (id !== undefined) {
      job.extras.id = id
      this.#index.take(id, job)
    }
    if (this.#index.complete) {
      this.#index.add(job)
      job.onEnd(() => this.#index.remove(job))
    }
    this.redriven(job)
    this.jobsKept.keep(job)
  }

  /** Answers `false` where a newer job stands for the same thing. */
  protected mayRedrive(_job: LocalJob<T, R>): boolean {
    return true
  }

  /** For queues that keep a book of their own. */
  protected redriven(_job: LocalJob<T, R>): void {}

  #applyOpen(): void {
    const draining = this.#shutdown.begun
    if (draining) this.#slots.consumer?.hurry()
    this.#slots.open = this.#started && (draining || !this.#paused) && !this.#shutdown.over
  }
}

function checkPause(options: PauseOptions | undefined): void {
  if (options === undefined) return
  check.known('queue.pause', options, PAUSE_OPTIONS)
  if (options.everywhere !== undefined) check.flag('everywhere', options.everywhere)
}

function nothing(): void {}
