import { callback, having, known, type OptionTable } from '../../core/check.ts'
import { type Cancel, type Clock, systemClock } from '../../core/clock.ts'
import type { Millis } from '../../core/duration.ts'
import type { StoredRecord, StoredState } from '../../queues/store/job-record.ts'
import type {
  Claim,
  DeathCount,
  GroupCounts,
  Inserted,
  JobDraft,
  JobStore,
  MaybePromise,
  Outcome,
  Redrive,
  Room,
  Settlement,
  StoreCounts,
  StoreListener,
} from '../../queues/store/job-store.ts'
import { type PlainJob, type Process, storedOf } from './plain-job.ts'
import { PlainJobs } from './plain-jobs.ts'
import { countsOf, deathsOf, groupsOf, page } from './plain-views.ts'
import { checkTerms, DEFAULT_TERMS, type JobStoreTerms } from './terms.ts'

/** How a {@link PlainJobStore} is made. */
export interface PlainJobStoreOptions {
  /** @default the clock of the runtime */
  clock?: Clock
  /** @default the terms of a queue whose user gave none */
  terms?: Partial<JobStoreTerms>
  /**
   * Waits as long as a call takes to the store, and again as long as its answer takes. With it all answers are promises, as
   * those of a store elsewhere. Calls that are under way at once may overtake each other.
   * @default answers at once
   */
  latency?: () => Promise<unknown>
}

const PLAIN_JOB_STORE_OPTIONS: OptionTable<PlainJobStoreOptions> = {
  clock: true,
  terms: true,
  latency: true,
}

/**
 * A job store with no cleverness: arrays and scans, in the memory of this process. It says what a {@link JobStore} is, and
 * tests compare other stores with it. It copies items, as a store elsewhere does.
 *
 * @example
 * const clock = new ManualClock()
 * const store = new PlainJobStore({ clock, latency: () => Promise.resolve() })
 * await store.insert([draft], { maxSize: 10, overflow: 'refuse' })
 * const [claim] = await store.claim(1, 30_000)
 */
export class PlainJobStore<T = unknown> implements JobStore<T> {
  /** What the store holds. All processes that share it have the same object. */
  private jobs: PlainJobs<T>
  readonly #process: Process = {
    hear: (tell) => this.#news.push(tell),
    deliver: () => this.#deliver(),
  }
  readonly #clock: Clock
  readonly #latency: (() => Promise<unknown>) | undefined
  readonly #listeners = new Set<StoreListener>()
  #news: ((listener: StoreListener) => void)[] = []
  #timer: Cancel | undefined

  constructor(options: PlainJobStoreOptions = {}) {
    known('PlainJobStore', options, PLAIN_JOB_STORE_OPTIONS)
    const { clock = systemClock, terms = {}, latency } = options
    checkTerms(terms)
    having('clock', clock, 'now')
    callback('latency', latency)
    this.#clock = clock
    this.#latency = latency
    const now = () => clock.wall?.() ?? clock.now()
    this.jobs = new PlainJobs<T>({ ...DEFAULT_TERMS, ...terms }, now)
    this.jobs.processes.add(this.#process)
  }

  /** The same jobs, as another process has them. */
  peer(): PlainJobStore<T> {
    const latency = this.#latency
    const peer = new PlainJobStore<T>({ clock: this.#clock, ...(latency && { latency }) })
    peer.share(this.jobs)
    return peer
  }

  private share(jobs: PlainJobs<T>): void {
    this.jobs = jobs
    jobs.processes.add(this.#process)
  }

  insert(drafts: readonly JobDraft<T>[], room: Room): MaybePromise<Inserted[]> {
    return this.#answer(() => this.jobs.insert(drafts, room, this.#process), true)
  }

  claim(max: number, lease: Millis): MaybePromise<Claim<T>[]> {
    return this.#answer(() => this.jobs.claim(max, lease, this.#process))
  }

  settle(ends: readonly Settlement[]): MaybePromise<boolean[]> {
    return this.#answer(() => this.jobs.settle(ends), true)
  }

  extend(claims: readonly Claim<T>[], lease: Millis): MaybePromise<boolean[]> {
    return this.#answer(() => this.jobs.extend(claims, lease))
  }

  progress(claim: Claim<T>, value: unknown): MaybePromise<boolean> {
    return this.#answer(() => this.jobs.progress(claim, value))
  }

  outcome(id: string): MaybePromise<Outcome | undefined> {
    return this.#answer(() => this.jobs.outcome(id, this.#process))
  }

  get(id: string): MaybePromise<StoredRecord<T> | undefined> {
    const stored = (job: PlainJob<T> | undefined) => job && storedOf(job)
    return this.#answer(() => stored(this.jobs.find(id)))
  }

  list(
    state: StoredState,
    limit: number,
    cursor?: string,
  ): MaybePromise<{ jobs: StoredRecord<T>[]; cursor?: string }> {
    return this.#answer(() => page(this.jobs, state, limit, cursor))
  }

  counts(): MaybePromise<StoreCounts> {
    return this.#answer(() => countsOf(this.jobs))
  }

  groups(limit: number, among: number = Infinity): MaybePromise<GroupCounts[]> {
    return this.#answer(() => groupsOf(this.jobs, limit, among))
  }

  deaths(limit: number, latest: number = Infinity): MaybePromise<DeathCount[]> {
    return this.#answer(() => deathsOf(this.jobs, limit, latest))
  }

  cancel(id: string, reason: unknown): MaybePromise<boolean> {
    return this.#answer(() => this.jobs.cancel(id, reason), true)
  }

  remove(id: string): MaybePromise<boolean> {
    return this.#answer(() => this.jobs.remove(id), true)
  }

  reprioritise(id: string, priority: number): MaybePromise<boolean> {
    return this.#answer(() => this.jobs.reprioritise(id, priority), true)
  }

  redrive(which: Redrive): MaybePromise<number> {
    return this.#answer(() => this.jobs.redrive(which), true)
  }

  clear(): MaybePromise<T[]> {
    return this.#answer(() => this.jobs.clear(), true)
  }

  pause(paused: boolean): MaybePromise<void> {
    return this.#answer(() => this.jobs.pause(paused), true)
  }

  watch(listener: StoreListener): () => void {
    this.#listeners.add(listener)
    this.#step(() => undefined, false)
    return () => {
      this.#listeners.delete(listener)
      if (this.#listeners.size === 0) this.#timer?.()
    }
  }

  close(): MaybePromise<void> {
    this.#timer?.()
    this.#listeners.clear()
    this.jobs.processes.delete(this.#process)
    return this.#answer(() => undefined)
  }

  /** Makes one move, at once or after a while. `changes` where it may give others something to do. */
  #answer<R>(move: () => R, changes = false): MaybePromise<R> {
    const latency = this.#latency
    return latency ? this.#answerLater(move, changes, latency) : this.#step(move, changes)
  }

  async #answerLater<R>(move: () => R, changes: boolean, latency: () => Promise<unknown>) {
    await latency()
    try {
      return this.#step(move, changes)
    } finally {
      await latency()
    }
  }

  /** One move on the jobs, and the news of it to all. Listeners are called when the move is over. */
  #step<R>(move: () => R, changes: boolean): R {
    const passed = this.jobs.catchUp()
    try {
      return move()
    } finally {
      if (changes || passed) this.jobs.announceWork()
      this.jobs.announceRoom()
      for (const process of this.jobs.processes) process.deliver()
    }
  }

  #deliver(): void {
    this.#timer?.()
    this.#timer = this.#listeners.size > 0 ? this.#wake() : undefined
    const news = this.#news
    this.#news = []
    for (const tell of news) for (const listener of [...this.#listeners]) tell(listener)
  }

  /** Looks again when time brings something, for the processes that listen. */
  #wake(): Cancel | undefined {
    // At least what clocks can tell, or a timer of no length would come up for ever.
    const wait = Math.max(0.001, this.jobs.next() - this.jobs.now)
    const after = this.#clock.after ?? systemClock.after
    if (wait === Infinity) return undefined
    return after?.call(
      this.#clock,
      Math.max(0, wait),
      () => this.#step(() => undefined, true),
      true,
    )
  }
}
