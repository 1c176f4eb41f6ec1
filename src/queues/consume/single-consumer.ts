import type { Clock } from '../../core/clock.ts'
import { isThenable } from '../../core/thenable.ts'
import type { Handler } from '../job.ts'
import type { LocalJob } from '../store/local-job.ts'
import type { MemoryJobs } from '../store/memory-jobs.ts'
import type { Attempt } from './attempt.ts'
import type { Attempts } from './attempts.ts'
import { Consumer } from './consumer.ts'
import { known } from './current-job.ts'
import type { Source } from './source.ts'

/**
 * Workers that handle one job at a time each. A job that ends at once costs no promise; a worker only becomes an async
 * loop when it has something to wait for.
 */
export class SingleConsumer extends Consumer {
  readonly #handler: Handler
  /** Waits for an attempt under way, and goes on with other jobs. Never rejects. */
  readonly #work: (attempt: Attempt, underWay: PromiseLike<unknown>) => Promise<void>

  constructor(source: Source, handler: Handler, attempts: Attempts, clock: Clock) {
    super(source, attempts, clock)
    this.#handler = known(handler)
    const release = () => {
      this.rest()
      this.wake()
    }
    this.#work = {
      [this.label]: async (first: Attempt, firstUnderWay: PromiseLike<unknown>) => {
        let attempt: Attempt | undefined = first
        let underWay: PromiseLike<unknown> | undefined = firstUnderWay
        while (attempt !== undefined) {
          if (underWay !== undefined) {
            const guard = attempts.guard(attempt, release)
            try {
              const value = await underWay
              guard?.cancel()
              void attempts.complete(attempt, value)
            } catch (error) {
              guard?.cancel()
              void attempts.fail(attempt, error)
            }
            if (guard?.released === true) return
          }
          attempt = this.#next()
          if (attempt !== undefined) underWay = this.#begin(attempt)
        }
        this.rest()
      },
    }[this.label] as (attempt: Attempt, underWay: PromiseLike<unknown>) => Promise<void>
  }

  /** The direct route, past the order of `jobs`: runs a job at once if a worker is free for it. */
  takes(job: LocalJob, jobs: MemoryJobs): boolean {
    if (this.busy || !jobs.empty || !this.free() || !this.paced(false)) return false
    const { attempts } = this
    const attempt = jobs.begin(job)
    attempts.startInline(attempt)
    this.loops += 1
    this.busy = true
    this.handling = true
    let value: unknown
    let waits = false
    let threw = false
    try {
      value = this.#handler(job.item, attempt)
      waits = isThenable(value)
    } catch (error) {
      value = error
      threw = true
    }
    this.handling = false
    if (waits || threw || attempt.decided) this.#goOn(attempt, value, waits, threw)
    else {
      attempts.completeInline(attempt, value)
      this.rest()
    }
    if (this.expected) this.left(attempt)
    this.busy = false
    if (!jobs.empty) this.wake()
    return true
  }

  protected override hasWork(): boolean {
    return this.source.ready > 0
  }

  protected override work(): void {
    for (let attempt = this.#next(); attempt !== undefined; attempt = this.#next()) {
      const underWay = this.#begin(attempt)
      if (underWay !== undefined) return void this.#work(attempt, underWay)
    }
    this.rest()
  }

  #next(): Attempt | undefined {
    return this.source.ready > 0 && this.mayGoOn() ? this.source.take(this.want, false) : undefined
  }

  /** Runs the handler. Returns its promise, where it has not ended. */
  #begin(attempt: Attempt): PromiseLike<unknown> | undefined {
    this.attempts.begin(attempt)
    try {
      const value = this.enter(this.#handler, attempt)
      if (isThenable(value)) return value
      void this.attempts.complete(attempt, value)
    } catch (error) {
      void this.attempts.fail(attempt, error)
    }
    return undefined
  }

  /** A job on the direct route has failed, was cancelled meanwhile, or has only begun. */
  #goOn(attempt: Attempt, value: unknown, waits: boolean, threw: boolean): void {
    if (waits) return void this.#work(attempt, value as PromiseLike<unknown>)
    if (threw) void this.attempts.fail(attempt, value)
    else void this.attempts.complete(attempt, value)
    this.rest()
  }
}
