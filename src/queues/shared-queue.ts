import * as check from '../core/check.ts'
import type { Millis } from '../core/duration.ts'
import { isAioFluxError, OptionTypeError } from '../core/errors.ts'
import type { Listener } from '../core/events.ts'
import { checkWaitOptions, Waiters, type WaitOptions } from '../core/waiters.ts'
import { toRetry } from '../resilience/retry.ts'
import { toBatching } from './batching/batch-options.ts'
import { Attempts } from './consume/attempts.ts'
import { BatchConsumer } from './consume/batch-consumer.ts'
import { ClaimBuffer, type ClaimBufferListener } from './consume/claim-buffer.ts'
import type { ClaimedRecord } from './consume/claimed-record.ts'
import { HandClaims, type HandClaimsListener } from './consume/hand-claims.ts'
import { LimiterGate } from './consume/limiter-gate.ts'
import { NamedCalls } from './consume/named-calls.ts'
import { SingleConsumer } from './consume/single-consumer.ts'
import { WorkerSlots } from './consume/worker-slots.ts'
import type { DraftRules } from './enqueue/drafts.ts'
import { FollowedJobs, type QueueHere } from './enqueue/followed-jobs.ts'
import { RemotePuts } from './enqueue/remote-puts.ts'
import type { Handler, Job } from './job.ts'
import type { FifoOptions } from './kinds.ts'
import { DurableIdle } from './lifecycle/durable-idle.ts'
import { DurableShutdown, type DurableStopping } from './lifecycle/durable-shutdown.ts'
import { StoreContact } from './lifecycle/store-contact.ts'
import { WatchedPromise } from './lifecycle/watched-promise.ts'
import { QueueMeter } from './observe/queue-meter.ts'
import { SharedEvents } from './observe/shared-events.ts'
import { StoredDesk } from './observe/stored-desk.ts'
import type {
  PauseOptions,
  PutOptions,
  QueueEventMap,
  QueueStats,
  SharedQueue,
  SharedTerms,
  StopOptions,
  StopReport,
} from './queue.ts'
import { PAUSE_OPTIONS, SHARED_TERMS } from './queue.ts'
import type { QueueKind, QueueOptions } from './queue-options.ts'
import { QueueVerbs } from './queue-verbs.ts'
import type { Settings } from './settings.ts'
import type { Claim } from './store/job-store.ts'
import type { SharedJobStore } from './store/queue-storage.ts'

/** What a shared queue is made of. */
export interface SharedParts<T> {
  readonly kind: QueueKind
  readonly settings: Settings
  readonly store: SharedJobStore<T>
  readonly lease: Millis
  readonly rules: DraftRules<T>
  /** Reads what `redeclare` is given. */
  readonly redeclare: (terms: SharedTerms) => Parameters<SharedJobStore['redeclare']>[0]
  /** A limiter that the store cannot ask. */
  readonly limiter: QueueOptions<T, unknown>['limiter']
}

/**
 * A queue whose jobs are kept in a storage, shared by all processes that make one of that name. It holds no jobs itself: what
 * it puts is the store's, and what it works on it has claimed.
 */
export class DurableQueue<T, R = unknown>
  extends QueueVerbs<T, R>
  implements SharedQueue<T, R>, ClaimBufferListener, HandClaimsListener, QueueHere, DurableStopping
{
  readonly name: string
  readonly #store: SharedJobStore<T>
  readonly #parts: SharedParts<T>
  readonly #events: SharedEvents
  readonly #buffer: ClaimBuffer
  readonly #attempts: Attempts
  readonly #slots: WorkerSlots
  readonly #gate: LimiterGate | undefined
  readonly #meter: QueueMeter | undefined
  readonly #followed: FollowedJobs
  readonly #puts: RemotePuts<T, R>
  protected readonly claims: HandClaims<T, R>
  protected readonly desk: StoredDesk
  readonly #ends: Waiters<void>
  readonly #shutdown: DurableShutdown<T>
  readonly #idle: DurableIdle
  readonly #contact: StoreContact
  /** The functions that `serve` was given. */
  #calls: NamedCalls | undefined
  /** What `start` has rejected with. */
  #refusal: string | undefined

  constructor(options: QueueOptions<T, R>, parts: SharedParts<T>) {
    super()
    const { settings, store, lease } = parts
    const { clock, name } = settings
    this.name = name
    this.#parts = parts
    this.#store = store
    const events = new SharedEvents(name, options.deadLetter)
    this.#events = events
    const gate = parts.limiter && new LimiterGate(parts.limiter)
    this.#gate = gate
    const batching = toBatching(options as FifoOptions<T, R>)
    const buffer = new ClaimBuffer(
      store,
      {
        clock,
        lease,
        fill: batching?.fill ?? 0,
        batch: batching?.size ?? 1,
        gate,
        // A job that may be lost once only is claimed when its worker is free.
        ahead: () => store.agreed.maxDeliveries !== 1,
        retryOf: retryOf,
      },
      this,
    )
    this.#buffer = buffer
    const attempts = new Attempts(buffer, settings, events)
    this.#attempts = attempts
    buffer.connect(attempts)
    this.#slots = new WorkerSlots(settings.workers, false, (handler) =>
      batching === undefined
        ? new SingleConsumer(buffer, handler as Handler, attempts, clock)
        : new BatchConsumer(buffer, batching, attempts, settings),
    )
    const followed = new FollowedJobs(name, store, clock, events, this)
    this.#followed = followed
    const { rules } = parts
    const trouble = (error: unknown) => this.trouble(error)
    const puts = new RemotePuts<T, R>({ settings, store, rules, events, followed, trouble })
    this.#puts = puts
    const claiming = { queue: name, clock, lease, store, buffer, attempts, gate }
    const claims = new HandClaims<T, R>(claiming, this)
    this.claims = claims
    this.desk = new StoredDesk(store)
    const rest = `rest of queue '${name}'`
    const ends = new Waiters<void>(clock, rest)
    this.#ends = ends
    const shutdown = new DurableShutdown<T>(clock, this.#slots, attempts, buffer, ends, this)
    this.#shutdown = shutdown
    this.#idle = new DurableIdle(clock, rest, this.desk, ends, shutdown)
    this.#contact = new StoreContact({ store, claims, buffer, puts, followed, ends })
    // Every later call reports a conflict of options, so this promise need not be watched.
    store.ready().catch(nothing)
    const { metrics } = settings
    if (metrics !== undefined) {
      const looked = { name, stats: () => this.#statsAtScrape() }
      this.#meter = new QueueMeter(metrics, looked, () => clock.now())
      events.count(this.#meter)
    }
    if (options.handler !== undefined || batching !== undefined) {
      this.#slots.employ(options.handler as Handler | undefined)
    }
  }

  get workers(): number {
    return this.#slots.workers
  }

  set workers(workers: number) {
    this.#slots.workers = workers
    this.#ask()
  }

  get running(): number {
    return this.#attempts.size
  }

  start(): Promise<this> {
    const started = this.#start()
    const told = new WatchedPromise<this>((resolve) => resolve(started))
    started.catch((error: unknown) => {
      if (!told.watched) this.trouble(error)
      told.catch(nothing)
      this.#refusal = (error as Error).message
    })
    return told
  }

  // Putting.

  put(item: T, options?: PutOptions): Promise<Job<R>> {
    return this.#puts.put(item, options)
  }

  submit(item: T, options?: PutOptions): Promise<R> {
    return this.#puts.submit(item, options)
  }

  putMany(
    items: readonly T[],
    options?: PutOptions | ((item: T, index: number) => PutOptions | undefined),
  ): Promise<Job<R>[]> {
    return this.#puts.putMany(items, options)
  }

  /** Refused: it would have to wait for the storage. */
  offer(): boolean {
    throw new OptionTypeError('storage', 'offer cannot wait for the storage: use put or submit')
  }

  // Taking by hand.

  /** Refused: it would have to wait for the storage. */
  tryGet(): T | undefined {
    throw new OptionTypeError('storage', 'tryGet cannot wait for the storage: use get')
  }

  // Looking and acting.

  async size(): Promise<number> {
    const { waiting, delayed } = await this.counts()
    return waiting + delayed
  }

  // biome-ignore lint/suspicious/noExplicitAny: the functions of any user.
  serve(name: string, fn: (...args: any[]) => unknown): void {
    check.text('name', name)
    check.callback('fn', fn)
    this.checkOpen()
    this.#calls ??= this.#makeCalls()
    this.#calls.add(name, fn)
  }

  #makeCalls(): NamedCalls {
    if (this.#slots.consumer !== undefined) {
      throw new OptionTypeError(
        'queue',
        `queue must have no handler where functions are queued in it, and queue '${this.name}' has one: leave handler and batchFn out`,
      )
    }
    const calls = new NamedCalls(this.name, this.#attempts, (error) => this.trouble(error))
    this.#slots.employ(calls.handler)
    if (this.#slots.started) this.#buffer.keepAlive()
    this.#ask()
    return calls
  }

  async redeclare(terms: SharedTerms): Promise<void> {
    check.known('queue.redeclare', terms, SHARED_TERMS)
    await this.#store.redeclare(this.#parts.redeclare(terms))
  }

  async pause(options: PauseOptions = {}): Promise<void> {
    if (everywhere(options)) return this.#store.pause(true)
    this.#slots.paused = true
    this.#ask()
  }

  async resume(options: PauseOptions = {}): Promise<void> {
    if (everywhere(options)) return this.#store.pause(false)
    this.#slots.paused = false
    this.#ask()
  }

  async clear(): Promise<T[]> {
    return this.#store.clear()
  }

  async onIdle(patience: WaitOptions = {}): Promise<void> {
    checkWaitOptions('queue.onIdle', patience)
    await this.#idle.wait(patience)
  }

  stop(options: StopOptions = {}): Promise<StopReport<T>> {
    return this.#shutdown.begin(options)
  }

  on<Name extends keyof QueueEventMap<T, R>>(
    event: Name,
    listener: Listener<QueueEventMap<T, R>[Name]>,
  ): () => void {
    return this.#events.on(event as never, listener as never)
  }

  stats(): QueueStats {
    const attempts = this.#attempts
    return {
      name: this.name,
      waiting: (this.desk.latest?.waiting ?? 0) + (this.desk.latest?.delayed ?? 0),
      offered: this.#puts.offered,
      running: attempts.size,
      abandoned: attempts.abandoned.size,
      completed: attempts.completed,
      failed: attempts.failed,
      workers: this.#slots.workers,
      paused: this.#slots.paused || this.#contact.pausedEverywhere,
      late: attempts.late,
      ...this.#contact.stats,
    }
  }

  /** Metrics are read at once, and what waits is elsewhere: each reading asks for the number that the next one tells. */
  #statsAtScrape(): QueueStats {
    if (!this.#shutdown.begun) this.desk.refresh()
    return this.stats()
  }

  // What the store and the buffer tell.

  /** Claims have arrived. */
  arrived(): void {
    this.#slots.consumer?.wake()
  }

  claimEnded(): void {
    this.#ends.grantAll(undefined)
  }

  worksOn(id: string): boolean {
    return this.#buffer.has(id)
  }

  /** The handler of a job tells how far it has come. */
  progressed(job: ClaimedRecord, value: unknown): void {
    this.#events.progressed(job, value)
  }

  /** The claim of a job has ended here. */
  ended(id: string): void {
    this.#followed.workedOn(id)
    this.#ends.grantAll(undefined)
  }

  trouble(error: unknown): void {
    if (isAioFluxError(error, 'CLOSED')) return
    // Workers run into what `start` has been refused for, again and again.
    if (isAioFluxError(error, 'INVALID_OPTION') && error.message === this.#refusal) return
    this.#events.trouble(error)
  }

  /** True while claims may come that have to be given back. */
  get claiming(): boolean {
    return this.claims.asking
  }

  /** The stop begins: nothing is put, claimed or begun any more. */
  closing(): void {
    this.#slots.close()
    this.#ask()
    this.claims.close()
    this.#gate?.close()
    this.#puts.close()
  }

  /** Resolves when the dead letters under way are delivered; `undefined` where there are none. */
  lettersSent(): Promise<unknown> | undefined {
    return this.#events.lettersSent()
  }

  /** All that this process works on has ended, or was given back: it leaves the store. */
  async finish(): Promise<void> {
    this.#buffer.close()
    await this.#contact.close()
    this.reported()
  }

  /** The report is told: no call waits any more. */
  reported(): void {
    this.#followed.close()
    this.#ends.refuseAll(this.closedError())
    this.#meter?.stop()
  }

  // The way in.

  async #start(): Promise<this> {
    this.checkOpen()
    this.#slots.start()
    if (this.#slots.consumer !== undefined) this.#buffer.keepAlive()
    this.#ask()
    await this.#contact.open()
    return this
  }

  /** Asks the store for as many jobs as workers may do. */
  #ask(): void {
    const { consumer, open, workers } = this.#slots
    this.#buffer.work(Math.min(workers, 1e6), open && consumer !== undefined)
  }

  protected checkOpen(): void {
    this.#shutdown.checkOpen()
  }
}

function retryOf({ record }: Claim): ReturnType<typeof toRetry> | undefined {
  const retry = record.terms?.retry
  return retry === undefined ? undefined : toRetry('retry', retry)
}

function everywhere(options: PauseOptions): boolean {
  check.known('queue.pause', options, PAUSE_OPTIONS)
  return options.everywhere !== undefined && check.flag('everywhere', options.everywhere)
}

function nothing(): void {}
