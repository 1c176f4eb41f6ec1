import { at, type Cancel, type Clock, isDue } from '../../core/clock.ts'
import type { Millis } from '../../core/duration.ts'
import { JobTimeoutError } from '../../core/errors.ts'
import { type BatchFunction, runBatch } from '../batching/batch.ts'
import type { Attempt } from './attempt.ts'
import type { Attempts } from './attempts.ts'
import { Consumer } from './consumer.ts'
import { known } from './current-job.ts'
import type { Source } from './source.ts'

/** How items are put together. */
export interface Batching {
  size: number
  /** How long the first item waits for others at most. */
  fill: Millis
  // biome-ignore lint/suspicious/noExplicitAny: the consumer does not look into items.
  run: BatchFunction<any, any>
  bisect: boolean
}

/** How long a batch may take. */
export interface BatchLimits {
  clock: Clock
  timeout: Millis
  releaseOnTimeout: boolean
}

/**
 * Workers that handle a batch at a time each. Items wait in the queue until there are enough of them, or the first one has
 * waited long enough; so they can still be called off, pulled or pushed out.
 *
 * Where something could run there is a worker, a timer, or a closed gate that will open: a worker that finds nothing due sets
 * the timer before it rests, and the timer rings at once where the moment has come meanwhile.
 */
export class BatchConsumer extends Consumer {
  readonly #work: () => Promise<void>
  readonly #batching: Batching
  readonly #limits: BatchLimits
  #hurried = false
  /** True while a batch is put together: what changes in the source is its own doing. */
  #claiming = false
  #cancelTimer: Cancel | undefined

  constructor(source: Source, batching: Batching, attempts: Attempts, limits: BatchLimits) {
    super(source, attempts, limits.clock)
    this.#batching = batching
    this.#limits = limits
    this.#work = {
      [this.label]: async (): Promise<void> => {
        while (this.mayGoOn() && this.hasWork()) {
          const batch = this.#claim()
          if (batch.length === 0) break
          if (await this.#run(batch)) return
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
    return ready > 0 && (this.#hurried || isDue(this.#due(), this.#limits.clock.now()))
  }

  /** Answers whether the worker was given to another batch meanwhile. */
  async #run(batch: Attempt[]): Promise<boolean> {
    for (const attempt of batch) this.attempts.begin(attempt)
    let controller: AbortController | undefined
    const signal = () => {
      controller ??= unwantedWith(batch)
      return controller.signal
    }
    let released = false
    const abort = (error: unknown) => controller?.abort(error)
    const cancelTimer = this.#limit(batch, abort, () => {
      if (!this.#limits.releaseOnTimeout) return
      released = true
      this.#leave()
      this.wake()
    })
    const { run, bisect } = this.#batching
    const items = batch.map(({ job }) => job.item as unknown)
    await this.enter(
      known(() =>
        runBatch(
          run,
          items,
          signal,
          bisect,
          (i, well, value) => {
            const attempt = batch[i] as Attempt
            if (well) void this.attempts.complete(attempt, value)
            else void this.attempts.fail(attempt, value)
          },
          (i) => batch[i]?.decided === false,
        ),
      ),
      batch[0] as Attempt,
    )
    cancelTimer?.()
    return released
  }

  /** A batch that runs too long fails as a whole: longer than any of its jobs may. */
  #limit(
    batch: Attempt[],
    abort: (error: unknown) => void,
    release: () => void,
  ): Cancel | undefined {
    const { clock } = this.#limits
    let timeout = Infinity
    for (const { job } of batch) {
      timeout = Math.min(timeout, job.extras?.timeout ?? this.#limits.timeout)
    }
    if (timeout === Infinity) return undefined
    return at(clock, clock.now() + timeout, () => {
      // First, since a job that is tried again may begin at once.
      abort(new JobTimeoutError((batch[0] as Attempt).id, timeout / 1000))
      for (const attempt of batch) {
        if (attempt.decided) continue
        this.attempts.expire(attempt, new JobTimeoutError(attempt.id, timeout / 1000))
      }
      release()
    })
  }

  #claim(): Attempt[] {
    const { size } = this.#batching
    const batch: Attempt[] = []
    this.#claiming = true
    while (batch.length < size) {
      const attempt = this.source.take(size - batch.length, batch.length > 0)
      if (attempt === undefined) break
      batch.push(attempt)
    }
    this.#claiming = false
    return batch
  }

  /** When the first item that waits has waited long enough. */
  #due(): Millis {
    return this.source.since + this.#batching.fill
  }

  /** One timer, for the first item that waits. It is only moved when it rings. */
  #arm(): void {
    if (!this.open || this.#hurried || this.source.ready === 0) return this.#disarm()
    // Where no worker is free, one that ends looks again. Whether the batch is due is not asked a second time here: its moment
    // may have come since the workers were woken, and then the timer rings at once.
    if (this.#cancelTimer !== undefined || !this.free()) return
    this.#cancelTimer = at(this.#limits.clock, this.#due(), () => {
      this.#cancelTimer = undefined
      this.wake()
    })
  }

  #disarm(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
  }
}

/** Aborts when each of the attempts is decided without the batch: nobody wants any item of it any more. */
function unwantedWith(batch: Attempt[]): AbortController {
  const controller = new AbortController()
  let left = batch.length
  for (const attempt of batch) {
    const gone = () => {
      left -= 1
      if (left === 0) controller.abort(attempt.signal.reason)
    }
    if (attempt.signal.aborted) gone()
    else attempt.signal.addEventListener('abort', gone, { once: true })
  }
  return controller
}
