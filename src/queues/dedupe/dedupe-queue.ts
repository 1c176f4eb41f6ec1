import type { Millis } from '../../core/duration.ts'
import { checkPut, checkTerms } from '../enqueue/put-options.ts'
import { SharedJob } from '../enqueue/shared-job.ts'
import { Signals } from '../enqueue/signals.ts'
import { MemoryQueue, type QueueParts, type Wanted } from '../local-queue.ts'
import type { LocalDedupeQueue, LocalJobHandle, PutOptions } from '../queue.ts'
import type { LocalJob } from '../store/local-job.ts'
import { DedupeEntry } from './dedupe-entry.ts'
import { type DedupeMode, type DedupeOptions, toDedupe } from './dedupe-options.ts'
import { fingerprint } from './fingerprint.ts'

/** A fifo queue that takes each item once. Failed, cancelled and dropped jobs are forgotten at once. */
export class DedupeQueue<T, R = unknown>
  extends MemoryQueue<T, R>
  implements LocalDedupeQueue<T, R>
{
  readonly #mode: DedupeMode
  readonly #keyFn: (item: T) => unknown
  readonly #ttl: Millis
  readonly #now: () => Millis
  readonly #delay: Millis
  readonly #maxDelay: Millis
  readonly #entries = new Map<unknown, DedupeEntry<T, R>>()
  readonly #signals = new Signals<SharedJob<R>>((share, reason) => share.cancel(reason))

  constructor(options: DedupeOptions<T, R>, parts: QueueParts<T>) {
    super(options, parts)
    const { clock } = parts.settings
    const { mode, ttl, delay, maxDelay } = toDedupe(options)
    const { keyFn } = options
    this.#mode = mode
    this.#keyFn = keyFn === undefined ? fingerprint : (item) => fingerprint(keyFn(item))
    this.#ttl = mode === 'ttl' ? ttl : 0
    this.#now = () => clock.now()
    this.#delay = delay
    this.#maxDelay = maxDelay
  }

  /** How many keys are remembered. */
  get keys(): number {
    return this.#entries.size
  }

  override async put(item: T, options?: PutOptions): Promise<LocalJobHandle<R>> {
    const { job, underlying } = this.#take(item, options)
    if (underlying !== undefined) await this.accepted(underlying)
    return job
  }

  override submit(item: T, options?: PutOptions): Promise<R> {
    try {
      return this.#take(item, options, 'result').job.result
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** Where an item joins the first one, or takes its place, it is accepted too. */
  override offer(item: T, options?: PutOptions): boolean {
    const { state } = this.#take(item, options, 'nothing').job
    return state !== 'duplicate' && state !== 'dropped'
  }

  /** Takes an item, or finds the job that it duplicates. `underlying` is to be waited for, while it is offered. */
  #take(
    item: T,
    options: PutOptions | undefined,
    wanted: Wanted = 'job',
  ): { job: LocalJobHandle<R>; underlying: LocalJob<T, R> | undefined } {
    checkPut(options)
    const closed = this.whyClosed()
    if (closed !== undefined) throw closed
    const key = options?.key ?? this.#keyFn(item)
    this.#sweep()
    const known = options?.id === undefined ? undefined : this.known(options.id, options)
    if (known !== undefined) return { job: known, underlying: undefined }
    const seen = this.#entries.get(key)
    if (seen === undefined || !this.#remembered(seen))
      return this.#first(key, item, options, wanted)
    if (options !== undefined) checkTerms(options)
    this.events.duplicate(key, item)
    if (this.#mode === 'coalesce') {
      return { job: seen.join(options?.signal), underlying: undefined }
    }
    if (this.#mode === 'latest' || this.#mode === 'debounce') {
      return { job: this.#replace(key, seen, item, options), underlying: undefined }
    }
    return { job: new SharedJob(seen, undefined), underlying: undefined }
  }

  #first(
    key: unknown,
    item: T,
    options: PutOptions | undefined,
    wanted: Wanted,
  ): { job: LocalJobHandle<R>; underlying: LocalJob<T, R> | undefined } {
    const shared = this.#mode !== 'ttl' && this.#mode !== 'pending'
    // The key is taken in the same breath as the place in line: nothing comes in between.
    const job = this.place(item, shared ? this.#settled(options) : options, wanted)
    if (job.over && job.state !== 'completed') return { job, underlying: undefined }
    const entry = this.#entry(job)
    this.#entries.set(key, entry)
    if (!job.over) job.onEnd(() => this.#ended(key, entry))
    else if (!this.#remembered(entry)) this.#entries.delete(key)
    return {
      job: shared ? this.#share(entry, options?.signal) : job,
      underlying: job.state === 'offered' ? job : undefined,
    }
  }

  #share(entry: DedupeEntry<T, R>, signal: AbortSignal | undefined): LocalJobHandle<R> {
    return this.#mode === 'coalesce' ? entry.join(signal) : entry.lead(signal)
  }

  /** The newest item is the one to be done: instead of the one that waits, or after the one that runs. */
  #replace(
    key: unknown,
    seen: DedupeEntry<T, R>,
    item: T,
    options: PutOptions | undefined,
  ): LocalJobHandle<R> {
    if (seen.job.state !== 'running') {
      this.exchange(seen.job, item, options)
      if (this.#mode === 'debounce') this.#postpone(seen)
      return seen.lead(options?.signal)
    }
    if (seen.follow !== undefined) return this.#replace(key, seen.follow, item, options)
    const job = this.make(item, this.#settled(options))
    const follow = this.#entry(job)
    this.jobsKept.hold(job, seen.job, () => this.#overtake(seen, follow))
    seen.follow = follow
    job.onEnd(() => {
      if (seen.follow === follow) seen.follow = undefined
      this.#ended(key, follow)
    })
    return follow.lead(options?.signal)
  }

  /** What ran waits again, and a newer item waited for its end: of two that wait, the newest is the one to be done. */
  #overtake(seen: DedupeEntry<T, R>, follow: DedupeEntry<T, R>): void {
    seen.follow = undefined
    this.succeed(seen.job, follow.job)
    follow.moveInto(seen)
  }

  /** While a newer job has its key, a dead one stays dead: each thing once. */
  protected override mayRedrive(job: LocalJob<T, R>): boolean {
    const seen = this.#entries.get(job.extras?.key ?? this.#keyFn(job.item))
    return seen === undefined || !this.#remembered(seen)
  }

  /** A dead job that waits again has its key again. */
  protected override redriven(job: LocalJob<T, R>): void {
    const key = job.extras?.key ?? this.#keyFn(job.item)
    const entry = this.#entry(job)
    this.#entries.set(key, entry)
    job.onEnd(() => this.#ended(key, entry))
  }

  #entry(job: LocalJob<T, R>): DedupeEntry<T, R> {
    const now = this.#now()
    return new DedupeEntry(job, now + this.#ttl, now + this.#maxDelay, this.#signals)
  }

  /** The job waits until nothing new has come for a while. */
  #postpone({ job, latest }: DedupeEntry<T, R>): void {
    if (job.state === 'delayed') {
      this.jobsKept.postpone(job, Math.min(this.#now() + this.#delay, latest))
    }
  }

  /** What a job that several callers share is put with: each caller's signal is heard apart. */
  #settled(options: PutOptions | undefined): PutOptions | undefined {
    const own = withoutSignal(options)
    if (this.#mode !== 'debounce') return own
    const { at: _, ...rest } = own ?? {}
    return { ...rest, delay: this.#delay / 1000 }
  }

  #ended(key: unknown, entry: DedupeEntry<T, R>): void {
    if (this.#entries.get(key) !== entry) return
    if (entry.job.state !== 'completed' || this.#ttl === 0) this.#entries.delete(key)
    const { follow } = entry
    if (follow === undefined) return
    entry.follow = undefined
    this.#entries.set(key, follow)
    this.jobsKept.unhold(follow.job)
  }

  #remembered(entry: DedupeEntry<T, R>): boolean {
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
