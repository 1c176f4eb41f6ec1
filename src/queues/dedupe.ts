import * as check from '../core/check.ts'
import { type Millis, toMillis } from '../core/duration.ts'
import { JobDroppedError, OptionTypeError } from '../core/errors.ts'
import type { LimiterStorage } from '../limiters/limiter.ts'
import type { OutagePolicy } from '../limiters/outage.ts'
import { Claims } from './claims.ts'
import { type Job, QueuedJob } from './job.ts'
import { JobQueue, type QueueParts } from './job-queue.ts'
import { keyOf } from './key-of.ts'
import type { PutOptions, QueueOptions } from './queue.ts'
import type { Wanted } from './reception.ts'
import { aFunction } from './settings.ts'
import { SharedJob } from './shared-job.ts'
import { Signals } from './signals.ts'

/**
 * What becomes of an item that is there already.
 *
 * - `ttl`: refused, for `ttl` from the put of the first one and for as long as that waits or runs
 * - `pending`: refused while the first one waits or runs
 * - `coalesce`: joins the first one while that waits or runs. All get the one result; the job is called off only when all
 *   of them have called it off
 * - `latest`: takes the place of the one that waits; while one runs, the newest is run once more after it
 *
 * A refused put is no error: its job has the state `duplicate`, and the result of the first one.
 */
export type DedupeMode = 'ttl' | 'pending' | 'coalesce' | 'latest'

/** What makes two items the same, for how long, and which of them stays. */
export interface DedupeOptions<T, R> extends QueueOptions<T, R> {
  /**
   * What makes two items the same.
   * Objects that it returns count as same where they hold the same.
   * @default the item, if it is a primitive or a function; otherwise its JSON with sorted keys
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

interface Entry<T, R> {
  readonly job: QueuedJob<T, R>
  /** Remembered at least until then. */
  readonly until: Millis
  /** Callers who want the result. */
  shares: number
  /** What runs after the job, with `latest`. */
  follow: Follower<T, R> | undefined
}

interface Follower<T, R> {
  item: T
  options: PutOptions | undefined
  readonly job: QueuedJob<T, R>
}

/** A fifo queue that takes each item once. Failed, cancelled and dropped jobs are forgotten at once. */
export class DedupeQueue<T, R = unknown> extends JobQueue<T, R> {
  readonly #mode: DedupeMode
  readonly #keyFn: (item: T) => unknown
  readonly #ttl: Millis
  readonly #now: () => Millis
  readonly #claims: Claims | undefined
  readonly #entries = new Map<unknown, Entry<T, R>>()
  readonly #signals = new Signals<SharedJob<R>>((share, reason) => share.cancel(reason))

  constructor(options: DedupeOptions<T, R>, parts: QueueParts<T>) {
    super(options, parts)
    this.#mode = check.oneOf('mode', options.mode ?? 'ttl', [
      'ttl',
      'pending',
      'coalesce',
      'latest',
    ])
    aFunction('keyFn', options.keyFn)
    const { keyFn } = options
    this.#keyFn = keyFn === undefined ? keyOf : (item) => keyOf(keyFn(item))
    this.#ttl = this.#mode === 'ttl' ? toMillis('ttl', options.ttl ?? 300) : 0
    const { clock, name } = parts.settings
    this.#now = () => clock.now()
    const { storage, scope = name, onStorageError = 'throw' } = options
    if (storage === undefined) return
    if (this.#mode !== 'ttl') {
      throw new OptionTypeError('storage', `storage needs mode 'ttl', got mode '${this.#mode}'`)
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
    if (underlying !== undefined) await this.accepted(underlying)
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
    options?.signal?.throwIfAborted()
    const key = options?.key ?? this.#keyFn(item)
    this.#sweep()
    const seen = this.#entries.get(key)
    if (seen === undefined || !this.#remembered(seen))
      return this.#first(key, item, options, wanted)
    this.tell('duplicate', { key, item })
    if (this.#mode === 'coalesce') {
      return { job: this.#share(seen, options?.signal), underlying: undefined }
    }
    if (this.#mode === 'latest') {
      return { job: this.#replace(seen, item, options), underlying: undefined }
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
    options?.signal?.throwIfAborted()
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
      if (underlying !== undefined && wanted === 'job') await this.accepted(underlying)
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
    const { signal, ...rest } = options ?? {}
    const shared = this.#mode === 'coalesce'
    // The key is taken in the same breath as the place in line: nobody comes in between.
    const job = this.place(item, shared ? rest : options, wanted)
    const entry: Entry<T, R> = {
      job,
      until: this.#now() + this.#ttl,
      shares: 0,
      follow: undefined,
    }
    if (job.over && job.state !== 'completed') return { job, underlying: undefined }
    this.#entries.set(key, entry)
    if (!job.over) job.onEnd(() => this.#ended(key, entry))
    else if (!this.#remembered(entry)) this.#entries.delete(key)
    return {
      job: shared ? this.#share(entry, signal) : job,
      underlying: job.state === 'offered' ? job : undefined,
    }
  }

  #share(entry: Entry<T, R>, signal: AbortSignal | undefined): SharedJob<R> {
    entry.shares += 1
    const share: SharedJob<R> = new SharedJob(entry.job, (reason) => {
      entry.shares -= 1
      if (entry.shares === 0) entry.job.cancel(reason)
    })
    if (signal !== undefined && !entry.job.over) {
      this.#signals.add(signal, share)
      entry.job.onEnd(() => this.#signals.remove(signal, share))
    }
    return share
  }

  #replace(seen: Entry<T, R>, item: T, options: PutOptions | undefined): Job<R> {
    if (seen.job.state !== 'running') {
      seen.job.item = item
      return seen.job
    }
    if (seen.follow === undefined) {
      const job = new QueuedJob<T, R>(item, 0, seen.job.seq, {
        cancel: (own, reason) => {
          if (own.over) return false
          seen.follow = undefined
          own.end('cancelled', reason)
          return true
        },
        reprioritise: () => false,
        progressed: () => {},
      })
      job.state = 'delayed'
      seen.follow = { item, options, job }
    } else {
      seen.follow.item = item
      seen.follow.options = options
    }
    return seen.follow.job
  }

  #ended(key: unknown, entry: Entry<T, R>): void {
    if (this.#entries.get(key) !== entry) return
    if (entry.job.state !== 'completed' || this.#ttl === 0) this.#entries.delete(key)
    const { follow } = entry
    if (follow === undefined || follow.job.over) return
    entry.follow = undefined
    try {
      const { job } = this.#first(key, follow.item, follow.options, 'result')
      job.result.then(
        (value) => follow.job.complete(value),
        (error: unknown) => follow.job.end('failed', error),
      )
    } catch (error) {
      follow.job.end('dropped', error)
    }
  }

  #remembered(entry: Entry<T, R>): boolean {
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
