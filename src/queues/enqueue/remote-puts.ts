import { noticeContext } from '../../core/async-context.ts'
import { at, type Cancel } from '../../core/clock.ts'
import { type Millis, toMillis } from '../../core/duration.ts'
import {
  ClosedError,
  JobDroppedError,
  QueueFullError,
  WaitTimeoutError,
} from '../../core/errors.ts'
import { TRIP } from '../../core/in-time.ts'
import { onAbort } from '../../core/on-abort.ts'
import { Waiters } from '../../core/waiters.ts'
import type { Job } from '../job.ts'
import { answered, POLL, type Stay, unlessTimeout } from '../lifecycle/answered.ts'
import type { SharedEvents } from '../observe/shared-events.ts'
import type { PutOptions } from '../queue.ts'
import type { Settings } from '../settings.ts'
import type { Inserted, JobDraft, Uniqueness } from '../store/job-store.ts'
import type { SharedJobStore } from '../store/queue-storage.ts'
import { type DraftRules, draftOf } from './drafts.ts'
import type { FollowedJobs } from './followed-jobs.ts'
import { checkItems } from './put-options.ts'
import { RemoteJob, type Stake } from './remote-job.ts'
import { Signals } from './signals.ts'
import { StoredJobVerbs } from './stored-job-verbs.ts'

/** How many items one call of the store keeps. */
const CHUNK = 1000

/** What puts into a store elsewhere are made of. */
export interface RemotePutsParts<T> {
  readonly settings: Settings
  readonly store: SharedJobStore<T>
  readonly rules: DraftRules<T>
  readonly events: SharedEvents
  readonly followed: FollowedJobs
  /** Told what went wrong where no caller waits for it. */
  readonly trouble: (error: unknown) => void
}

/** Puts items into a store elsewhere: makes drafts, waits for room, and makes the putter's view of each job. */
export class RemotePuts<T, R> {
  readonly #name: string
  readonly #settings: Settings
  readonly #store: SharedJobStore<T>
  readonly #rules: DraftRules<T>
  readonly #events: SharedEvents
  readonly #followed: FollowedJobs
  readonly #trouble: (error: unknown) => void
  readonly #verbs: StoredJobVerbs
  readonly #signals: Signals<RemoteJob>
  /** Puts that wait for room: woken by hints. */
  readonly #room: Waiters<void>
  /** How many hints came. One may come before the older answer that there is no room: then that is asked again, and not waited for. */
  #heard = 0
  #closed = false

  constructor({ settings, store, rules, events, followed, trouble }: RemotePutsParts<T>) {
    this.#name = settings.name
    this.#settings = settings
    this.#store = store
    this.#rules = rules
    this.#events = events
    this.#followed = followed
    this.#trouble = trouble
    this.#verbs = new StoredJobVerbs(store, rules.ranked)
    this.#room = new Waiters(settings.clock, `room in queue '${settings.name}'`)
    this.#signals = new Signals((job, reason) => this.#abort(job, reason))
  }

  /** How many puts wait for room. */
  get offered(): number {
    return this.#room.size
  }

  /** A hint: there may be room. */
  heard(): void {
    this.#heard += 1
    this.#room.grantAll(undefined)
  }

  /** Ends it: no job is put any more, and puts that wait for room reject. */
  close(): void {
    this.#closed = true
    // Puts that hear from now on that there is no room ask again, and do not wait.
    this.#heard += 1
    this.#room.refuseAll(new ClosedError(`queue '${this.#name}'`))
  }

  put(item: T, options: PutOptions | undefined): Promise<RemoteJob<R>> {
    return this.#put(item, options, false)
  }

  async submit(item: T, options: PutOptions | undefined): Promise<R> {
    const { clock } = this.#settings
    const { timeout, signal } = options ?? {}
    const end = timeout === undefined ? Infinity : clock.now() + toMillis('timeout', timeout)
    const job = await this.#followed.whilePutting(() => this.#put(item, options, true, end))
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
    checkItems(items)
    this.#checkOpen()
    const optionsOf = (item: T, i: number) =>
      typeof options === 'function' ? options(item, i) : options
    const puts = items.map((item, i) => optionsOf(item, i))
    const drafts = items.map((item, i) => draftOf(item, puts[i], this.#rules, false))
    const jobs: Job<R>[] = []
    for (let i = 0; i < drafts.length; i += CHUNK) {
      const chunk = drafts.slice(i, i + CHUNK)
      const heard = this.#heard
      const inserted = await this.#insertInTime(chunk, puts.slice(i, i + CHUNK))
      for (const [k, each] of inserted.entries()) {
        jobs.push(await this.#accepted(chunk[k] as JobDraft<T>, each, puts[i + k], heard))
      }
    }
    return jobs
  }

  #checkOpen(): void {
    if (this.#closed) throw new ClosedError(`queue '${this.#name}'`)
  }

  /** @param end how long the answer is awaited: the job goes on after that, as one whose result comes too late */
  async #put(
    item: T,
    options: PutOptions | undefined,
    awaited: boolean,
    end: Millis = Infinity,
  ): Promise<RemoteJob<R>> {
    this.#checkOpen()
    const draft = draftOf(item, options, this.#rules, awaited)
    const heard = this.#heard
    const [inserted] = await this.#insertInTime([draft], [options], end)
    return this.#accepted(draft, inserted as Inserted, options, heard)
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
    // What a worker of this process does next must not run in the context of this put.
    noticeContext()
    const signals = new Set<AbortSignal>()
    for (const put of puts) if (put?.signal !== undefined) signals.add(put.signal)
    for (const signal of signals) signal.throwIfAborted()
    const answer = this.#insert(drafts)
    if (signals.size === 0 && end === Infinity) return answer
    const { signal, forget } = anyOf(signals)
    const what = `the answer that queue '${this.#name}' keeps a job`
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
    this.#abort(job as RemoteJob, reason)
  }

  #jobOf(draft: JobDraft<T>, inserted: Inserted): [job: RemoteJob<R>, stake: Stake] {
    const { item, priority } = draft
    const { id, state, at } = inserted
    const terms = { id, item, state: state === 'full' ? 'dropped' : state, priority, at } as const
    // A job that was not accepted has no id, and nothing can be cancelled of it.
    const stake = state === 'full' ? 'nothing' : this.#stakeOf(draft, inserted)
    return [new RemoteJob<R>(terms, stake, this.#verbs, this.#followed), stake]
  }

  async #insert(drafts: readonly JobDraft<T>[]): Promise<Inserted[]> {
    const { maxSize, overflow } = this.#settings
    const { unique } = this.#rules
    return this.#store.insert(unique === undefined ? drafts : await this.#agreed(drafts), {
      maxSize,
      overflow: overflow === 'drop-oldest' ? 'drop-oldest' : 'refuse',
    })
  }

  /** What this process has not said about duplicates is what the others have. */
  async #agreed(drafts: readonly JobDraft<T>[]): Promise<JobDraft<T>[]> {
    await this.#store.ready()
    const { dedupeMode, dedupeTtl } = this.#store.agreed
    const rules = this.#rules.unique?.rules as Uniqueness
    const mode = (dedupeMode as Uniqueness['mode'] | undefined) ?? rules.mode
    const ttl = dedupeTtl ?? rules.ttl
    return drafts.map((draft) => {
      const { unique } = draft
      return unique === undefined ? draft : { ...draft, unique: { ...unique, mode, ttl } }
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
    const { state } = inserted
    const [job, stake] = this.#jobOf(draft, inserted)
    if (state === 'full') {
      job.drop('the queue is full')
      return job
    }
    if (state === 'duplicate') {
      // What was met has the same own id, or the same key.
      this.#events.duplicate(metById(draft, inserted) ? draft.id : draft.unique?.key, draft.item)
    }
    if (draft.awaited && state !== 'duplicate')
      this.#followed.add(job as RemoteJob, inserted.outcome)
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
  #stakeOf(draft: JobDraft<T>, inserted: Inserted): Stake {
    const { unique, putter = '' } = draft
    const duplicate = inserted.state === 'duplicate'
    // What has the same own id is the job of another put, and not shared.
    if (duplicate && metById(draft, inserted)) return 'nothing'
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
    if (overflow === 'reject') throw new QueueFullError(this.#name, maxSize)
    if (overflow !== 'wait') return { id: draft.id ?? '', state: 'full' }
    const { timeout, signal } = options ?? {}
    const end = timeout === undefined ? Infinity : clock.now() + toMillis('timeout', timeout)
    const what = `room in queue '${this.#name}'`
    const missed = `${what} did not come in time`
    for (let heard = before; ; ) {
      const left = Math.min(POLL, end - clock.now())
      if (left <= 0) throw new WaitTimeoutError(missed, 0)
      if (heard === this.#heard) {
        await this.#room.wait({ signal, timeout: left / 1000 }).catch(unlessTimeout)
      }
      this.#checkOpen()
      heard = this.#heard
      const answer = this.#insert([draft])
      const [inserted] = await this.#inTime(answer, what, { end, signal }, ([late]) => {
        const reason = signal?.aborted === true ? signal.reason : new JobDroppedError(missed)
        this.#takeBack(draft, late as Inserted, reason)
      })
      if (inserted?.state !== 'full') return inserted as Inserted
    }
  }

  /** The caller has left. */
  #abort(job: RemoteJob, reason: unknown): void {
    job.abort(reason).catch((error: unknown) => this.#trouble(error))
  }

  #inTime<A>(answer: Promise<A>, what: string, stay: Stay, undo: (late: A) => unknown): Promise<A> {
    return answered(this.#settings.clock, answer, what, stay, undo)
  }
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

/** True where a duplicate has met a job by its own id, and not by its dedupe key. */
function metById(draft: JobDraft, { id, own }: Inserted): boolean {
  return own === true || draft.id === id
}

function nothing(): void {}
