import type { LocalBackend, Source } from './backend.ts'
import { Consumer, type ConsumerHooks, type ConsumerOptions, type Handler } from './consumer.ts'
import type { QueuedJob } from './job.ts'

/**
 * Workers that handle one job at a time each. A job that ends at once costs no promise; a worker only becomes an async
 * loop when it has something to wait for.
 */
export class SingleConsumer extends Consumer {
  readonly #handler: Handler
  /** Waits for a job under way, and goes on with others. Never rejects. */
  readonly #work: (job: QueuedJob, underWay: PromiseLike<unknown>) => Promise<void>

  constructor(source: Source, handler: Handler, options: ConsumerOptions, hooks: ConsumerHooks) {
    super(source, options, hooks)
    this.#handler = handler
    const release = () => {
      this.rest()
      this.wake()
    }
    this.#work = {
      [this.label]: async (first: QueuedJob, firstUnderWay: PromiseLike<unknown>) => {
        let job: QueuedJob | undefined = first
        let underWay: PromiseLike<unknown> | undefined = firstUnderWay
        while (job !== undefined) {
          if (underWay !== undefined) {
            const delivery: number = job.deliveries
            const guard = this.attempts.guard(job, delivery, release)
            let settled: Promise<void> | undefined
            try {
              const value = await underWay
              guard?.cancel()
              settled = this.#ended(job, delivery, value)
            } catch (error) {
              guard?.cancel()
              settled = this.#failed(job, delivery, error)
            }
            if (settled !== undefined) await settled
            if (guard?.released === true) return
          }
          job = this.#next()
          if (job !== undefined) underWay = this.#begin(job)
        }
        this.rest()
      },
    }[this.label] as (job: QueuedJob, underWay: PromiseLike<unknown>) => Promise<void>
  }

  /** The direct route, past the line of `backend`: runs a job at once if somebody is free for it. */
  takes(job: QueuedJob, backend: LocalBackend): boolean {
    if (this.busy || !this.free() || this.source.ready > 0 || !this.paced()) return false
    backend.begin(job)
    this.busy = true
    this.loops += 1
    this.work(job)
    this.busy = false
    if (this.source.ready > 0) this.wake()
    return true
  }

  protected override hasWork(): boolean {
    return this.source.ready > 0
  }

  protected override work(first?: QueuedJob): void {
    let job = first ?? this.#next()
    while (job !== undefined) {
      const underWay = this.#begin(job)
      if (underWay !== undefined) return void this.#work(job, underWay)
      job = this.#next()
    }
    this.rest()
  }

  #next(): QueuedJob | undefined {
    return this.source.ready > 0 && this.mayGoOn() ? this.source.take() : undefined
  }

  /** Runs the handler. Returns what is still to be waited for: its promise, or nothing. */
  #begin(job: QueuedJob): PromiseLike<unknown> | undefined {
    const delivery = job.deliveries
    this.attempts.begin(job)
    try {
      const value = this.enter(this.#handler, job)
      return isThenable(value) ? value : this.#ended(job, delivery, value)
    } catch (error) {
      return this.#failed(job, delivery, error)
    }
  }

  #ended(job: QueuedJob, delivery: number, value: unknown): Promise<void> | undefined {
    const { attempts } = this
    return attempts.undecided(job, delivery)
      ? attempts.complete(job, delivery, value)
      : attempts.bury(job)
  }

  #failed(job: QueuedJob, delivery: number, error: unknown): Promise<void> | undefined {
    const { attempts } = this
    return attempts.undecided(job, delivery)
      ? attempts.fail(job, delivery, error)
      : attempts.bury(job)
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    (typeof value === 'object' || typeof value === 'function') &&
    value !== null &&
    typeof (value as { then?: unknown }).then === 'function'
  )
}
