import * as check from '../core/check.ts'
import { type Millis, toMillis } from '../core/duration.ts'
import { JobCancelledError } from '../core/errors.ts'
import { type Job, type JobState, QueuedJob } from './job.ts'
import { JobQueue, type QueueParts } from './job-queue.ts'
import type { PutOptions, QueueOptions } from './queue.ts'
import { aFunction } from './settings.ts'
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
   * @default the item, if it is a primitive or a function; otherwise its JSON with sorted keys
   */
  keyFn?: (item: T) => unknown
  /** @default 'ttl' */
  mode?: DedupeMode
  /** How long an item is remembered, with `mode: 'ttl'`. @default '300s' */
  ttl?: QueueOptions<T, R>['timeout']
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
    this.#keyFn = options.keyFn ?? keyOf
    this.#ttl = this.#mode === 'ttl' ? toMillis('ttl', options.ttl ?? 300) : 0
    const { clock } = parts.settings
    this.#now = () => clock.now()
  }

  /** How many keys are remembered. */
  get keys(): number {
    return this.#entries.size
  }

  override async put(item: T, options?: PutOptions): Promise<Job<R>> {
    const { job, underlying } = this.#take(item, options)
    if (underlying !== undefined) await this.accepted(underlying)
    return job
  }

  override submit(item: T, options?: PutOptions): Promise<R> {
    try {
      return this.#take(item, options).job.result
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** Takes an item, or finds whom it duplicates. `underlying` is to be waited for, while it is offered. */
  #take(
    item: T,
    options: PutOptions | undefined,
  ): { job: Job<R>; underlying: QueuedJob<T, R> | undefined } {
    options?.signal?.throwIfAborted()
    const key = options?.key ?? this.#keyFn(item)
    this.#sweep()
    const seen = this.#entries.get(key)
    if (seen === undefined || !this.#remembered(seen)) return this.#first(key, item, options)
    this.tell('duplicate', { key, item })
    if (this.#mode === 'coalesce') {
      return { job: this.#share(seen, options?.signal), underlying: undefined }
    }
    if (this.#mode === 'latest') {
      return { job: this.#replace(seen, item, options), underlying: undefined }
    }
    return { job: new SharedJob(seen.job, undefined), underlying: undefined }
  }

  #first(
    key: unknown,
    item: T,
    options: PutOptions | undefined,
  ): { job: Job<R>; underlying: QueuedJob<T, R> | undefined } {
    const { signal, ...rest } = options ?? {}
    const shared = this.#mode === 'coalesce'
    // The key is taken in the same breath as the place in line: nobody comes in between.
    const job = this.place(item, shared ? rest : options)
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
      const { job } = this.#first(key, follow.item, follow.options)
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

/** One caller's view of a job that others may want too. */
class SharedJob<R> implements Job<R> {
  readonly #job: QueuedJob<unknown, R>
  readonly #leave: ((reason: unknown) => void) | undefined
  #left: { reason: unknown } | undefined
  #reject: ((reason: unknown) => void) | undefined
  #result: Promise<R> | undefined

  /** @param leave how this caller lets go of the job; `undefined` for one who was refused */
  constructor(job: QueuedJob<unknown, R>, leave: ((reason: unknown) => void) | undefined) {
    this.#job = job
    this.#leave = leave
  }

  get id(): string {
    return this.#job.id
  }

  get state(): JobState {
    if (this.#leave === undefined) return 'duplicate'
    return this.#left === undefined ? this.#job.state : 'cancelled'
  }

  get priority(): number {
    return this.#job.priority
  }

  get attempt(): number {
    return this.#job.attempt
  }

  get reported(): unknown {
    return this.#job.reported
  }

  get result(): Promise<R> {
    if (this.#leave === undefined) return this.#job.result
    if (this.#result === undefined) {
      this.#result = new Promise((resolve, reject) => {
        this.#reject = reject
        if (this.#left !== undefined) reject(this.#left.reason)
        else this.#job.result.then(resolve, reject)
      })
      this.#result.catch(() => {})
    }
    return this.#result
  }

  cancel(reason: unknown = new JobCancelledError(this.id)): boolean {
    if (this.#leave === undefined || this.#left !== undefined || this.#job.over) return false
    this.#left = { reason }
    this.#reject?.(reason)
    this.#leave(reason)
    return true
  }

  setPriority(): boolean {
    return false
  }
}

function keyOf(item: unknown): unknown {
  if (typeof item !== 'object' || item === null) return item
  return JSON.stringify(item, (_, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  )
}
