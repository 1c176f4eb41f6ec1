import type { Millis } from '../../core/duration.ts'
import { SharedJob } from '../enqueue/shared-job.ts'
import type { Signals } from '../enqueue/signals.ts'
import type { PutOptions } from '../queue.ts'
import type { LocalJob } from '../store/local-job.ts'

/** A job that waits for room, for several callers. */
export interface Offer<T, R> {
  /** Resolves when it is accepted. */
  readonly accepted: Promise<unknown>
  /** What each caller that waits has put, in the order of the puts. */
  readonly puts: Map<SharedJob<R>, { readonly item: T; readonly options: PutOptions | undefined }>
  /** A caller has left. @param led true where the item to be done was that caller's */
  left(share: SharedJob<R>, led: boolean): void
}

/** A key of which there is a job: that job, the callers that want the result, and the job that runs after it. */
export class DedupeEntry<T, R> {
  readonly #job: LocalJob<T, R>
  /** The entry whose job stands for that of this one. */
  #into: DedupeEntry<T, R> | undefined
  /** Until when the key is remembered at least. */
  readonly until: Millis
  /** With `debounce`: when the job becomes due at the latest. */
  readonly latest: Millis
  /** With `latest`: the job that runs after this one. */
  follow: DedupeEntry<T, R> | undefined = undefined
  /** Set while the job waits for room. */
  offer: Offer<T, R> | undefined
  readonly #signals: Signals<SharedJob<R>>
  /** How many callers have not left. */
  #callers = 0
  #newest: SharedJob<R> | undefined

  constructor(job: LocalJob<T, R>, until: Millis, latest: Millis, signals: Signals<SharedJob<R>>) {
    this.#job = job
    this.until = until
    this.latest = latest
    this.#signals = signals
  }

  get job(): LocalJob<T, R> {
    return this.#into === undefined ? this.#job : this.#into.job
  }

  /** One more caller wants the result. The job is cancelled when the last of them has left. */
  join(signal: AbortSignal | undefined): SharedJob<R> {
    return this.#share(signal)
  }

  /**
   * This caller's item is the one to be done now. When this caller cancels, the job is cancelled; when others do, only they
   * leave.
   */
  lead(signal: AbortSignal | undefined): SharedJob<R> {
    const share = this.#share(signal)
    this.#newest = share
    return share
  }

  /** The item of a caller that is here already is the one to be done. */
  follows(share: SharedJob<R>): void {
    this.#newest = share
  }

  /** From now on the job of `other` has the newest item of this one, and its callers. */
  moveInto(other: DedupeEntry<T, R>): void {
    this.#into = other
    other.#newest = this.#newest
    other.#callers += this.#callers
  }

  /** True where all callers have left. */
  get abandoned(): boolean {
    return this.#callers === 0
  }

  #share(signal: AbortSignal | undefined): SharedJob<R> {
    const job = this.#job
    this.#callers += 1
    const share: SharedJob<R> = new SharedJob(this, (reason, late) => {
      ;(this.#into ?? this).#left(share, reason, late)
    })
    if (signal !== undefined && !job.over) {
      this.#signals.add(signal, share)
      job.onEnd(() => this.#signals.remove(signal, share))
    }
    return share
  }

  /** A caller whose `timeout` for room is over leaves alone: the other callers go on waiting. */
  #left(share: SharedJob<R>, reason: unknown, late: boolean): void {
    this.#callers -= 1
    const leads = this.#newest === share
    if (leads) this.#newest = undefined
    if (!late && (leads || this.abandoned)) this.job.cancel(reason)
    this.offer?.left(share, leads)
  }
}
