import type { Clock } from '../../core/clock.ts'
import { isThenable } from '../../core/thenable.ts'
import type { Handler } from '../job.ts'
import type { QueueEvents } from '../observe/queue-events.ts'
import type { QueueMeter } from '../observe/queue-meter.ts'
import { type JobOwner, LocalJob } from '../store/local-job.ts'
import type { MemoryJobs } from '../store/memory-jobs.ts'
import { Attempt } from './attempt.ts'
import type { Attempts } from './attempts.ts'
import { Consumer, type LoopState } from './consumer.ts'
import { known } from './current-job.ts'
import type { Source } from './source.ts'

/** What a job on the direct route belongs to, and who hears of it. */
export interface DirectRoute {
  readonly jobs: MemoryJobs
  /** Writes jobs down by their ids, while it asks for all of them. */
  readonly byId: { readonly namesAll: boolean; name(job: LocalJob, id: undefined): void }
  readonly owner: JobOwner
  readonly events: QueueEvents
  readonly meter: QueueMeter | undefined
}

/** Waits for an attempt under way, and goes on with other jobs. Never rejects. */
type Loop = (attempt: Attempt, underWay: PromiseLike<unknown>) => Promise<void>

/**
 * Workers that handle one job at a time each. A job that ends at once costs no promise; a worker only becomes an async
 * loop when it has something to wait for.
 */
export class SingleConsumer extends Consumer<Loop> {
  readonly #handler: Handler
  // The direct route, in fields of its own: one object of them all would cost a look at each, for each job.
  readonly #jobs: DirectRoute['jobs'] | undefined
  readonly #byId: DirectRoute['byId'] | undefined
  readonly #owner: DirectRoute['owner'] | undefined
  readonly #events: DirectRoute['events'] | undefined
  readonly #meter: DirectRoute['meter']

  /** @param direct where jobs may go from put to handler past the order */
  constructor(
    source: Source,
    handler: Handler,
    attempts: Attempts,
    clock: Clock,
    direct?: DirectRoute,
  ) {
    super(source, attempts, clock)
    this.#handler = known(handler)
    this.#jobs = direct?.jobs
    this.#byId = direct?.byId
    this.#owner = direct?.owner
    this.#events = direct?.events
    this.#meter = direct?.meter
  }

  /**
   * The direct route from put to handler, past the order: makes a job of `item` and begins it, where a worker is free for it and
   * no job waits; else it does nothing, and answers `undefined`. A job that ends at once costs no promise, and is in no list while
   * it runs.
   *
   * All in one method: it is longer than the 460 bytecodes that V8 compiles into a caller, so it is compiled by itself, with what
   * it calls. A shorter one is compiled into each caller in part, and the calls that are left cost a third of what a put does.
   *
   * @param watched true where the caller waits for the result
   */
  begin<T, R>(item: T, priority: number, watched: boolean): LocalJob<T, R> | undefined {
    const jobs = this.#jobs as MemoryJobs
    if (!jobs.empty || this.busy || !this.free() || !this.paced(false)) return undefined
    const job = new LocalJob<T, R>(item, priority, jobs.numbers.next(), this.#owner as JobOwner)
    if (watched) void job.watch()
    if (this.#byId?.namesAll === true) this.#byId.name(job, undefined)
    this.#meter?.begins(job)
    job.state = 'running'
    job.deliveries = 1
    const attempt = new Attempt(job, 0)
    const { attempts } = this
    attempts.inline = attempt
    this.loops += 1
    this.busy = true
    this.handling = true
    let value: unknown
    let ended = false
    let threw = false
    try {
      value = this.#handler(item, attempt)
      ended = !isThenable(value)
    } catch (error) {
      value = error
      threw = true
    }
    this.handling = false
    if (ended && !attempt.decided) {
      // Nothing is asked to remember it: queues that remember their jobs have no direct route.
      attempts.inline = undefined
      attempt.decided = true
      attempts.completed += 1
      job.complete(value as R)
      if (this.#events?.heard === true) this.#events.completed(job, value)
    } else if (threw) void attempts.fail(attempt, value)
    else if (ended) void attempts.complete(attempt, value)
    if (ended || threw) this.rest()
    else void this.takeLoop()(attempt, value as PromiseLike<unknown>)
    if (this.expected) this.left(attempt)
    this.busy = false
    if (!jobs.empty) this.wake()
    return job
  }

  protected override hasWork(): boolean {
    return this.source.ready > 0
  }

  protected override work(): void {
    for (let attempt = this.#next(); attempt !== undefined; attempt = this.#next()) {
      const underWay = this.#start(attempt)
      if (underWay !== undefined) return void this.takeLoop()(attempt, underWay)
    }
    this.rest()
  }

  protected override makeLoop(state: LoopState, over: () => void): Loop {
    const { attempts } = this
    const release = () => {
      state.laps += 1
      this.rest()
      this.wake()
    }
    const named: Record<string, Loop> = {
      [state.name]: async (first, firstUnderWay) => {
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
            state.laps += 1
            if (guard?.released === true) return over()
          }
          attempt = this.#next()
          if (attempt !== undefined) underWay = this.#start(attempt)
        }
        over()
        this.rest()
      },
    }
    return named[state.name] as Loop
  }

  #next(): Attempt | undefined {
    if (this.source.ready === 0 || !this.mayGoOn()) return undefined
    return this.source.take(this.want, false, this.stays)
  }

  /** Runs the handler. Returns its promise, where it has not ended. */
  #start(attempt: Attempt): PromiseLike<unknown> | undefined {
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
}
