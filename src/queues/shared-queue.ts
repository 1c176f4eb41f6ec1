import * as check from '../core/check.ts'
import { at, type Cancel } from '../core/clock.ts'
import { type Millis, toMillis } from '../core/duration.ts'
import {
  ClosedError,
  describe,
  isAioFluxError,
  JobDroppedError,
  OptionTypeError,
  QueueFullError,
  WaitTimeoutError,
} from '../core/errors.ts'
import type { Listener } from '../core/events.ts'
import { inTime, TRIP } from '../core/in-time.ts'
import { onAbort } from '../core/on-abort.ts'
import { PATIENCE, type Patience, pause as sleep, Waiters } from '../core/waiters.ts'
import { toRetry } from '../resilience/retry.ts'
import { toBatching } from './batching/batch-options.ts'
import type { Attempt } from './consume/attempt.ts'
import { Attempts } from './consume/attempts.ts'
import { BatchConsumer } from './consume/batch-consumer.ts'
import { ClaimBuffer, type ClaimBufferListener } from './consume/claim-buffer.ts'
import { HandClaim } from './consume/hand-claim.ts'
import { LimiterGate } from './consume/limiter-gate.ts'
import { NamedCalls } from './consume/named-calls.ts'
import { SingleConsumer } from './consume/single-consumer.ts'
import { WorkerSlots } from './consume/worker-slots.ts'
import { type DraftRules, draftOf } from './enqueue/drafts.ts'
import { errorOf, RemoteJob, type RemoteJobOwner, type Stake } from './enqueue/remote-job.ts'
import { Signals } from './enqueue/signals.ts'
import type {
  DeathInfo,
  DeathsOptions,
  GroupInfo,
  GroupsOptions,
  Handler,
  Job,
  JobClaim,
  ListOptions,
  QueueCounts,
  QueuedJobInfo,
  RedriveOptions,
} from './job.ts'
import { DEATHS_OPTIONS, GROUPS_OPTIONS, LIST_OPTIONS, REDRIVE_OPTIONS } from './job.ts'
import type { FifoOptions } from './kinds.ts'
import { WatchedPromise } from './lifecycle/watched-promise.ts'
import { QueueEvents } from './observe/queue-events.ts'
import { QueueMeter } from './observe/queue-meter.ts'
import { countsOf, deathOf, groupOf, infoOf } from './observe/stored-info.ts'
import type {
  ClaimOptions,
  PauseOptions,
  PutOptions,
  QueueEventMap,
  QueueKind,
  QueueOptions,
  QueueStats,
  SharedQueue,
  SharedTerms,
  StopOptions,
  StopReport,
} from './queue.ts'
import { CLAIM_OPTIONS, PAUSE_OPTIONS, SHARED_TERMS, STOP_OPTIONS } from './queue.ts'
import { type Settings, toPriority } from './settings.ts'
import type { Claim, Inserted, JobDraft, Outcome, StoreListener } from './store/job-store.ts'
import type { Share, SharedJobStore } from './store/queue-storage.ts'

/** What a shared queue is made of. */
export interface SharedParts<T> {
  readonly kind: QueueKind
  readonly settings: Settings
  readonly store: SharedJobStore<T>
  readonly lease: Millis
  readonly rules: DraftRules<T>
  /** Reads what `redeclare` is given. */
  readonly declare: (terms: SharedTerms) => Parameters<SharedJobStore['redeclare']>[0]
  /** A limiter that the store cannot ask. */
  readonly limiter: QueueOptions<T, unknown>['limiter']
}

/** How many items one call of the store keeps. */
const CHUNK = 1000
/** How often a wait that hints may have missed looks again. */
const POLL: Millis = 1000
/** How long a call is left to other processes by one that does not know its function. */
const ELSEWHERE: Millis = 100

/**
 * A queue whose jobs are kept in a storage, shared by all processes that make one of that name. It holds no jobs itself: what
 * it puts is the store's, and what it works on it has claimed.
 */
export class DurableQueue<T, R = unknown>
  implements SharedQueue<T, R>, ClaimBufferListener, RemoteJobOwner
{
  readonly name: string
  readonly #settings: Settings
  readonly #store: SharedJobStore<T>
  readonly #parts: SharedParts<T>
  readonly #events: QueueEvents
  readonly #buffer: ClaimBuffer
  readonly #attempts: Attempts
  readonly #slots: WorkerSlots
  readonly #gate: LimiterGate | undefined
  readonly #meter: QueueMeter | undefined
  readonly #signals = new Signals<RemoteJob>((job, reason) => {
    job.cancel(reason).catch((error: unknown) => this.trouble(error))
  })
  /** Jobs whose outcome is awaited here. */
  readonly #followed = new Map<string, Set<RemoteJob>>()
  /** Submits whose job is not known here yet, and what was told meanwhile: news and answers overtake each other. */
  #submitting = 0
  readonly #early = new Map<string, { readonly outcome: Outcome; readonly at: number }>()
  /** Puts that wait for room, and claims by hand that wait for jobs: woken by hints. */
  readonly #room: Waiters<void>
  readonly #available: Waiters<void>
  readonly #ends: Waiters<void>
  /** How many hints came. One may come before the older answer that there is nothing: then that is asked again, and not waited for. */
  readonly #heard = { jobs: 0, room: 0 }
  /** Jobs claimed by hand and not settled. */
  readonly #claims = new Set<Attempt>()
  readonly #closing = new AbortController()
  readonly #forget: () => void
  #started = false
  #paused = false
  /** As the store has told last. */
  #pausedEverywhere = false
  #stopping: Promise<StopReport<T>> | undefined
  #hurry: (() => void) | undefined
  /** The functions that `serve` was given. */
  #calls: NamedCalls | undefined
  /** Attempts that were aborted at the deadline of `stop`. */
  readonly #aborted: Attempt[] = []
  /** What `start` has rejected with. */
  #refusal: string | undefined
  #counts: QueueCounts | undefined
  #counting = false
  #trouble: unknown

  constructor(options: QueueOptions<T, R>, parts: SharedParts<T>) {
    const { settings, store, lease } = parts
    const { clock, name } = settings
    this.name = name
    this.#parts = parts
    this.#settings = settings
    this.#store = store
    this.#events = new QueueEvents(name, options.deadLetter)
    this.#gate = parts.limiter && new LimiterGate(parts.limiter)
    const batching = toBatching(options as FifoOptions<T, R>)
    this.#buffer = new ClaimBuffer(
      store,
      {
        clock,
        lease,
        fill: batching?.fill ?? 0,
        batch: batching?.size ?? 1,
        gate: this.#gate,
        // A job that may be lost once only is claimed when its worker is free.
        ahead: () => store.agreed.maxDeliveries !== 1,
        retryOf: retryOf,
      },
      this,
    )
    this.#attempts = new Attempts(this.#buffer, settings, this.#events)
    this.#buffer.connect(this.#attempts)
    this.#slots = new WorkerSlots(settings.workers, false, (handler) =>
      batching === undefined
        ? new SingleConsumer(this.#buffer, handler as Handler, this.#attempts, clock)
        : new BatchConsumer(this.#buffer, batching, this.#attempts, settings),
    )
    this.#room = new Waiters(clock, `room in queue '${name}'`)
    this.#available = new Waiters(clock, `a job of queue '${name}'`)
    this.#ends = new Waiters(clock, `rest of queue '${name}'`)
    this.#forget = store.watch(this.#listener())
    // A conflict is told by every call; that nobody awaited this one is no fault.
    store.ready().catch(nothing)
    const { metrics } = settings
    if (metrics !== undefined) {
      const looked = { name, stats: () => this.#statsAtScrape() }
      this.#meter = new QueueMeter(metrics, looked, () => clock.now())
      this.#events.count(this.#meter)
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
    this.#applyOpen()
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
    return this.#put(item, options, false)
  }

  async submit(item: T, options?: PutOptions): Promise<R> {
    const { clock } = this.#settings
    const { timeout, signal } = options ?? {}
    const end = timeout === undefined ? Infinity : clock.now() + toMillis('timeout', timeout)
    const job = await this.#put(item, options, true, end)
    if (end === Infinity && signal === undefined) return job.result
    const cancels: Cancel[] = []
    const left = new Promise<never>((_, reject) => {
      if (end < Infinity) {
        const late = new WaitTimeoutError(`the result of job ${job.id} did not come in time`, 0)
        cancels.push(at(clock, end, () => reject(late)))
      }
      if (signal === undefined) return
      // The job is asked to end, and its end is awaited; where the storage does not answer that, it is not.
      const unheard = () => {
        if (!job.cancelHeard) reject(signal.reason)
      }
      const aborted = () => cancels.push(at(clock, clock.now() + TRIP, unheard))
      if (signal.aborted) aborted()
      else cancels.push(onAbort(signal, aborted))
    })
    return Promise.race([job.result, left]).finally(() => {
      for (const cancel of cancels) cancel()
    })
  }

  async putMany(
    items: readonly T[],
    options?: PutOptions | ((item: T, index: number) => PutOptions | undefined),
  ): Promise<Job<R>[]> {
    if (!Array.isArray(items)) {
      throw new OptionTypeError('items', `items must be an array, got ${describe(items)}`)
    }
    this.#checkOpen()
    const optionsOf = (item: T, i: number) =>
      typeof options === 'function' ? options(item, i) : options
    const puts = items.map((item, i) => optionsOf(item, i))
    const drafts = items.map((item, i) => draftOf(item, puts[i], this.#parts.rules, false))
    const jobs: Job<R>[] = []
    for (let i = 0; i < drafts.length; i += CHUNK) {
      const chunk = drafts.slice(i, i + CHUNK)
      const heard = this.#heard.room
      const inserted = await this.#insertInTime(chunk, puts.slice(i, i + CHUNK))
      for (const [k, each] of inserted.entries()) {
        jobs.push(await this.#accepted(chunk[k] as JobDraft<T>, each, puts[i + k], heard))
      }
    }
    return jobs
  }

  /** Refused: it would have to wait for the storage. */
  offer(): boolean {
    throw new OptionTypeError('storage', 'offer cannot wait for the storage: use put or submit')
  }

  // Taking by hand.

  async get(patience?: Patience): Promise<T> {
    if (patience !== undefined) check.known('queue.get', patience, PATIENCE)
    const attempt = await this.#next(patience)
    this.#claims.delete(attempt)
    const { item } = attempt.job
    await this.#attempts.complete(attempt, undefined)
    return item as T
  }

  /** Refused: it would have to wait for the storage. */
  tryGet(): T | undefined {
    throw new OptionTypeError('storage', 'tryGet cannot wait for the storage: use get')
  }

  async *[Symbol.asyncIterator](): AsyncIterator<T> {
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
  }

  async claim(options: ClaimOptions = {}): Promise<JobClaim<T, R>[]> {
    check.known('queue.claim', options, CLAIM_OPTIONS)
    const max = check.integer('max', options.max ?? 1, 1)
    try {
      const attempts = await this.#claimSome(max, options)
      return attempts.map(
        (attempt) =>
          new HandClaim<T, R>(attempt, this.#attempts, () => {
            this.#claims.delete(attempt)
            this.#ends.grantAll(undefined)
          }),
      )
    } catch (error) {
      if (isAioFluxError(error, 'WAIT_TIMEOUT')) return []
      throw error
    }
  }

  // Looking and acting.

  async size(): Promise<number> {
    const { waiting, delayed } = await this.counts()
    return waiting + delayed
  }

  async counts(): Promise<QueueCounts> {
    this.#counts = countsOf(await this.#store.counts())
    return this.#counts
  }

  async job(id: string): Promise<QueuedJobInfo<T, R> | undefined> {
    const record = await this.#store.get(check.text('id', id))
    return record && infoOf<T, R>(record)
  }

  async jobs(options: ListOptions): Promise<{ jobs: QueuedJobInfo<T, R>[]; cursor?: string }> {
    check.known('queue.jobs', options, LIST_OPTIONS)
    const state = check.oneOf('state', options.state, STATES)
    const limit = check.integer('limit', options.limit ?? 100, 1)
    const { jobs, cursor } = await this.#store.list(state, limit, options.cursor)
    return { jobs: jobs.map((each) => infoOf<T, R>(each)), ...(cursor !== undefined && { cursor }) }
  }

  async groups(options: GroupsOptions = {}): Promise<GroupInfo[]> {
    check.known('queue.groups', options, GROUPS_OPTIONS)
    const limit = check.integer('limit', options.limit ?? 20, 1)
    const among = options.among === undefined ? Infinity : check.integer('among', options.among, 1)
    const groups = await this.#store.groups(limit, among)
    return groups.map(groupOf)
  }

  async deadByError(options: DeathsOptions = {}): Promise<DeathInfo[]> {
    check.known('queue.deadByError', options, DEATHS_OPTIONS)
    const latest =
      options.latest === undefined ? Infinity : check.integer('latest', options.latest, 1)
    return (await this.#store.deaths(100, latest)).map(deathOf)
  }

  async cancel(id: string, reason?: unknown): Promise<boolean> {
    return this.#store.cancel(check.text('id', id), plain(reason))
  }

  async setPriority(id: string, priority: number): Promise<boolean> {
    toPriority(priority)
    return this.#parts.rules.ranked && (await this.#store.reprioritise(id, priority))
  }

  async remove(id: string): Promise<boolean> {
    return this.#store.remove(check.text('id', id))
  }

  async redrive(options: RedriveOptions = {}): Promise<number> {
    check.known('queue.redrive', options, REDRIVE_OPTIONS)
    if (options.limit !== undefined) check.integer('limit', options.limit, 0)
    return this.#store.redrive(options)
  }

  // biome-ignore lint/suspicious/noExplicitAny: anybody's functions.
  serve(name: string, fn: (...args: any[]) => unknown): void {
    check.text('name', name)
    check.callback('fn', fn)
    this.#checkOpen()
    this.#calls ??= this.#makeCalls()
    this.#calls.add(name, fn)
  }

  #makeCalls(): NamedCalls {
    if (this.#slots.consumer !== undefined) {
      throw new OptionTypeError(
        'queue',
        `queue '${this.name}' must have no handler where functions are queued in it, and it has one`,
      )
    }
    const calls = new NamedCalls(this.name, (context, missing) => {
      if (missing !== undefined) this.trouble(missing)
      const kept = this.#attempts.release(context as Attempt, ELSEWHERE)
      if (typeof kept !== 'boolean') kept.catch((error: unknown) => this.trouble(error))
    })
    this.#slots.employ(calls.handler)
    if (this.#started) this.#buffer.keepAlive()
    this.#applyOpen()
    return calls
  }

  async redeclare(terms: SharedTerms): Promise<void> {
    check.known('queue.redeclare', terms, SHARED_TERMS)
    await this.#store.redeclare(this.#parts.declare(terms))
  }

  async pause(options: PauseOptions = {}): Promise<void> {
    if (everywhere(options)) return this.#store.pause(true)
    this.#paused = true
    this.#applyOpen()
  }

  async resume(options: PauseOptions = {}): Promise<void> {
    if (everywhere(options)) return this.#store.pause(false)
    this.#paused = false
    this.#applyOpen()
  }

  async clear(): Promise<T[]> {
    return this.#store.clear()
  }

  async onIdle(patience: Patience = {}): Promise<void> {
    const { clock } = this.#settings
    check.known('queue.onIdle', patience, PATIENCE)
    const end =
      patience.timeout === undefined
        ? Infinity
        : clock.now() + toMillis('timeout', patience.timeout)
    for (;;) {
      this.#checkOpen()
      const what = `rest of queue '${this.name}'`
      const { signal } = patience
      const answer = this.counts()
      const { waiting, delayed, running } = await this.#inTime(answer, what, { end, signal })
      if (waiting + delayed + running === 0) return
      const left = Math.min(POLL, end - clock.now())
      if (left <= 0) throw new WaitTimeoutError(`${what} did not come in time`, 0)
      await this.#ends.wait({ signal, timeout: left / 1000 }).catch(unlessTimeout)
    }
  }

  stop(options: StopOptions = {}): Promise<StopReport<T>> {
    try {
      check.known('queue.stop', options, STOP_OPTIONS)
      check.oneOf('mode', options.mode ?? 'drain', ['drain', 'drop'])
      const { clock } = this.#settings
      const deadline =
        options.deadline === undefined ? Infinity : toMillis('deadline', options.deadline)
      const grace = options.grace === undefined ? 0 : toMillis('grace', options.grace)
      this.#stopping ??= this.#stop()
      if (deadline < Infinity) {
        const cancel = at(clock, clock.now() + deadline, () => this.#giveUp(grace))
        void this.#stopping.finally(cancel)
      }
      return this.#stopping
    } catch (error) {
      return Promise.reject(error)
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop().then(nothing)
  }

  on<Name extends keyof QueueEventMap<T, R>>(
    event: Name,
    listener: Listener<QueueEventMap<T, R>[Name]>,
  ): () => void {
    return this.#events.on(event as never, listener as never)
  }

  stats(): QueueStats {
    const attempts = this.#attempts
    const { lastReached } = this.#store
    return {
      name: this.name,
      waiting: (this.#counts?.waiting ?? 0) + (this.#counts?.delayed ?? 0),
      offered: this.#room.size,
      running: attempts.size,
      abandoned: attempts.abandoned.size,
      completed: attempts.completed,
      failed: attempts.failed,
      workers: this.#slots.workers,
      paused: this.#paused || this.#pausedEverywhere,
      late: attempts.late,
      ...(lastReached !== undefined && { lastReached: new Date(lastReached) }),
      ...(this.#trouble !== undefined && { trouble: String((this.#trouble as Error).message) }),
    }
  }

  /** Metrics are read at once, and what waits is elsewhere: each reading asks for the number that the next one tells. */
  #statsAtScrape(): QueueStats {
    if (!this.#counting && this.#stopping === undefined) {
      this.#counting = true
      this.counts()
        .catch(nothing)
        .finally(() => {
          this.#counting = false
        })
    }
    return this.stats()
  }

  // What the store and the buffer tell.

  /** Claims have arrived. */
  arrived(): void {
    this.#slots.consumer?.wake()
  }

  /** The claim of a job has ended here. */
  ended(id: string): void {
    for (const job of this.#followed.get(id) ?? []) job.workedHere = true
    this.#ends.grantAll(undefined)
  }

  trouble(error: unknown): void {
    if (isAioFluxError(error, 'CLOSED')) return
    // Workers run into what `start` has been refused for, again and again.
    if (isAioFluxError(error, 'INVALID_OPTION') && error.message === this.#refusal) return
    this.#events.trouble(error)
  }

  /** One of several callers does not want the result of a job any more. */
  async leave({ id }: RemoteJob, share: Share, reason: unknown): Promise<boolean> {
    return (await this.#store.leave(id, share, plain(reason))) !== 'over'
  }

  /** The outcome of this job is wanted, as the store was told with the put. */
  #await(job: RemoteJob, outcome: Outcome | undefined): void {
    job.await()
    if (this.#closing.signal.aborted) return job.close(this.name)
    this.#listenTo(job)
    const early = this.#early.get(job.id)
    if (outcome !== undefined) this.#settled(job.id, outcome, job.since)
    else if (early !== undefined && early.at >= job.since)
      this.#settled(job.id, early.outcome, early.at)
  }

  /** From now on the outcome of this job is wanted. */
  follow(job: RemoteJob): void {
    if (this.#closing.signal.aborted) return job.close(this.name)
    this.#listenTo(job)
    Promise.resolve(this.#store.outcome(job.id)).then(
      (outcome) => {
        if (outcome !== undefined) this.#settled(job.id, outcome)
      },
      (error: unknown) => {
        // The store goes on asking by itself once it has heard of the wish; before that, ask again.
        sleep(this.#settings.clock, POLL, this.#closing.signal).then(
          () => this.follow(job),
          nothing,
        )
        if (!isAioFluxError(error, 'STORAGE_DOWN')) this.trouble(error)
      },
    )
  }

  #listener(): StoreListener {
    return {
      available: () => {
        this.#heard.jobs += 1
        this.#buffer.look()
        this.#available.grantAll(undefined)
      },
      room: () => {
        this.#heard.room += 1
        this.#room.grantAll(undefined)
      },
      settled: (id, outcome, at) => this.#settled(id, outcome, at),
      cancelled: (id, delivery, reason) => this.#buffer.cancelled(id, delivery, reason),
      lost: (id, delivery) => this.#buffer.lost(id, delivery),
      missed: () => this.#buffer.renew(),
      paused: (paused) => {
        this.#pausedEverywhere = paused
      },
      trouble: (error) => {
        this.#trouble = error
        if (error === undefined) this.#buffer.look()
      },
    }
  }

  /** What was put after `at` is another job of that id. */
  #settled(id: string, outcome: Outcome, at = Infinity): void {
    if (this.#submitting > 0) this.#early.set(id, { outcome, at })
    const all = [...(this.#followed.get(id) ?? [])]
    const jobs = all.filter(({ since }) => since <= at)
    this.#followed.delete(id)
    for (const job of all) if (job.since > at) this.#listenTo(job)
    for (const job of jobs) job.settle(outcome)
    const [first] = jobs
    if (first !== undefined && !this.#buffer.has(id)) this.#tell(first, outcome)
    this.#ends.grantAll(undefined)
  }

  /** Another process has worked on a job whose result is awaited here. */
  #tell(job: RemoteJob, outcome: Outcome): void {
    if (job.workedHere) return
    if (outcome.state === 'completed') this.#events.completedElsewhere(job, outcome.value)
    else if (outcome.state === 'failed') this.#events.failedElsewhere(job, errorOf(outcome.error))
  }

  #listenTo(job: RemoteJob): void {
    const jobs = this.#followed.get(job.id)
    if (jobs === undefined) this.#followed.set(job.id, new Set([job]))
    else jobs.add(job)
  }

  // The way in.

  async #start(): Promise<this> {
    this.#checkOpen()
    this.#started = true
    if (this.#slots.consumer !== undefined) this.#buffer.keepAlive()
    this.#applyOpen()
    try {
      await this.#store.ready()
    } catch (error) {
      if (!isAioFluxError(error, 'STORAGE_DOWN')) throw error
      this.#trouble = error
    }
    return this
  }

  /** @param end how long the answer is awaited: the job goes on after that, as one whose result comes too late */
  async #put(
    item: T,
    options: PutOptions | undefined,
    awaited: boolean,
    end: Millis = Infinity,
  ): Promise<RemoteJob<R>> {
    this.#checkOpen()
    const draft = draftOf(item, options, this.#parts.rules, awaited)
    const heard = this.#heard.room
    if (awaited) this.#submitting += 1
    try {
      const [inserted] = await this.#insertInTime([draft], [options], end)
      return await this.#accepted(draft, inserted as Inserted, options, heard)
    } finally {
      if (awaited) this.#submitting -= 1
      if (this.#submitting === 0) this.#early.clear()
    }
  }

  /**
   * Inserts drafts for a caller that may leave before the storage answers: by the signals of the puts, or at `end`. A job that was
   * kept, and whose signal had aborted by then, is cancelled as soon as that is known.
   */
  async #insertInTime(
    drafts: readonly JobDraft<T>[],
    puts: readonly (PutOptions | undefined)[],
    end: Millis = Infinity,
  ): Promise<Inserted[]> {
    const signals = new Set<AbortSignal>()
    for (const put of puts) if (put?.signal !== undefined) signals.add(put.signal)
    for (const signal of signals) signal.throwIfAborted()
    const answer = this.#insert(drafts)
    if (signals.size === 0 && end === Infinity) return answer
    const { signal, forget } = anyOf(signals)
    const what = `the answer that queue '${this.name}' keeps a job`
    return this.#inTime(answer, what, { end, signal }, (late) => {
      for (const [i, inserted] of late.entries()) {
        const { signal } = puts[i] ?? {}
        if (signal?.aborted === true) {
          this.#takeBack(drafts[i] as JobDraft<T>, inserted, signal.reason)
        }
      }
    }).finally(forget)
  }

  /** Cancels what a put has kept, after its caller has left. */
  #takeBack(draft: JobDraft<T>, inserted: Inserted, reason: unknown): void {
    if (inserted.state === 'full') return
    const [job] = this.#jobOf(draft, inserted)
    job.cancel(reason).catch((error: unknown) => this.trouble(error))
  }

  #jobOf(draft: JobDraft<T>, { id, state, at }: Inserted): [job: RemoteJob<R>, stake: Stake] {
    const { item, priority } = draft
    const terms = { id, item, state: state === 'full' ? 'dropped' : state, priority, at } as const
    const stake = this.#stakeOf(draft, state === 'duplicate')
    return [new RemoteJob<R>(terms, stake, this), stake]
  }

  async #insert(drafts: readonly JobDraft<T>[]): Promise<Inserted[]> {
    const { maxSize, overflow } = this.#settings
    const { unique } = this.#parts.rules
    return this.#store.insert(unique === undefined ? drafts : await this.#agreed(drafts), {
      maxSize,
      overflow: overflow === 'drop-oldest' ? 'drop-oldest' : 'refuse',
    })
  }

  /** What this process has not said about duplicates is what the others have. */
  async #agreed(drafts: readonly JobDraft<T>[]): Promise<JobDraft<T>[]> {
    await this.#store.ready()
    const { dedupeMode, dedupeTtl } = this.#store.agreed
    return drafts.map((draft) => {
      const { unique } = draft
      if (unique === undefined) return draft
      const { mode, ttl } = unique
      const agreed = { mode: (dedupeMode as typeof mode) ?? mode, ttl: dedupeTtl ?? ttl }
      return { ...draft, unique: { ...unique, ...agreed } }
    })
  }

  /** Makes the job of a draft that was inserted, or does what `overflow` says where there was no room. */
  async #accepted(
    draft: JobDraft<T>,
    first: Inserted,
    options: PutOptions | undefined,
    heard: number,
  ): Promise<RemoteJob<R>> {
    const inserted = first.state === 'full' ? await this.#whenRoom(draft, options, heard) : first
    const { id, state } = inserted
    const [job, stake] = this.#jobOf(draft, inserted)
    if (state === 'full') {
      job.drop('the queue is full')
      return job
    }
    if (state === 'duplicate') this.#events.duplicate(id, draft.item)
    if (draft.awaited && state !== 'duplicate') this.#await(job as RemoteJob, inserted.outcome)
    const signal = options?.signal
    if (signal !== undefined && stake !== 'nothing') {
      this.#signals.add(signal, job as RemoteJob)
      job.result
        .then(nothing, nothing)
        .finally(() => this.#signals.remove(signal, job as RemoteJob))
    }
    return job
  }

  /** What a put has in its job: all of it, or a share. */
  #stakeOf({ unique, putter = '' }: JobDraft<T>, duplicate: boolean): Stake {
    const mode = unique && (this.#store.agreed.dedupeMode ?? unique.mode)
    if (mode === 'coalesce') return { mode }
    if (mode === 'latest' || mode === 'debounce') return { mode: 'latest', putter }
    return duplicate ? 'nothing' : 'job'
  }

  /** @param before how many hints of room had come before the draft was refused */
  async #whenRoom(
    draft: JobDraft<T>,
    options: PutOptions | undefined,
    before: number,
  ): Promise<Inserted> {
    const { overflow, maxSize, clock } = this.#settings
    if (overflow === 'reject') throw new QueueFullError(this.name, maxSize)
    if (overflow !== 'wait') return { id: draft.id ?? '', state: 'full' }
    const { timeout, signal } = options ?? {}
    const end = timeout === undefined ? Infinity : clock.now() + toMillis('timeout', timeout)
    const what = `room in queue '${this.name}'`
    const missed = `${what} did not come in time`
    for (let heard = before; ; ) {
      const left = Math.min(POLL, end - clock.now())
      if (left <= 0) throw new WaitTimeoutError(missed, 0)
      if (heard === this.#heard.room) {
        await this.#room.wait({ signal, timeout: left / 1000 }).catch(unlessTimeout)
      }
      this.#checkOpen()
      heard = this.#heard.room
      const answer = this.#insert([draft])
      const [inserted] = await this.#inTime(answer, what, { end, signal }, ([late]) => {
        const reason = signal?.aborted === true ? signal.reason : new JobDroppedError(missed)
        this.#takeBack(draft, late as Inserted, reason)
      })
      if (inserted?.state !== 'full') return inserted as Inserted
    }
  }

  #checkOpen(): void {
    if (this.#stopping !== undefined) throw new ClosedError(`queue '${this.name}'`)
  }

  // The way out.

  async #next(patience: Patience | undefined): Promise<Attempt> {
    const [attempt] = await this.#claimSome(1, patience)
    return attempt as Attempt
  }

  /** Waits for jobs to claim by hand. */
  async #claimSome(max: number, patience: Patience = {}): Promise<Attempt[]> {
    const { clock } = this.#settings
    check.options('options', patience)
    const { signal, timeout } = patience
    check.abortable(signal)?.throwIfAborted()
    const end = timeout === undefined ? Infinity : clock.now() + toMillis('timeout', timeout)
    for (;;) {
      this.#checkOpen()
      const heard = this.#heard.jobs
      const asked = clock.now()
      const answer = Promise.resolve(this.#store.claim(max, this.#parts.lease))
      const what = `a job of queue '${this.name}'`
      const claims: Claim[] = await this.#inTime(answer, what, { end, signal }, (late) => {
        for (const attempt of this.#begun(late)) this.#giveBack(attempt)
      })
      if (claims.length > 0) {
        const attempts = this.#begun(claims)
        this.#buffer.renewIfLate(asked)
        if (this.#stopping !== undefined) this.#giveBackClaims()
        return attempts
      }
      const left = Math.min(POLL, end - clock.now())
      if (left <= 0) throw new WaitTimeoutError(`${what} did not come in time`, 0)
      if (heard !== this.#heard.jobs) continue
      await this.#available.wait({ signal, timeout: left / 1000 }).catch(unlessTimeout)
    }
  }

  #applyOpen(): void {
    const open = this.#started && !this.#paused && this.#stopping === undefined
    const works = this.#slots.consumer !== undefined
    this.#buffer.work(Math.min(this.#slots.workers, 1e6), open && works)
    this.#slots.open = open
  }

  /** Begins to work on what was claimed by hand. */
  #begun(claims: readonly Claim[]): Attempt[] {
    const attempts = this.#buffer.together([...claims]).map((claim) => this.#buffer.begin(claim))
    for (const attempt of attempts) {
      this.#attempts.begin(attempt)
      this.#claims.add(attempt)
    }
    return attempts
  }

  #giveBackClaims(): void {
    const reason = new ClosedError(`queue '${this.name}'`)
    for (const attempt of [...this.#claims]) {
      this.#giveBack(attempt)
      attempt.abort(reason)
    }
  }

  #giveBack(attempt: Attempt): void {
    this.#claims.delete(attempt)
    const kept = this.#attempts.release(attempt, 0)
    if (typeof kept !== 'boolean') kept.catch((error: unknown) => this.trouble(error))
  }

  /** What the storage answers, awaited until `end` or an abort. `undo` gives back what comes after that. */
  #inTime<A>(
    answer: Promise<A>,
    what: string,
    { end, signal }: { readonly end: Millis; readonly signal: AbortSignal | undefined },
    undo?: (late: A) => unknown,
  ): Promise<A> {
    const { clock } = this.#settings
    const caller = new Waiters<void>(clock, what)
    const patience = (heard: Promise<void>) => {
      const timeout = Math.max(TRIP, end - clock.now()) / 1000
      const wait = caller.wait({ signal, ...(end < Infinity && { timeout }) })
      void heard.then(() => caller.grant(undefined))
      return wait
    }
    return inTime(answer, patience, undo)
  }

  async #stop(): Promise<StopReport<T>> {
    const { consumer } = this.#slots
    consumer?.hurry()
    // From the first moment on nothing new begins.
    await Promise.resolve()
    this.#applyOpen()
    this.#giveBackClaims()
    const closed = new ClosedError(`queue '${this.name}'`)
    this.#room.refuseAll(closed)
    this.#available.refuseAll(closed)
    const given = new Promise<void>((resolve) => {
      this.#hurry = resolve
    })
    const settled = (async () => {
      while (this.#attempts.size > 0 || this.#buffer.busy > 0 || this.#heeding) {
        await this.#ends.wait({ timeout: 0.05 }).catch(unlessTimeout)
      }
    })()
    await Promise.race([settled, given])
    this.#buffer.close()
    this.#gate?.close()
    this.#forget()
    await this.#store.close()
    this.#closing.abort()
    for (const jobs of this.#followed.values()) for (const job of jobs) job.close(this.name)
    this.#followed.clear()
    this.#ends.refuseAll(closed)
    this.#meter?.stop()
    const still = [...this.#attempts.abandoned]
    const told = ({ job }: Attempt) => ({ id: job.id, item: job.item as T })
    return {
      completed: this.#attempts.completed,
      failed: this.#attempts.failed,
      notStarted: [],
      aborted: this.#aborted.filter((attempt) => !still.includes(attempt)).map(told),
      stillRunning: still.map(told),
    }
  }

  /** True while handlers run that were aborted at the deadline. */
  get #heeding(): boolean {
    return this.#aborted.some((attempt) => this.#attempts.abandoned.has(attempt))
  }

  /** Patience is over: what runs is aborted and given back, so that another process does it. */
  #giveUp(grace: Millis): void {
    const reason = new JobDroppedError('the queue stopped')
    for (const attempt of [...this.#attempts.running]) {
      this.#aborted.push(attempt)
      this.#attempts.giveBack(attempt, reason)
    }
    const { clock } = this.#settings
    at(clock, clock.now() + Math.max(grace, 1), () => this.#hurry?.())
  }
}

const STATES = ['waiting', 'delayed', 'running', 'dead', 'completed'] as const

function retryOf({ record }: Claim): ReturnType<typeof toRetry> | undefined {
  const retry = record.terms?.retry
  return retry === undefined ? undefined : toRetry('retry', retry)
}

function everywhere(options: PauseOptions): boolean {
  check.known('queue.pause', options, PAUSE_OPTIONS)
  return options.everywhere !== undefined && check.flag('everywhere', options.everywhere)
}

/** A signal that aborts when one of these does. */
function anyOf(signals: ReadonlySet<AbortSignal>): {
  readonly signal: AbortSignal | undefined
  forget(): void
} {
  const [first] = signals
  if (signals.size < 2) return { signal: first, forget: nothing }
  const any = new AbortController()
  const forgets = [...signals].map((signal) => onAbort(signal, () => any.abort(signal.reason)))
  return {
    signal: any.signal,
    forget() {
      for (const forget of forgets) forget()
    },
  }
}

/** A reason as it travels: an error becomes what can be told of it. */
function plain(reason: unknown): unknown {
  return reason instanceof Error ? { name: reason.name, message: reason.message } : reason
}

function unlessTimeout(error: unknown): void {
  if (!isAioFluxError(error, 'WAIT_TIMEOUT')) throw error
}

function nothing(): void {}
