import type { Millis } from '../core/duration.ts'
import type { QueuedJob } from './job.ts'
import { SharedJob } from './shared-job.ts'
import type { Signals } from './signals.ts'

/** A key that is taken: the job that has it, who wants the result, and who has it next. */
export class Taken<T, R> {
  readonly job: QueuedJob<T, R>
  /** Remembered at least until then. */
  readonly until: Millis
  /** What runs after the job, with `latest`. */
  follow: Taken<T, R> | undefined = undefined
  readonly #signals: Signals<SharedJob<R>>
  #shares = 0
  #newest: SharedJob<R> | undefined

  constructor(job: QueuedJob<T, R>, until: Millis, signals: Signals<SharedJob<R>>) {
    this.job = job
    this.until = until
    this.#signals = signals
  }

  /** One more caller wants the result. The job is called off when the last of them has left. */
  join(signal: AbortSignal | undefined): SharedJob<R> {
    this.#shares += 1
    return this.#share(signal, () => {
      this.#shares -= 1
      return this.#shares === 0
    })
  }

  /** A caller's item is the one to be done now: his leave calls the job off, and that of the others nobody but them. */
  lead(signal: AbortSignal | undefined): SharedJob<R> {
    const share = this.#share(signal, () => this.#newest === share)
    this.#newest = share
    return share
  }

  #share(signal: AbortSignal | undefined, ends: () => boolean): SharedJob<R> {
    const { job } = this
    const share: SharedJob<R> = new SharedJob(job, (reason) => {
      if (ends()) job.cancel(reason)
    })
    if (signal !== undefined && !job.over) {
      this.#signals.add(signal, share)
      job.onEnd(() => this.#signals.remove(signal, share))
    }
    return share
  }
}
