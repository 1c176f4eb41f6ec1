import * as check from '../core/check.ts'
import { type Millis, toMillis } from '../core/duration.ts'
import { JobDroppedError, OptionTypeError } from '../core/errors.ts'
import type { LimiterStorage } from '../limiters/limiter.ts'
import type { OutagePolicy } from '../limiters/outage.ts'
import { Claims } from './claims.ts'
import { fingerprint } from './fingerprint.ts'
import { type Job, QueuedJob } from './job.ts'
import { JobQueue, type QueueParts } from './job-queue.ts'
import { checkPut } from './put-options.ts'
import { type PutOptions, QUEUE_OPTIONS, type QueueOptions } from './queue.ts'
import type { Wanted } from './reception.ts'
import { SharedJob } from './shared-job.ts'
import { Signals } from './signals.ts'
import { Taken } from './taken.ts'

/**
 * What becomes of an item that is there already.
 *
 * - `ttl`: refused, for `ttl` from the put of the first one and for as long as that waits or runs
 * - `pending`: refused while the first one waits or runs
 * - `coalesce`: joins the first one while that waits or runs. All get the one result; the job is called off only when all
 *   of them have called it off
 * - `latest`: takes the place of the one that waits, and its time; while one runs, the newest is run once more after it. All
 *   get the result of the newest. Whose item that is can call the job off, the others only themselves
 *
 * A refused put is no error: its job has the state `duplicate`, and the result of the first one.
 */
export type DedupeMode = 'ttl' | 'pending' | 'coalesce' | 'latest'

/** What makes two items the same, for how long, and which of them stays. */
export interface DedupeOptions<T, R> extends QueueOptions<T, R> {
  /**
   * What makes two items the same.
   * Objects that it returns count as same where they hold the same.
   * @default the item, if it is a primitive or a function; otherwise all that it holds, told apart by type
   */
  keyFn?: (item: T) => unknown
  /** @default 'ttl' */
  mode?: DedupeMode
  /** How long an item is remembered, with `mode: 'ttl'`. @default '300s' */
  ttl?: QueueOptions<T, R>['timeout']
  /**
   * Where keys are remembered, with `mode: 'ttl'`: in Redis, an item is taken once by all processes that share it. Then `ttl`
   * counts from the put alone, so let it be longer than a job waits and runs. A duplicate of an item that another process took
   * has no result here: it rejects with a JobDroppedError.
   * @default the memory of this queue
   */
  storage?: LimiterStorage
  /** Queues with the same scope share the keys of a storage. @default the name of the queue */
  scope?: string
  /** What a put does when the storage cannot be asked. @default 'throw', a StorageDownError */
  onStorageError?: OutagePolicy
}

export const DEDUPE_OPTIONS: check.OptionTable<DedupeOptions<unknown, unknown>> = {
  ...QUEUE_OPTIONS,
  keyFn: true,
  mode: true,
  ttl: true,
  storage: true,
  scope: true,
  onStorageError: true,
}

/** A fifo queue that takes each item once. Failed, cancelled and dropped jobs are forgotten at once. */
export class DedupeQueue<T, R = unknown> extends JobQueue<T, R> {
  readonly #mode: DedupeMode
  readonly #keyFn: (item: T) => unknown
  readonly #ttl: Millis
  readonly #now: () => Millis
  readonly #claims: Claims | undefined
  readonly #entries = new Map<unknown, Taken<T, R>>()
  readonly #signals = new Signals<SharedJob<R>>((share, reason) => share.cancel(reason))

  constructor(options: DedupeOptions<T, R>, parts: QueueParts<T>) {
    super(options, parts)
    const { clock, name } = parts.settings
    const { mode = 'ttl', keyFn, ttl = 300, storage } = options
    const { scope = name, onStorageError = 'throw' } = options
    this.#mode = check.oneOf('mode', mode, ['ttl', 'pending', 'coalesce', 'latest'])
    check.callback('keyFn', keyFn)
    this.#keyFn = keyFn === undefined ? fingerprint : (item) => fingerprint(keyFn(item))
    const life = toMillis('ttl', ttl)
    this.#ttl = mode === 'ttl' ? life : 0
    this.#now = () => clock.now()
    check.oneOf('onStorageError', onStorageError, ['deny', 'allow', 'local', 'throw'])
    check.text('scope', scope)
    if (storage === undefined) return
    if (mode !== 'ttl') {
      throw new OptionTypeError('storage', `storage needs mode 'ttl', got mode '${mode}'`)
    }
    this.#claims = new Claims({ storage, scope, onStorageError, ttl: this.#ttl, clock })
  }

  /** How many keys are remembered. */
  get keys(): number {
    return this.#entries.size
  }

  override async put(item: T, options?: PutOptions): Promise<Job<R>> {
    if (this.#claims !== undefined) return this.#claim(this.#claims, item, options)
    const { job, underlying } = this.#take(item, options)
    if (underlying !== undefined) await this.reception.accepted(underlying)
    return job
  }

  override submit(item: T, options?: PutOptions): Promise<R> {
    try {
      if (this.#claims !== undefined) {
        return this.#claim(this.#claims, item, options, 'result').then((job) => job.result)
      }
      return this.#take(item, options, 'result').job.result
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** Where an item joins the first one, or takes its place, it is accepted too. */
  override offer(item: T, options?: PutOptions): boolean {
    if (this.#claims !== undefined) {
      throw new OptionTypeError('storage', 'offer cannot wait for the storage: use put or submit')
    }
    const { state } = this.#take(item, options, 'nothing').job
    return state !== 'duplicate' && state !== 'dropped'
  }

  /** Takes an item, or finds whom it duplicates. `underlying` is to be waited for, while it is offered. */
  #take(
    item: T,
    options: PutOptions | undefined,
    wanted: Wanted = 'job',
  ): { job: Job<R>; underlying: QueuedJob<T, R> | undefined } {
    checkPut(options)
    const key = options?.key ?? this.#keyFn(item)
    this.#sweep()
    const seen = this.#entries.get(key)
    if (seen === undefined || !this.#remembered(seen))
      return this.#first(key, item, options, wanted)
    this.tell('duplicate', { key, item })
    if (this.#mode === 'coalesce') {
      return { job: seen.join(options?.signal), underlying: undefined }
    }
    if (this.#mode === 'latest') {
      return { job: this.#replace(key, seen, item, options), underlying: undefined }
    }
    return { job: new SharedJob(seen.job, undefined), underlying: undefined }
  }

  /**
   * As {@link #take}, where the storage decides whose the key is.
   */
  async #claim(
    claims: Claims,
    item: T,
    options: PutOptions | undefined,
    wanted: Wanted = 'job',
  ): Promise<Job<R>> {
    checkPut(options)
    const key = options?.key ?? this.#keyFn(item)
    const claim = await claims.take(key)
    this.#sweep()
    if (claim === undefined) {
      this.tell('duplicate', { key, item })
      const seen = this.#entries.get(key)
      return seen === undefined ? this.#elsewhere(item) : new SharedJob(seen.job, undefined)
    }
    try {
      // What was remembered here is over for the storage, if not for us: it said that the key is free.
      const { job, underlying } = this.#first(key, item, options, wanted)
      const own = job as QueuedJob<T, R>
      const letGo = () => {
        if (own.state !== 'completed') claim.release()
      }
      if (own.over) letGo()
      else own.onEnd(letGo)
      if (underlying !== undefined && wanted === 'job') await this.reception.accepted(underlying)
      return job
    } catch (error) {
      claim.release()
      throw error
    }
  }

  /** A job that another process has. */
  #elsewhere(item: T): Job<R> {
    const job = new QueuedJob<T, R>(item, 0, 0, {
      cancel: () => false,
      reprioritise: () => false,
      progressed: () => {},
    })
    job.end('dropped', new JobDroppedError('another process took an item with the same key'))
    return new SharedJob(job, undefined)
  }

  #first(
    key: unknown,
    item: T,
    options: PutOptions | undefined,
    wanted: Wanted,
  ): { job: Job<R>; underlying: QueuedJob<T, R> | undefined } {
    const shared = this.#mode === 'coalesce' || this.#mode === 'latest'
    // The key is taken in the same breath as the place in line: nobody comes in between.
    const job = this.reception.place(item, shared ? withoutSignal(options) : options, wanted)
    if (job.over && job.state !== 'completed') return { job, underlying: undefined }
    const entry = new Taken(job, this.#now() + this.#ttl, this.#signals)
    this.#entries.set(key, entry)
    if (!job.over) job.onEnd(() => this.#ended(key, entry))
    else if (!this.#remembered(entry)) this.#entries.delete(key)
    return {
      job: shared ? this.#share(entry, options?.signal) : job,
      underlying: job.state === 'offered' ? job : undefined,
    }
  }

  #share(entry: Taken<T, R>, signal: AbortSignal | undefined): Job<R> {
    return this.#mode === 'latest' ? entry.lead(signal) : entry.join(signal)
  }

  /** The newest item is the one to be done: instead of the one that waits, or after the one that runs. */
  #replace(key: unknown, seen: Taken<T, R>, item: T, options: PutOptions | undefined): Job<R> {
    if (seen.job.state !== 'running') {
      this.reception.exchange(seen.job, item, options)
      return seen.lead(options?.signal)
    }
    if (seen.follow !== undefined) return this.#replace(key, seen.follow, item, options)
    const job = this.reception.make(item, withoutSignal(options))
    this.line.setAside(job, seen.job)
    const follow = new Taken(job, this.#now(), this.#signals)
    seen.follow = follow
    job.onEnd(() => {
      if (seen.follow === follow) seen.follow = undefined
      this.#ended(key, follow)
    })
    return follow.lead(options?.signal)
  }

  #ended(key: unknown, entry: Taken<T, R>): void {
    if (this.#entries.get(key) !== entry) return
    if (entry.job.state !== 'completed' || this.#ttl === 0) this.#entries.delete(key)
    const { follow } = entry
    if (follow === undefined) return
    entry.follow = undefined
    this.#entries.set(key, follow)
    this.line.bringBack(follow.job)
  }

  #remembered(entry: Taken<T, R>): boolean {
    return !entry.job.over || entry.until > this.#now()
  }

  /** Looks at the oldest entries, so that each put pays for its own forgetting and no timer is needed. */
  #sweep(): void {
    let looks = 2
    for (const [key, entry] of this.#entries) {
      if (looks-- === 0 || entry.until > this.#now()) return
      this.#entries.delete(key)
      if (this.#remembered(entry)) this.#entries.set(key, entry)
    }
  }
}

/** What is put for several callers hears of each of them by itself. */
function withoutSignal(options: PutOptions | undefined): PutOptions | undefined {
  if (options?.signal === undefined) return options
  const { signal, ...rest } = options
  return rest
}
