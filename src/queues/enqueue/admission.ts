import { at, type Cancel, type Clock } from '../../core/clock.ts'
import type { Millis } from '../../core/duration.ts'
import {
  JobDroppedError,
  QueueDeadlockError,
  QueueFullError,
  WaitTimeoutError,
} from '../../core/errors.ts'
import { macrotask } from '../../core/macrotask.ts'
import type { WorkerSlots } from '../consume/worker-slots.ts'
import type { QueueEvents } from '../observe/queue-events.ts'
import type { Settings } from '../settings.ts'
import type { LocalJob } from '../store/local-job.ts'
import type { MemoryJobs } from '../store/memory-jobs.ts'
import { Line } from '../store/orders/line.ts'
import { Insiders } from './insiders.ts'

/** After this many offers in a row from outside the queue's handlers, the next offers count as such without a look at the stack. */
const BURST = 32

/** Lets jobs into a queue while there is room, and does what `overflow` says when there is none. */
export class Admission {
  readonly #jobs: MemoryJobs
  readonly #settings: Settings
  readonly #clock: Clock
  readonly #slots: WorkerSlots
  readonly #events: QueueEvents
  /** Jobs that wait for room, first come, first served. */
  readonly offers: Line = new Line()
  readonly #limits = new Map<LocalJob, { readonly until: Millis; readonly cancel: Cancel }>()
  readonly #insiders: Insiders
  /** How many offers were made from outside in this burst. */
  #burst = 0
  #admitting = false
  #looking = false

  constructor(jobs: MemoryJobs, settings: Settings, slots: WorkerSlots, events: QueueEvents) {
    this.#jobs = jobs
    this.#settings = settings
    this.#clock = settings.clock
    this.#slots = slots
    this.#insiders = new Insiders(slots)
    this.#events = events
  }

  /**
   * Afterwards the job is accepted, or dropped for being new, or `offered`: then it waits for room, and `extras.accept`
   * or `extras.refuse` will tell.
   *
   * @param patience how long it may wait for room
   */
  enter(job: LocalJob, patience: Millis): void {
    if (this.offers.size === 0 && this.#jobs.push(job)) return
    const { name, maxSize, overflow } = this.#settings
    if (overflow === 'reject') this.#refuse(job, new QueueFullError(name, maxSize))
    if (overflow === 'drop-newest') {
      return this.#giveUp(job, 'the queue is full')
    }
    if (overflow === 'drop-oldest') {
      // More than `maxSize` may wait: what is tried again, and what was accepted before it could line up.
      // A listener that hears of what is dropped may call off the job itself, or stop the queue.
      while (!job.over && !this.#jobs.push(job)) {
        if (!this.#makeRoom()) return this.#giveUp(job, 'the queue is full')
        if (this.#jobs.closed) return this.#giveUp(job, 'its queue stopped')
      }
      return
    }
    const deadlock = patience === Infinity ? this.#deadlock(job) : undefined
    if (deadlock !== undefined) this.#refuse(job, deadlock)
    job.state = 'offered'
    this.offers.push(job)
    if (patience < Infinity) this.#limit(job, patience)
  }

  /** One more caller waits for room for a job that is offered, which waits for as long as the most patient of them. */
  join(job: LocalJob, patience: Millis): void {
    const deadlock = patience === Infinity ? this.#deadlock(job) : undefined
    if (deadlock !== undefined) throw deadlock
    const limit = this.#limits.get(job)
    if (limit === undefined || this.#clock.now() + patience <= limit.until) return
    limit.cancel()
    this.#limits.delete(job)
    if (patience < Infinity) this.#limit(job, patience)
  }

  /** Nobody waits any longer for room for a job that is offered. */
  expire(job: LocalJob): void {
    this.#turnAway(job, this.tooLate())
  }

  /**
   * Looks whether the handlers that wait for room would wait for ever. Then the puts that came last are refused, until a worker is
   * free to make room.
   */
  review(): void {
    const insiders = this.#insiders
    for (let last = insiders.last(); last !== undefined; last = insiders.last()) {
      if (!insiders.reach(this.#able(this.#jobs.independent))) return
      this.#turnAway(last, this.#noRoom())
    }
    this.#slots.onFewer(undefined)
  }

  tooLate(): WaitTimeoutError {
    return new WaitTimeoutError(`room in queue '${this.#settings.name}' did not come in time`, 0)
  }

  /** As {@link enter}, without waiting; true when the job is accepted. */
  tries(job: LocalJob): boolean {
    if (this.#settings.overflow.startsWith('drop')) {
      this.enter(job, Infinity)
      return job.state !== 'dropped'
    }
    return this.offers.size === 0 && this.#jobs.push(job)
  }

  /** A job gives up waiting for room. */
  withdraw(job: LocalJob): void {
    this.offers.remove(job)
    if (job.extras?.id !== undefined) job.extras.refused = true
    this.#settled(job)
  }

  /** The job was never seen outside, but its signal may still fire: it must not look for the job in an order. */
  #refuse(job: LocalJob, error: Error): never {
    job.end('dropped', error)
    throw error
  }

  #makeRoom(): boolean {
    const oldest = this.#jobs.oldest()
    if (oldest === undefined) return false
    this.#jobs.end(oldest, 'dropped', new JobDroppedError('newer jobs needed its place'))
    this.#events.dropped(oldest, 'overflow')
    return true
  }

  #giveUp(job: LocalJob, why: string): void {
    job.end('dropped', new JobDroppedError(why))
    this.#events.dropped(job, 'overflow')
  }

  /** There may be room again. */
  admit(): void {
    // A push can start a job at once, which makes room again before the loop goes on.
    if (this.#admitting) return
    this.#admitting = true
    while (this.offers.size > 0) {
      const job = this.offers.take() as LocalJob
      const { extras } = job
      const { accept, refuse } = extras ?? {}
      // Before it is pushed, which may begin and end it at once: an end is no refusal then.
      if (extras !== undefined) {
        extras.accept = undefined
        extras.refuse = undefined
      }
      if (!this.#jobs.push(job)) {
        if (extras !== undefined) {
          extras.accept = accept
          extras.refuse = refuse
        }
        this.offers.restore(job)
        break
      }
      this.#settled(job)
      accept?.(job)
    }
    this.#admitting = false
  }

  #limit(job: LocalJob, patience: Millis): void {
    const until = this.#clock.now() + patience
    this.#limits.set(job, { until, cancel: at(this.#clock, until, () => this.expire(job)) })
  }

  /**
   * Room is made by workers. If each that could make some is held by a handler that waits for room, there will never be any. A handler
   * is told at once where that depends on workers alone, and else as soon as the others have come to rest.
   */
  #deadlock(job: LocalJob): QueueDeadlockError | undefined {
    const handler = this.#slots.callingHandler(this.#burst < BURST)
    if (handler === undefined) {
      this.#fromOutside()
      return undefined
    }
    const { independent } = this.#jobs
    if (independent && this.#insiders.reach(this.#able(true), handler)) return this.#noRoom()
    this.#insiders.add(job, handler)
    this.#slots.onFewer(this.#look)
    if (!independent) this.#look()
    return undefined
  }

  /** Calls {@link review} a turn of the event loop later: what a job that has just ended gives back may let another job begin. */
  readonly #look = (): void => {
    if (this.#looking) return
    this.#looking = true
    macrotask(() => {
      this.#looking = false
      if (this.#slots.settled) this.review()
      else this.#look()
    })
  }

  /** How many workers may make room; Infinity where this process cannot know. @param independent as in `WaitingJobs` */
  #able(independent: boolean): number {
    const { workers, busy, open, draining } = this.#slots
    // A queue without workers is like one that pauses: it goes on when it has some.
    if (workers === 0) return Infinity
    // A worker at rest will take a job.
    if (independent) return workers
    // No worker can, while each of the jobs needs the end of one that runs. Of a limiter elsewhere, others may hold what they need: a
    // queue that stops does not wait for them.
    const known = this.#jobs.prompt || draining
    return open && known ? Math.min(busy, workers) : Infinity
  }

  #noRoom(): QueueDeadlockError {
    return new QueueDeadlockError(this.#settings.name, this.#settings.maxSize)
  }

  /** A job that waits for room will not get any. */
  #turnAway(job: LocalJob, error: Error): void {
    this.withdraw(job)
    job.end('dropped', error)
    this.#events.dropped(job, 'overflow')
  }

  /** A loop that offers a hundred thousand jobs is one caller. The burst ends when the microtasks that are queued now have run. */
  #fromOutside(): void {
    this.#burst += 1
    if (this.#burst > 1) return
    queueMicrotask(() => {
      this.#burst = 0
    })
  }

  #settled(job: LocalJob): void {
    this.#insiders.delete(job)
    if (this.#limits.size === 0) return
    this.#limits.get(job)?.cancel()
    this.#limits.delete(job)
  }
}
