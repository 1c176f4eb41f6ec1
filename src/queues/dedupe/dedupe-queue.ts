import { at, type Clock } from '../../core/clock.ts'
import type { Millis } from '../../core/duration.ts'
import type { Wanted } from '../enqueue/local-puts.ts'
import { checkPut, checkTerms, patienceOf } from '../enqueue/put-options.ts'
import { SharedJob } from '../enqueue/shared-job.ts'
import { Signals } from '../enqueue/signals.ts'
import { MemoryQueue, type QueueParts } from '../local-queue.ts'
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
  readonly #clock: Clock
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
    this.#clock = clock
    this.#delay = delay
    this.#maxDelay = maxDelay
  }

  /** True where several callers have one job. */
  get #shared(): boolean {
    return this.#mode !== 'ttl' && this.#mode !== 'pending'
  }

  /** How many keys are remembered. */
  get keys(): number {
    return this.#entries.size
  }

  override put(item: T, options?: PutOptions): Promise<LocalJobHandle<R>> {
    try {
      const { job, accepted } = this.#take(item, options)
      return accepted ?? Promise.resolve(job)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  override submit(item: T, options?: PutOptions): Promise<R> {
    try {
      return this.#take(item, options, 'result').job.result
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /** Where an item joins the first one, or takes its place, it is accepted too, unless the first one waits for room itself. */
  override offer(item: T, options?: PutOptions): boolean {
    const { state } = this.#take(item, options, 'nothing').job
    return state !== 'duplicate' && state !== 'dropped'
  }

  /** Takes an item, or finds the job that it duplicates. */
  #take(item: T, options: PutOptions | undefined, wanted: Wanted = 'job'): Taken<R> {
    checkPut(options)
    const closed = this.whyClosed()
    if (closed !== undefined) throw closed
    const key = options?.key ?? this.#keyFn(item)
    this.#sweep()
    const known = this.puts.known(options)
    if (known !== undefined) return { job: known, accepted: undefined }
    const seen = this.#entries.get(key)
    if (seen === undefined || !this.#remembered(seen))
      return this.#first(key, item, options, wanted)
    if (options !== undefined) checkTerms(options)
    if (this.#shared && seen.job.state === 'offered' && wanted !== 'nothing') {
      this.admission.join(seen.job, patienceOf(options))
    }
    const taken = this.#joins(key, seen, item, options, wanted)
    // Last: a listener may take the job, end it, or put a newer item.
    this.events.duplicate(key, item)
    return taken
  }

  #joins(
    key: unknown,
    seen: DedupeEntry<T, R>,
    item: T,
    options: PutOptions | undefined,
    wanted: Wanted,
  ): Taken<R> {
    // There may be no room for the first one either.
    if (!this.#shared || (seen.job.state === 'offered' && wanted === 'nothing')) {
      return { job: new SharedJob(seen, undefined), accepted: undefined }
    }
    const entry = this.#mode === 'coalesce' ? seen : this.#replace(key, seen, item, options)
    return this.#share(entry, item, options, wanted)
  }

  #first(key: unknown, item: T, options: PutOptions | undefined, wanted: Wanted): Taken<R> {
    const shared = this.#shared
    const job = this.puts.make(item, shared ? this.#settled(options) : options)
    if (wanted === 'result') void job.watch()
    const entry = this.#entry(job)
    // Before the job can begin or push another one out: its handler, or a listener, may put the same item.
    this.#entries.set(key, entry)
    job.onEnd(() => this.#ended(key, entry))
    this.#enter(job, options, wanted)
    if (job.over && job.state !== 'completed') return { job, accepted: undefined }
    if (shared) return this.#share(entry, item, options, wanted)
    return { job, accepted: job.state === 'offered' ? this.puts.accepted(job) : undefined }
  }

  #enter(job: LocalJob<T, R>, options: PutOptions | undefined, wanted: Wanted): void {
    if (wanted !== 'nothing') this.admission.enter(job, patienceOf(options))
    // No caller has seen it; its signal must not hold it.
    else if (!this.admission.tries(job) && !job.over) job.end('dropped', undefined)
  }

  /** One more caller of a job. While that waits for room, so does the caller, for as long as its own patience lasts. */
  #share(
    entry: DedupeEntry<T, R>,
    item: T,
    options: PutOptions | undefined,
    wanted: Wanted,
  ): Taken<R> {
    const { job } = entry
    const signal = options?.signal
    const share = this.#mode === 'coalesce' ? entry.join(signal) : entry.lead(signal)
    if (job.state !== 'offered') return { job: share, accepted: undefined }
    entry.offer ??= {
      accepted: this.puts.accepted(job),
      puts: new Map(),
      left: (left, led) => this.#handOver(entry, left, led),
    }
    const { accepted, puts } = entry.offer
    puts.set(share, { item, options })
    const patience = patienceOf(options)
    if (patience < Infinity) {
      const cancel = at(this.#clock, this.#clock.now() + patience, () => {
        if (job.state !== 'offered' || !share.giveUp(this.admission.tooLate())) return
        if (entry.abandoned) this.admission.expire(job)
      })
      accepted.then(cancel, cancel)
    }
    return { job: share, accepted: wanted === 'job' ? share.whenAccepted(accepted) : undefined }
  }

  /** A caller that leaves before the job is accepted has put nothing: the job then belongs to another caller. */
  #handOver(entry: DedupeEntry<T, R>, left: SharedJob<R>, led: boolean): void {
    const { job, offer } = entry
    if (offer === undefined || job.state !== 'offered') return
    const { puts } = offer
    const joins = this.#mode === 'coalesce'
    const [first] = puts.keys()
    puts.delete(left)
    if (joins ? left !== first : !led) return
    const [next] = joins ? puts : [...puts].slice(-1)
    if (next === undefined) return
    const [share, { item, options }] = next
    if (!joins) entry.follows(share)
    try {
      this.puts.renew(job, item, options)
    } catch (error) {
      this.events.trouble(error)
    }
  }

  /** The newest item takes the place of an item that waits. While an item runs, the newest one runs after it. */
  #replace(
    key: unknown,
    seen: DedupeEntry<T, R>,
    item: T,
    options: PutOptions | undefined,
  ): DedupeEntry<T, R> {
    const { state } = seen.job
    if (state !== 'running') {
      this.puts.exchange(seen.job, item, options)
      // A job that was due may have begun with the new item, and wait for a retry by now.
      if (this.#mode === 'debounce' && state === 'delayed') this.#postpone(seen)
      return seen
    }
    if (seen.follow !== undefined) return this.#replace(key, seen.follow, item, options)
    const job = this.puts.make(item, this.#settled(options))
    const follow = this.#entry(job)
    this.jobsKept.hold(job, seen.job, () => this.#overtake(seen, follow))
    seen.follow = follow
    job.onEnd(() => {
      if (seen.follow === follow) seen.follow = undefined
      this.#ended(key, follow)
    })
    return follow
  }

  /** What ran waits again, and a newer item waited for its end: of two that wait, the newest is the one to be done. */
  #overtake(seen: DedupeEntry<T, R>, follow: DedupeEntry<T, R>): void {
    seen.follow = undefined
    this.puts.succeed(seen.job, follow.job)
    follow.moveInto(seen)
  }

  /** While a newer job has its key, a dead one stays dead: each thing once. */
  override mayRedrive(job: LocalJob<T, R>): boolean {
    const seen = this.#entries.get(job.extras?.key ?? this.#keyFn(job.item))
    return seen === undefined || !this.#remembered(seen)
  }

  /** A dead job that waits again has its key again. */
  override redriven(job: LocalJob<T, R>): void {
    const key = job.extras?.key ?? this.#keyFn(job.item)
    const entry = this.#entry(job)
    this.#entries.set(key, entry)
    job.onEnd(() => this.#ended(key, entry))
  }

  #entry(job: LocalJob<T, R>): DedupeEntry<T, R> {
    const now = this.#clock.now()
    return new DedupeEntry(job, now + this.#ttl, now + this.#maxDelay, this.#signals)
  }

  /** The job waits until nothing new has come for a while. */
  #postpone({ job, latest }: DedupeEntry<T, R>): void {
    if (job.state === 'delayed') {
      this.jobsKept.postpone(job, Math.min(this.#clock.now() + this.#delay, latest))
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
    return !entry.job.over || entry.until > this.#clock.now()
  }

  /** Looks at the oldest entries, so that each put pays for its own forgetting and no timer is needed. */
  #sweep(): void {
    let looks = 2
    for (const [key, entry] of this.#entries) {
      if (looks-- === 0 || entry.until > this.#clock.now()) return
      this.#entries.delete(key)
      if (this.#remembered(entry)) this.#entries.set(key, entry)
    }
  }
}

/** What a put has come to. */
interface Taken<R> {
  readonly job: LocalJobHandle<R>
  /** Where there is no room yet: what `put` waits for. */
  readonly accepted: Promise<LocalJobHandle<R>> | undefined
}

/** What is put for several callers hears of each of them by itself. */
function withoutSignal(options: PutOptions | undefined): PutOptions | undefined {
  if (options?.signal === undefined) return options
  const { signal, ...rest } = options
  return rest
}
