import type { Clock } from '../../core/clock.ts'
import { isAioFluxError } from '../../core/errors.ts'
import { macrotask } from '../../core/macrotask.ts'
import { pause } from '../../core/waiters.ts'
import { POLL } from '../lifecycle/answered.ts'
import type { SharedEvents } from '../observe/shared-events.ts'
import { errorOf } from '../store/job-record.ts'
import type { JobStore, Outcome } from '../store/job-store.ts'
import { EarlyNews } from './early-news.ts'
import type { RemoteJob } from './remote-job.ts'

const GONE: Outcome = { state: 'gone' }

/** What the followed jobs of a queue ask the queue itself. */
export interface QueueHere {
  /** True when this process works on that job: then the attempt tells its end. */
  worksOn(id: string): boolean
  trouble(error: unknown): void
}

/** The jobs whose result is awaited in this process. */
export class FollowedJobs {
  readonly #queue: string
  readonly #store: JobStore
  readonly #clock: Clock
  readonly #events: SharedEvents
  readonly #queueHere: QueueHere
  readonly #jobs = new Map<string, Set<RemoteJob>>()
  /** What was told while puts are under way, whose jobs are not known here yet. */
  readonly #early = new EarlyNews<{ readonly outcome: Outcome; readonly at: number }>()
  /** Jobs that have ended while this process worked on them, or settled a claim of them: what their attempt tells goes first. */
  readonly #late = new Map<string, { readonly job: RemoteJob; readonly outcome: Outcome }>()
  /** Jobs of which a claim has ended here in this turn of the event loop. */
  readonly #telling = new Set<string>()
  readonly #closing = new AbortController()

  constructor(
    queue: string,
    store: JobStore,
    clock: Clock,
    events: SharedEvents,
    queueHere: QueueHere,
  ) {
    this.#queue = queue
    this.#store = store
    this.#clock = clock
    this.#events = events
    this.#queueHere = queueHere
  }

  /** Puts a job whose result is awaited. News of it that comes before its job is kept for {@link add}. */
  whilePutting<A>(put: () => Promise<A>): Promise<A> {
    return this.#early.whileAsking(put)
  }

  /** The result of this job is wanted, as the store was told with the put. @param outcome where the store knew it then */
  add(job: RemoteJob, outcome: Outcome | undefined): void {
    job.await()
    if (!this.#listen(job)) return
    const early = this.#early.first(job.id, sinceOf(job))
    if (outcome !== undefined) this.settled(job.id, outcome, sinceOf(job))
    else if (early !== undefined) this.settled(job.id, early.outcome, early.at)
  }

  /** From now on the result of this job is wanted, and the store is told. */
  follow(job: RemoteJob): void {
    if (!this.#listen(job)) return
    Promise.resolve(this.#store.outcome(job.id, job.since)).then(
      (outcome) => {
        // Others of that id may have been put since it was asked.
        if (outcome !== undefined) this.settled(job.id, outcome, sinceOf(job))
      },
      (error: unknown) => {
        // The store goes on asking by itself once it has heard of the wish; before that, ask again.
        pause(this.#clock, POLL, this.#closing.signal).then(() => this.follow(job), nothing)
        if (!isAioFluxError(error, 'STORAGE_DOWN')) this.#queueHere.trouble(error)
      },
    )
  }

  /**
   * A job has ended, in whichever process. What was put after `at` is another job of that id; so is what was put before this one was:
   * its end has passed unheard.
   */
  settled(id: string, outcome: Outcome, at: number = Infinity): void {
    this.#early.told(id, { outcome, at })
    const { born = 0 } = outcome
    const all = [...(this.#jobs.get(id) ?? [])]
    this.#jobs.delete(id)
    let first: RemoteJob | undefined
    for (const job of all) {
      const since = sinceOf(job)
      if (since > at) this.#listen(job)
      else if (since > 0 && since < born) job.settle(GONE)
      else {
        first ??= job
        job.settle(outcome)
      }
    }
    if (first !== undefined) this.#end(first, outcome)
  }

  /** A claim of that job has ended in this process. Its attempt tells what that has led to within this turn of the event loop. */
  workedOn(id: string): void {
    if (this.#jobs.size + this.#late.size === 0 && !this.#early.listens) return
    this.#telling.add(id)
    if (this.#telling.size === 1) macrotask(() => this.#toldHere())
  }

  /** Ends it: the results that are still awaited reject. */
  close(): void {
    this.#closing.abort()
    for (const jobs of this.#jobs.values()) for (const job of jobs) job.close(this.#queue)
    this.#jobs.clear()
  }

  #listen(job: RemoteJob): boolean {
    if (this.#closing.signal.aborted) {
      job.close(this.#queue)
      return false
    }
    const jobs = this.#jobs.get(job.id)
    if (jobs === undefined) this.#jobs.set(job.id, new Set([job]))
    else jobs.add(job)
    return true
  }

  /** The attempts of this turn have told: what they have not told of has ended elsewhere. */
  #toldHere(): void {
    const ids = [...this.#telling]
    this.#telling.clear()
    for (const id of ids) {
      const late = this.#late.get(id)
      this.#late.delete(id)
      // It waits again where another claim of that job has not ended.
      if (late !== undefined) this.#end(late.job, late.outcome)
    }
  }

  #end(job: RemoteJob, outcome: Outcome): void {
    const here = this.#telling.has(job.id) || this.#queueHere.worksOn(job.id)
    if (here) this.#late.set(job.id, { job, outcome })
    else if (outcome.state === 'completed') {
      this.#events.completedElsewhere(job, outcome.value, outcome.run)
    } else if (outcome.state === 'failed') {
      this.#events.failedElsewhere(job, errorOf(outcome.error), outcome.run)
    }
  }
}

function sinceOf({ since = 0 }: RemoteJob): number {
  return since
}

function nothing(): void {}
