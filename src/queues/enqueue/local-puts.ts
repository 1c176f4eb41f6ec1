import { asyncContext } from '../../core/async-context.ts'
import * as check from '../../core/check.ts'
import type { Clock } from '../../core/clock.ts'
import type { Millis } from '../../core/duration.ts'
import type { WorkerSlots } from '../consume/worker-slots.ts'
import type { JobControl } from '../lifecycle/job-control.ts'
import type { JobsById } from '../lifecycle/jobs-by-id.ts'
import type { Shutdown } from '../lifecycle/shutdown.ts'
import type { QueueEvents } from '../observe/queue-events.ts'
import type { QueueMeter } from '../observe/queue-meter.ts'
import type { LocalJobHandle, PutOptions } from '../queue.ts'
import type { QueueOptions } from '../queue-options.ts'
import { type Settings, toPriority } from '../settings.ts'
import { type JobLabel, LocalJob } from '../store/local-job.ts'
import type { MemoryJobs } from '../store/memory-jobs.ts'
import type { Admission } from './admission.ts'
import { checkPut, checkTerms, equip, refit } from './put-options.ts'
import { SharedJob } from './shared-job.ts'
import { Signals } from './signals.ts'

/** What a putter waits for: that the job is accepted, or its result. */
export type Wanted = 'job' | 'result' | 'nothing'

/** What puts into a queue in this process are made of. */
export interface LocalPutsParts<T> {
  readonly options: Pick<
    QueueOptions<T, unknown>,
    'group' | 'groupWeight' | 'limiterKey' | 'limiterCost'
  >
  readonly settings: Settings
  readonly priorityFn: ((item: T) => number) | undefined
  readonly jobs: MemoryJobs
  readonly slots: WorkerSlots
  readonly admission: Admission
  readonly control: JobControl
  readonly byId: JobsById
  readonly shutdown: Shutdown<T>
  readonly events: QueueEvents
  readonly meter: QueueMeter | undefined
}

/** Puts items into a queue in this process: makes jobs of them, and lets them begin, line up or wait for room. */
export class LocalPuts<T, R> {
  readonly #functions: LocalPutsParts<T>['options']
  readonly #clock: Clock
  readonly #admission: Admission
  readonly #shutdown: Shutdown<T>
  readonly #events: QueueEvents
  readonly #slots: WorkerSlots
  readonly #jobs: MemoryJobs
  readonly #byId: JobsById
  readonly #priorityFn: ((item: T) => number) | undefined
  readonly #control: JobControl
  readonly #meter: QueueMeter | undefined
  readonly #signals: Signals<LocalJob>
  /** True where each put has to look for a group, or a key and a cost at the limiter. */
  readonly #labels: boolean
  /** True where jobs without options need nothing but a number. */
  readonly #plain: boolean

  constructor(parts: LocalPutsParts<T>) {
    const { options, settings, control } = parts
    this.#functions = options
    this.#clock = settings.clock
    this.#admission = parts.admission
    this.#shutdown = parts.shutdown
    this.#events = parts.events
    this.#slots = parts.slots
    this.#jobs = parts.jobs
    this.#byId = parts.byId
    this.#priorityFn = parts.priorityFn
    this.#control = control
    this.#meter = parts.meter
    this.#signals = new Signals((job, reason) => control.cancel(job, reason))
    const { limiterKey, limiterCost } = options
    this.#labels = (limiterKey ?? limiterCost ?? settings.groups) !== undefined
    this.#plain = !this.#labels && parts.meter === undefined
  }

  put(item: T, options: PutOptions | undefined): Promise<LocalJobHandle<R>> {
    try {
      if (options === undefined) {
        const priority = this.#read(item)
        const begun = this.#slots.direct?.begin<T, R>(item, priority, false)
        if (begun !== undefined) return Promise.resolve(begun)
        return this.#enters(this.#make(item, priority), undefined)
      }
      const known = this.known(options)
      if (known !== undefined) return Promise.resolve(known)
      return this.#enters(this.#makeWith(item, options), options)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  offer(item: T, options: PutOptions | undefined): boolean {
    if (options === undefined) {
      const priority = this.#read(item)
      if (this.#slots.direct?.begin<T, R>(item, priority, false) !== undefined) return true
      return this.#tries(this.#make(item, priority), undefined)
    }
    if (this.known(options) !== undefined) return false
    return this.#tries(this.#makeWith(item, options), options)
  }

  submit(item: T, options: PutOptions | undefined): Promise<R> {
    try {
      if (options === undefined) {
        const priority = this.#read(item)
        const begun = this.#slots.direct?.begin<T, R>(item, priority, true)
        if (begun !== undefined) return begun.result
        return this.#submit(this.#make(item, priority), undefined)
      }
      const known = this.known(options)
      if (known !== undefined) return known.result
      return this.#submit(this.#makeWith(item, options), options)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** The job that the own id of a put stands for already. */
  known(options: PutOptions | undefined): LocalJobHandle<R> | undefined {
    if (options?.id === undefined) return undefined
    const { id } = options
    checkPut(options)
    this.#shutdown.checkOpen()
    const job = this.#byId.own(id)
    if (job === undefined) return undefined
    checkTerms(options)
    this.#events.duplicate(id, job.item)
    return new SharedJob<R>({ job }, undefined)
  }

  /** Resolves when a job that is offered has been accepted. When that is not awaited, events and reports tell the outcome. */
  accepted(job: LocalJob<T, R>): Promise<LocalJob<T, R>> {
    const accepted = new Promise<LocalJob<T, R>>((accept, refuse) => {
      const extras = job.more()
      extras.accept = accept as (job: LocalJob) => void
      extras.refuse = refuse
    })
    accepted.catch(nothing)
    return accepted
  }

  // For queues in which an item may join or replace another.

  /** Makes a job that enters later, or not at all. */
  make(item: T, options: PutOptions | undefined): LocalJob<T, R> {
    const job = this.#makeWith(item, options)
    this.#prepare(job, options, Promise.resolve())
    return job
  }

  /** Gives a job that waits another item, and what that was put with; its place stays. */
  exchange(job: LocalJob, item: T, options: PutOptions | undefined): void {
    this.#shutdown.checkOpen()
    if (this.#slots.asks) this.#slots.meet(item)
    this.renew(job, item, options)
  }

  /** As {@link exchange}, with an item that was put before, also while the queue stops. */
  renew(job: LocalJob, item: T, options: PutOptions | undefined): void {
    const labelled = this.#labels || (options?.group ?? job.extras?.group) !== undefined
    // All that may throw comes before the first change.
    const label = labelled ? this.#labelOf(item, options) : undefined
    refit(job, options)
    if (options?.id !== undefined) this.#byId.take(options.id, job)
    job.item = item
    // Last, since the job may begin at once.
    if (label !== undefined) this.#jobs.relabel(job, () => this.#label(job, label))
  }

  /** A job that does not run any more takes over the item, and the callers, of a newer one that waited for its end. */
  succeed(job: LocalJob, newer: LocalJob): void {
    const { key, timeout, retry, asked, context } = newer.extras ?? {}
    const { group, weight, limiterKey, cost } = newer.extras ?? {}
    job.item = newer.item
    Object.assign(job.more(), { key, timeout, retry, asked, context })
    this.#label(job, {
      ...(group !== undefined && { group }),
      ...(weight !== undefined && { weight }),
      ...(limiterKey !== undefined && { limiterKey }),
      ...(cost !== undefined && { cost }),
    })
    this.#byId.stand(job, newer)
    job.onEnd(() => newer.endAs(job))
  }

  // The way in.

  /** Checks an item, and tells its priority where its put does not say one. */
  #read(item: T): number {
    if (this.#slots.asks) this.#slots.meet(item)
    const priorityFn = this.#priorityFn
    return priorityFn === undefined ? 0 : toPriority(priorityFn(item))
  }

  // Short, so that it is compiled into the code of its callers: nearly all puts that line up are no more than this.
  #make(item: T, priority: number): LocalJob<T, R> {
    if (!this.#plain || this.#byId.namesAll) return this.#makeOf(item, priority, undefined)
    return new LocalJob<T, R>(item, priority, this.#jobs.numbers.next(), this.#control)
  }

  #makeWith(item: T, options: PutOptions | undefined): LocalJob<T, R> {
    if (options?.priority === undefined) return this.#makeOf(item, this.#read(item), options)
    if (this.#slots.asks) this.#slots.meet(item)
    return this.#makeOf(item, toPriority(options.priority), options)
  }

  #makeOf(item: T, priority: number, options: PutOptions | undefined): LocalJob<T, R> {
    const meter = this.#meter
    const job = new LocalJob<T, R>(item, priority, this.#jobs.numbers.next(), this.#control)
    const labelled = options?.id !== undefined || options?.group !== undefined
    if (labelled || this.#labels || this.#byId.namesAll) {
      checkPut(options)
      this.#label(job, this.#labelOf(item, options))
      this.#byId.name(job, options?.id)
    }
    if (meter !== undefined && options?.delay === undefined && options?.at === undefined) {
      // What was told to wait does not wait for workers.
      meter.put(job)
    }
    return job
  }

  /** What few queues ask of a job: its group, and its key and cost at the limiter. */
  #labelOf(item: T, options: PutOptions | undefined): JobLabel {
    const { group: groupFn, groupWeight, limiterKey, limiterCost } = this.#functions
    const group = options?.group ?? groupFn?.(item)
    return {
      ...(group !== undefined && { group: check.string('group', group) }),
      ...(group !== undefined &&
        groupWeight !== undefined && { weight: check.positive('groupWeight', groupWeight(group)) }),
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
      this.#jobs.useGroups()
    } else if (extras.group !== undefined) {
      delete extras.group
      delete extras.weight
    }
  }

  /** As {@link #enter}; resolves when the job is accepted. */
  #enters(job: LocalJob<T, R>, options: PutOptions | undefined): Promise<LocalJob<T, R>> {
    const accepted = Promise.resolve(job)
    this.#enter(job, options, accepted)
    return job.state === 'offered' ? this.accepted(job) : accepted
  }

  #submit(job: LocalJob<T, R>, options: PutOptions | undefined): Promise<R> {
    const result = job.watch()
    this.#enter(job, options, result)
    return result
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
    this.#shutdown.checkOpen()
    let patience = Infinity
    if (options !== undefined) {
      checkPut(options)
      patience = equip(job, options, this.#clock, this.#signals)
      // After all checks: a put that throws must leave its id free.
      if (options.id !== undefined) this.#byId.take(options.id, job)
    }
    if (this.#slots.consumer !== undefined) {
      const context = asyncContext(made)
      if (context !== undefined) job.more().context = context
    }
    return patience
  }
}

function nothing(): void {}
