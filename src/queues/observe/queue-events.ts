import type { Millis } from '../../core/duration.ts'
import { complain } from '../../core/error-text.ts'
import { Events } from '../../core/events.ts'
import { isThenable } from '../../core/thenable.ts'
import type { Job } from '../job.ts'
import { QUEUE_EVENTS, type QueueEventMap } from '../queue.ts'
import type { DeadLetterTarget } from '../queue-options.ts'
import type { JobTimes } from './job-times.ts'
import type { QueueMeter } from './queue-meter.ts'

/** A job as events show it: the job that `put` returned, or the job that this process claimed. */
// biome-ignore lint/suspicious/noExplicitAny: what is told does not depend on the types of items and results.
export interface ToldJob extends Pick<Job<any>, 'id'> {
  // biome-ignore lint/suspicious/noExplicitAny: as above.
  readonly item: any
  readonly attempt: number
  readonly watched: boolean
  readonly times: JobTimes | undefined
  /** As `Claim.run`, of a job that this process claimed. */
  readonly run?: string | undefined
}

/**
 * The events of a queue, its dead letters, and the line on the console for the first failure without a listener. No failure is silent, and
 * none ends the process.
 */
// biome-ignore lint/suspicious/noExplicitAny: listeners know the types by the queue they listen to.
export class QueueEvents extends Events<QueueEventMap<any, any>> {
  readonly #queue: string
  readonly #deadLetter: DeadLetterTarget | undefined
  #meter: QueueMeter | undefined
  #toldOfFailure = false
  /** Dead letters that are on their way. */
  readonly #letters = new Set<Promise<unknown>>()

  constructor(queue: string, deadLetter: DeadLetterTarget | undefined) {
    super(QUEUE_EVENTS)
    this.#queue = queue
    this.#deadLetter = deadLetter
  }

  /** From now on it is counted too. */
  count(meter: QueueMeter): void {
    this.#meter = meter
    this.meter()
  }

  cancelled(job: ToldJob, reason: unknown): void {
    this.#tell('cancelled', { job: told(job), item: job.item, reason })
  }

  dropped(job: ToldJob, reason: 'overflow' | 'clear' | 'stop'): void {
    this.#tell('dropped', { job: told(job), item: job.item, reason })
  }

  duplicate(key: unknown, item: unknown): void {
    this.#tell('duplicate', { key, item })
  }

  progressed(job: ToldJob, value: unknown): void {
    if (this.listened) this.emit('progress', { job: told(job), item: job.item, value })
  }

  idle(): void {
    if (this.listened) this.emit('idle', {})
  }

  completed(job: ToldJob, value: unknown): void {
    this.#meter?.completed(job)
    this.#tellCompleted(job, value)
  }

  /** A job was taken out by hand, which completes it. The meter counts it apart: no handler has run. */
  pulled(job: ToldJob): void {
    this.#meter?.pulled()
    this.#tellCompleted(job, undefined)
  }

  /** @param item of the attempt that failed; the job may have a newer one */
  retrying(job: ToldJob, item: unknown, error: unknown, delay: Millis): void {
    this.#tell('retry', { job: told(job), item, error, delay: delay / 1000 })
  }

  /** An attempt runs too long. Told before the retry or the failure that comes of it. */
  timedOut(job: ToldJob): void {
    this.#tell('timeout', { job: told(job), item: job.item })
  }

  failed(job: ToldJob, error: unknown): void {
    const deadLetter = this.#deadLetter
    this.#meter?.failed(job)
    const heard = this.emit('failed', { job: told(job), item: job.item, error })
    if (!heard && !job.watched && !this.#toldOfFailure && deadLetter === undefined) {
      this.#toldOfFailure = true
      complain(
        `aioflux: job ${job.id} of queue '${this.#queue}' failed, and no code listens to its result or to the event 'failed'. Later failures of this queue are not written here.`,
        error,
      )
    }
    if (deadLetter === undefined) return
    const letter = { item: job.item, error, attempts: job.attempt, id: job.id }
    try {
      const taken: unknown =
        typeof deadLetter === 'function' ? deadLetter(letter) : deadLetter.put(letter)
      if (isThenable(taken)) {
        const sent = Promise.resolve(taken).catch((trouble: unknown) => this.trouble(trouble))
        this.#letters.add(sent)
        void sent.then(() => this.#letters.delete(sent))
      }
    } catch (trouble) {
      this.trouble(trouble)
    }
  }

  /** Resolves when no dead letter is on its way; `undefined` where none is. */
  lettersSent(): Promise<unknown> | undefined {
    return this.#letters.size === 0 ? undefined : Promise.all(this.#letters)
  }

  /** Something that belongs to no job went wrong. */
  trouble(error: unknown): void {
    if (this.emit('error', { error })) return
    complain(`aioflux: queue '${this.#queue}' ran into an error`, error)
  }

  #tellCompleted(job: ToldJob, value: unknown): void {
    if (this.listened) this.emit('completed', { job: told(job), item: job.item, value })
  }

  #tell<Name extends 'cancelled' | 'dropped' | 'duplicate' | 'retry' | 'timeout'>(
    event: Name,
    // biome-ignore lint/suspicious/noExplicitAny: as above.
    payload: QueueEventMap<any, any>[Name],
  ): void {
    if (!this.heard) return
    this.#meter?.told(event)
    this.emit(event, payload)
  }
}

/** The {@link Job} of a job that is reported: every such object is one. */
// biome-ignore lint/suspicious/noExplicitAny: as above.
export function told(job: ToldJob): Job<any> {
  // biome-ignore lint/suspicious/noExplicitAny: as above.
  return job as unknown as Job<any>
}
