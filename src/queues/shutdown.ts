import * as check from '../core/check.ts'
import { at, type Cancel, type Clock } from '../core/clock.ts'
import { type Millis, toMillis } from '../core/duration.ts'
import { JobDroppedError } from '../core/errors.ts'
import { macrotask } from '../core/macrotask.ts'
import type { Consumer } from './consumer.ts'
import type { QueuedJob } from './job.ts'
import { type JobRecord, STOP_OPTIONS, type StopOptions, type StopReport } from './queue.ts'

/** What a shutdown needs of its queue. */
export interface Stoppable {
  consumer(): Consumer | undefined
  /** All that was put and not begun. */
  waiting(): Iterable<QueuedJob>
  /** Will anybody do what waits? */
  canDrain(): boolean
  /** Nothing is accepted any more. */
  shut(): void
  /** What is to be dropped has been; a paused queue that drains goes on. */
  begin(): void
  /** That job waits for this shutdown, or an unknown one does: others must not wait for it. */
  unhitch(leader: QueuedJob | undefined): void
  /** What to tell those who are turned away. */
  closed(): Error
  drop(job: QueuedJob, reason: unknown): void
  /** All is over. */
  finish(): void
}

/**
 * The end of a queue: no more jobs, then drain or drop, then at the deadline drop and abort, then the report. Called
 * again, it loses patience with whatever comes first and makes no second report.
 */
export class Shutdown<T> {
  readonly #clock: Clock
  readonly #queue: Stoppable
  readonly #notStarted: JobRecord<T>[] = []
  readonly #aborted: QueuedJob[] = []
  /**
   * Was stop called from inside a handler? That handler cannot be waited for: it may be waiting for this. Whose it is, is
   * known where the call came before its first `await`, or where the engine can tell.
   */
  #inside: QueuedJob | 'no' | 'entering' | 'somebody' = 'no'
  #grace: Millis = 0
  #timers: Cancel[] = []
  #report: Promise<StopReport<T>> | undefined
  #resolve: (report: StopReport<T>) => void = () => {}
  /** Has it begun? Then nothing is accepted any more. */
  begun = false
  over = false

  constructor(clock: Clock, queue: Stoppable) {
    this.#clock = clock
    this.#queue = queue
  }

  begin(options: StopOptions): Promise<StopReport<T>> {
    try {
      this.#begin(options)
    } catch (error) {
      return Promise.reject(error)
    }
    return this.#report as Promise<StopReport<T>>
  }

  #begin(options: StopOptions): void {
    check.known('queue.stop', options, STOP_OPTIONS)
    const { mode: given = 'drain' } = options
    const mode = check.oneOf('mode', given, ['drain', 'drop'])
    const deadline =
      options.deadline === undefined ? Infinity : toMillis('deadline', options.deadline)
    if (options.grace !== undefined) this.#grace = toMillis('grace', options.grace)
    if (this.over) return
    const first = !this.begun
    this.begun = true
    this.#queue.shut()
    this.#report ??= new Promise((resolve) => {
      this.#resolve = resolve
    })
    const consumer = this.#queue.consumer()
    if (consumer !== undefined && this.#inside === 'no') this.#findInsider(consumer)
    if (mode === 'drop' || !this.#queue.canDrain()) this.#drop()
    if (first) this.#queue.begin()
    if (deadline < Infinity) {
      this.#timers.push(at(this.#clock, this.#clock.now() + deadline, () => this.#abort()))
    }
    this.look()
  }

  /** Something has ended: was it the last? */
  look(): void {
    if (this.over || !this.#quiet()) return
    this.#finish()
  }

  #quiet(): boolean {
    if (this.#inside === 'entering') return false
    for (const _ of this.#queue.waiting()) return false
    return this.#others() <= 0
  }

  /** How many workers are at work, without the one who called from a handler. */
  #others(): number {
    const consumer = this.#queue.consumer()
    if (consumer === undefined) return 0
    const inside = this.#inside
    if (inside === 'no' || (typeof inside !== 'string' && !consumer.attempts.holds(inside))) {
      return consumer.loops
    }
    return consumer.loops - 1
  }

  #findInsider(consumer: Consumer): void {
    if (!consumer.insideHandler()) return
    if (consumer.handling) {
      this.#inside = 'entering'
      consumer.whenLeft((job) => {
        this.#inside = job
        this.#queue.unhitch(job)
        // If it has come to its end, and not to an await, that is noted before.
        queueMicrotask(() => this.look())
      })
    } else {
      const caller = consumer.caller()
      this.#inside = caller ?? 'somebody'
      this.#queue.unhitch(caller)
    }
    // Its worker only waits now, and the others may be needed for the rest.
    consumer.workers += 1
  }

  #drop(): void {
    const jobs = [...this.#queue.waiting()]
    this.#notStarted.push(...jobs.map(record<T>))
    // From the end, so that those who wait for room are not let in by those who make it.
    const reason = this.#queue.closed()
    for (const job of jobs.reverse()) this.#queue.drop(job, reason)
  }

  /** Patience is over. */
  #abort(): void {
    if (this.over) return
    this.#drop()
    if (this.over) return
    const consumer = this.#queue.consumer()
    const reason = new JobDroppedError('the queue stopped')
    for (const job of [...(consumer?.attempts.running ?? [])]) {
      this.#aborted.push(job)
      consumer?.attempts.forsake(job, 'dropped', reason)
    }
    if (this.over) return
    const report = () => this.#finish()
    // A handler that heeds its signal ends in the microtasks that follow, or in an I/O callback.
    if (this.#grace > 0) {
      this.#timers.push(at(this.#clock, this.#clock.now() + this.#grace, report))
    } else macrotask(() => macrotask(report))
  }

  #finish(): void {
    if (this.over) return
    this.over = true
    for (const cancel of this.#timers) cancel()
    this.#queue.finish()
    const consumer = this.#queue.consumer()
    const still = new Set(consumer?.attempts.zombies)
    for (const job of consumer?.attempts.running ?? []) still.add(job)
    this.#resolve({
      completed: consumer?.attempts.completed ?? 0,
      failed: consumer?.attempts.failed ?? 0,
      notStarted: this.#notStarted,
      aborted: this.#aborted.filter((job) => !still.has(job)).map(record<T>),
      stillRunning: [...still].map(record<T>),
    })
  }
}

function record<T>(job: QueuedJob): JobRecord<T> {
  return { id: job.id, item: job.item }
}
