import type { Millis } from '../../core/duration.ts'
import { SharedJob } from '../enqueue/shared-job.ts'
import type { Signals } from '../enqueue/signals.ts'
import type { LocalJob } from '../store/local-job.ts'

/** A key that is taken: the job that has it, the callers that want the result, and the job that has it next. */
export class DedupeEntry<T, R> {
  readonly #job: LocalJob<T, R>
  /** The entry whose job stands for that of this one. */
  #into: DedupeEntry<T, R> | undefined
  /** Remembered at least until then. */
  readonly until: Millis
  /** With `debounce`: the job is not put off beyond this. */
  readonly latest: Millis
  /** What runs after the job, with `latest`. */
  follow: DedupeEntry<T, R> | undefined = undefined
  readonly #signals: Signals<SharedJob<R>>
  #shares = 0
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
    this.#shares += 1
    return this.#share(signal, () => {
      this.#shares -= 1
      return this.#shares === 0
    })
  }

  /**
   * This caller's item is the one to be done now. When this caller cancels, the job is cancelled; when others do, only they
   * leave.
   */
  lead(signal: AbortSignal | undefined): SharedJob<R> {
    const share = this.#share(signal, () => (this.#into ?? this).#newest === share)
    this.#newest = share
    return share
  }

  /** From now on the job of `other` has the newest item of this one, and its callers. */
  moveInto(other: DedupeEntry<T, R>): void {
    this.#into = other
    other.#newest = this.#newest
  }

  #share(signal: AbortSignal | undefined, ends: () => boolean): SharedJob<R> {
    const job = this.#job
    const share: SharedJob<R> = new SharedJob(this, (reason) => {
      if (ends()) this.job.cancel(reason)
    })
    if (signal !== undefined && !job.over) {
      this.#signals.add(signal, share)
      job.onEnd(() => this.#signals.remove(signal, share))
    }
    return share
  }
}
