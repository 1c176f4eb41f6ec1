import * as check from '../core/check.ts'
import { at, type Cancel, type Clock, isDue } from '../core/clock.ts'
import { type Millis, toMillis } from '../core/duration.ts'
import { JobTimeoutError, OptionTypeError } from '../core/errors.ts'
import type { AttemptHooks } from './attempts.ts'
import type { Source } from './backend.ts'
import { type BatchFunction, runBatch } from './batch.ts'
import { Consumer, type ConsumerOptions } from './consumer.ts'
import { known } from './current-job.ts'
import type { FifoOptions } from './factory.ts'
import type { QueuedJob } from './job.ts'

/** How items are put together. */
export interface Batching {
  size: number
  timeout: Millis
  // biome-ignore lint/suspicious/noExplicitAny: the consumer does not look into items.
  run: BatchFunction<any, any>
  bisect: boolean
}

/** Reads the batch options; `undefined` where there is no `batchFn`. */
export function toBatching<T, R>(options: FifoOptions<T, R>): Batching | undefined {
  const { batchFn, handler, batchSize = 1, batchTimeout = 1, bisectOnError = false } = options
  check.callback('batchFn', batchFn)
  check.flag('bisectOnError', bisectOnError)
  const size = check.integer('batchSize', batchSize, 1)
  const timeout = toMillis('batchTimeout', batchTimeout)
  if (batchFn === undefined) {
    if (size === 1) return undefined
    throw new OptionTypeError('batchFn', 'batchFn is needed for a batchSize above 1, got none')
  }
  if (handler !== undefined) {
    throw new OptionTypeError('batchFn', 'batchFn and handler exclude each other: give one of them')
  }
  return { size, timeout, run: batchFn, bisect: bisectOnError }
}

/**
 * Workers that handle a batch at a time each. Items wait in the queue until there are enough of them, or the first one has
 * waited long enough; so they can still be called off, pulled or pushed out.
 */
export class BatchConsumer extends Consumer {
  readonly #work: () => Promise<void>
  readonly #batching: Batching
  readonly #timeout: Millis
  readonly #releases: boolean
  readonly #clock: Clock
  // Arrivals, oldest first: how many came since when. One entry for a batch of them, with the time of its first.
  readonly #counts: number[] = []
  readonly #times: Millis[] = []
  #known = 0
  /** A batch is being put together: what moves in the line is its own doing. */
  #claiming = false
  #hurried = false
  #cancelTimer: Cancel | undefined

  constructor(source: Source, batching: Batching, options: ConsumerOptions, hooks: AttemptHooks) {
    super(source, options, hooks)
    this.#batching = batching
    this.#timeout = options.timeout
    this.#releases = options.releaseOnTimeout
    this.#clock = options.clock
    this.#work = {
      [this.label]: async (): Promise<void> => {
        while (this.mayGoOn() && this.hasWork()) {
          const jobs = this.#claim()
          if (jobs.length > 0 && (await this.#run(jobs))) return
        }
        this.#leave()
      },
    }[this.label] as () => Promise<void>
  }

  protected override work(): void {
    void this.#work()
  }

  #leave(): void {
    this.rest()
    this.#arm()
  }

  override wake(): void {
    if (this.#claiming) return
    this.#note()
    // The timer rings when the first one has waited long enough; until then there is only the number to look at.
    if (this.source.ready < this.#batching.size && this.#cancelTimer !== undefined) return
    super.wake()
    this.#arm()
  }

  /** The queue is about to end: nothing waits for company any more. */
  override hurry(): void {
    this.#hurried = true
    this.#disarm()
  }

  protected override hasWork(): boolean {
    const { ready } = this.source
    if (ready >= this.#batching.size) return true
    return ready > 0 && (this.#hurried || this.#overdue())
  }

  /** Answers whether the worker was given to somebody else meanwhile. */
  async #run(jobs: QueuedJob[]): Promise<boolean> {
    const items: unknown[] = []
    const deliveries: number[] = []
    for (const job of jobs) {
      items.push(job.item)
      deliveries.push(job.deliveries)
      this.attempts.begin(job)
    }
    let controller: AbortController | undefined
    const signal = () => {
      controller ??= unwantedWith(jobs)
      return controller.signal
    }
    let released = false
    const cancelTimer = this.#limit(jobs, deliveries, (error) => {
      controller?.abort(error)
      if (!this.#releases) return
      released = true
      this.#leave()
      this.wake()
    })
    const waits: Promise<void>[] = []
    const { run, bisect } = this.#batching
    await this.enter(
      known(() =>
        runBatch(run, items, signal, bisect, (i, well, value) => {
          const job = jobs[i] as QueuedJob
          const delivery = deliveries[i] as number
          if (!this.attempts.undecided(job, delivery)) return this.attempts.bury(job)
          const wait = well
            ? this.attempts.complete(job, delivery, value)
            : this.attempts.fail(job, delivery, value)
          if (wait !== undefined) waits.push(wait)
        }),
      ),
      jobs[0] as QueuedJob,
    )
    cancelTimer?.()
    if (waits.length > 0) await Promise.all(waits)
    return released
  }

  /** A batch that runs too long fails as a whole: longer than any of its jobs may. */
  #limit(
    jobs: QueuedJob[],
    deliveries: number[],
    abort: (error: unknown) => void,
  ): Cancel | undefined {
    let timeout = Infinity
    for (const { extras } of jobs) timeout = Math.min(timeout, extras?.timeout ?? this.#timeout)
    if (timeout === Infinity) return undefined
    return at(this.#clock, this.#clock.now() + timeout, () => {
      for (const [i, job] of jobs.entries()) {
        const delivery = deliveries[i] as number
        if (!this.attempts.undecided(job, delivery)) continue
        this.attempts.expire(job, delivery, new JobTimeoutError(job.id, timeout / 1000))
      }
      abort(new JobTimeoutError((jobs[0] as QueuedJob).id, timeout / 1000))
    })
  }

  #claim(): QueuedJob[] {
    const jobs: QueuedJob[] = []
    this.#claiming = true
    while (jobs.length < this.#batching.size) {
      const job = this.source.take(jobs.length > 0)
      if (job === undefined) break
      jobs.push(job)
    }
    this.#claiming = false
    let left = jobs.length
    while (left > 0 && this.#counts.length > 0) {
      const count = this.#counts[0] as number
      if (count > left) {
        this.#counts[0] = count - left
        break
      }
      left -= count
      this.#counts.shift()
      this.#times.shift()
    }
    this.#known = this.source.standing
    return jobs
  }

  /** Keeps the book of arrivals. */
  #note(): void {
    const { standing } = this.source
    const come = standing - this.#known
    this.#known = standing
    if (come <= 0) {
      // Some were called off, nobody knows which: to believe it was the youngest makes a batch early, never late.
      for (let gone = -come; gone > 0 && this.#counts.length > 0; ) {
        const last = this.#counts.length - 1
        const less = Math.min(gone, this.#counts[last] as number)
        this.#counts[last] = (this.#counts[last] as number) - less
        gone -= less
        if (this.#counts[last] === 0) {
          this.#counts.pop()
          this.#times.pop()
        }
      }
      return
    }
    const last = this.#counts.length - 1
    if (last >= 0 && (this.#counts[last] as number) < this.#batching.size) {
      this.#counts[last] = (this.#counts[last] as number) + come
    } else {
      this.#counts.push(come)
      this.#times.push(this.#clock.now())
    }
  }

  #due(): Millis {
    return (this.#times[0] ?? -Infinity) + this.#batching.timeout
  }

  #overdue(): boolean {
    return isDue(this.#due(), this.#clock.now())
  }

  /** One timer, for the first item that waits. It is only moved when it rings. */
  #arm(): void {
    if (!this.open || this.#hurried || this.source.ready === 0) return this.#disarm()
    // Where no worker is free, one that ends looks again. Whether the batch is due is not asked a second time here: its moment
    // may have come since the workers were woken, and then the timer rings at once.
    if (this.#cancelTimer !== undefined || !this.free()) return
    this.#cancelTimer = at(this.#clock, this.#due(), () => {
      this.#cancelTimer = undefined
      this.wake()
    })
  }

  #disarm(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
  }
}

/** Aborts when each of the jobs has ended. */
function unwantedWith(jobs: QueuedJob[]): AbortController {
  const controller = new AbortController()
  let left = jobs.length
  const gone = () => {
    left -= 1
    if (left === 0) controller.abort()
  }
  for (const job of jobs) {
    if (job.over) gone()
    else job.onEnd(gone)
  }
  return controller
}
