import { asyncContext } from '../core/async-context.ts'
import type { Millis } from '../core/duration.ts'
import type { LocalBackend } from './backend.ts'
import type { Intake } from './intake.ts'
import { type JobOwner, QueuedJob } from './job.ts'
import { equip, refit } from './put-options.ts'
import type { PutOptions } from './queue.ts'
import type { QueueMeter } from './queue-meter.ts'
import { type Settings, toPriority } from './settings.ts'
import { Signals } from './signals.ts'
import type { Staff } from './staff.ts'

/** What a putter waits for: that the job is accepted, or its result. */
export type Wanted = 'job' | 'result' | 'nothing'

/** The parts of a queue that a job comes through. */
export interface Way<T> {
  owner: JobOwner
  settings: Settings
  priorityFn: ((item: T) => number) | undefined
  staff: Staff
  intake: Intake
  backend: LocalBackend
  meter: QueueMeter | undefined
  /** Throws where nothing is accepted any more. */
  checkOpen(): void
}

/** Whom putters meet: makes a job of an item, and lets it begin at once or shows it to the door. */
export class Reception<T, R> {
  readonly #owner: JobOwner
  readonly #settings: Settings
  readonly #priorityFn: ((item: T) => number) | undefined
  readonly #staff: Staff
  readonly #intake: Intake
  readonly #backend: LocalBackend
  readonly #meter: QueueMeter | undefined
  readonly #signals: Signals<QueuedJob>
  readonly #checkOpen: () => void
  #seq = 0

  constructor(way: Way<T>) {
    this.#owner = way.owner
    this.#settings = way.settings
    this.#priorityFn = way.priorityFn
    this.#staff = way.staff
    this.#intake = way.intake
    this.#backend = way.backend
    this.#meter = way.meter
    this.#signals = new Signals((job, reason) => way.owner.cancel(job, reason))
    this.#checkOpen = way.checkOpen
  }

  put(item: T, options?: PutOptions): Promise<QueuedJob<T, R>> {
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

  /**
   * Puts an item without a promise: the job may be offered only; where nothing is wanted of it, it is dropped instead.
   */
  place(item: T, options: PutOptions | undefined, wanted: Wanted): QueuedJob<T, R> {
    const job = this.#make(item, options)
    if (wanted === 'result') void job.watch()
    if (this.#rushes(job, options)) return job
    if (wanted === 'nothing') this.#tries(job, options)
    else this.#enter(job, options, Promise.resolve())
    return job
  }

  /** Makes a job that enters later, or not at all. */
  make(item: T, options: PutOptions | undefined): QueuedJob<T, R> {
    const job = this.#make(item, options)
    this.#prepare(job, options, Promise.resolve())
    return job
  }

  /** Gives a job that waits another item, and what that was put with; its time and its place stay. */
  exchange(job: QueuedJob, item: T, options: PutOptions | undefined): void {
    this.#checkOpen()
    if (this.#staff.asks) this.#staff.meet(item)
    refit(job, options)
    job.item = item
  }

  /** Resolves when a job that is offered has been accepted. Where nobody awaits that, events and reports tell the rest. */
  accepted(job: QueuedJob<T, R>): Promise<QueuedJob<T, R>> {
    const accepted = new Promise<QueuedJob<T, R>>((accept, refuse) => {
      const extras = job.more()
      extras.accept = accept
      extras.refuse = refuse
    })
    accepted.catch(nothing)
    return accepted
  }

  #make(item: T, options: PutOptions | undefined): QueuedJob<T, R> {
    if (this.#staff.asks) this.#staff.meet(item)
    const priorityFn = this.#priorityFn
    let priority = 0
    if (options?.priority !== undefined) priority = toPriority(options.priority)
    else if (priorityFn !== undefined) priority = toPriority(priorityFn(item))
    this.#seq += 1
    const job = new QueuedJob<T, R>(item, priority, this.#seq, this.#owner)
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
    this.#checkOpen()
    const patience =
      options === undefined ? Infinity : equip(job, options, this.#settings.clock, this.#signals)
    if (this.#staff.consumer !== undefined) {
      const context = asyncContext(made)
      if (context !== undefined) job.more().context = context
    }
    return patience
  }
}

function nothing(): void {}
