import { Events } from '../core/events.ts'
import type { AttemptHooks } from './attempts.ts'
import type { QueuedJob } from './job.ts'
import { QUEUE_EVENTS, type QueueEvents, type QueueOptions } from './queue.ts'
import type { QueueMeter } from './queue-meter.ts'

/**
 * What a queue tells: its events, the dead letters, and, where nobody listens, the console. No failure is silent, and none
 * reaches the process.
 */
export class News<T, R> {
  readonly events: Events<QueueEvents<T, R>> = new Events(QUEUE_EVENTS)
  readonly #queue: string
  readonly #deadLetter: QueueOptions<T, R>['deadLetter']
  #meter: QueueMeter | undefined
  #toldOfFailure = false

  constructor(queue: string, deadLetter: QueueOptions<T, R>['deadLetter']) {
    this.#queue = queue
    this.#deadLetter = deadLetter
  }

  /** From now on it is counted too. */
  count(meter: QueueMeter): void {
    this.#meter = meter
    this.events.meter()
  }

  tell<Name extends keyof QueueEvents<T, R>>(event: Name, payload: QueueEvents<T, R>[Name]): void {
    if (!this.events.heard) return
    this.#meter?.told(event)
    this.events.emit(event, payload)
  }

  dropped(job: QueuedJob, reason: 'overflow' | 'clear' | 'stop'): void {
    this.tell('dropped', { job, item: job.item, reason })
  }

  /** What the workers tell it. */
  get hooks(): AttemptHooks {
    const { events } = this
    return {
      audience: events,
      completed: (job, value) => {
        this.#meter?.completed(job)
        if (events.listened) events.emit('completed', { job, item: job.item, value: value as R })
      },
      failed: (job, error) => this.failed(job, error),
      retrying: (job, error, delay) => {
        this.tell('retry', { job, item: job.item, error, delay: delay / 1000 })
      },
      timedOut: (job) => {
        this.tell('timeout', { job, item: job.item })
      },
      trouble: (error) => this.trouble(error),
    }
  }

  failed(job: QueuedJob, error: unknown): void {
    const deadLetter = this.#deadLetter
    this.#meter?.failed(job)
    const heard = this.events.emit('failed', { job, item: job.item, error })
    if (!heard && !job.watched && !this.#toldOfFailure && deadLetter === undefined) {
      this.#toldOfFailure = true
      console.error(
        `aioflux: job ${job.id} of queue '${this.#queue}' failed, and nobody listens: neither to its result nor to 'failed'. Later failures of this queue are not reported.`,
        error,
      )
    }
    if (deadLetter === undefined) return
    const letter = { item: job.item as T, error, attempts: job.attempt, id: job.id }
    try {
      const taken: unknown =
        typeof deadLetter === 'function' ? deadLetter(letter) : deadLetter.put(letter)
      if (taken instanceof Promise) taken.catch((trouble: unknown) => this.trouble(trouble))
    } catch (trouble) {
      this.trouble(trouble)
    }
  }

  trouble(error: unknown): void {
    if (this.events.emit('error', { error })) return
    console.error(`aioflux: queue '${this.#queue}' ran into an error`, error)
  }
}
