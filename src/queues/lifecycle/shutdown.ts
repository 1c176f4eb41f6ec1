import * as check from '../../core/check.ts'
import { at, type Cancel, type Clock } from '../../core/clock.ts'
import { type Millis, toMillis } from '../../core/duration.ts'
import { JobDroppedError } from '../../core/errors.ts'
import { macrotask } from '../../core/macrotask.ts'
import type { Attempt } from '../consume/attempt.ts'
import type { Attempts } from '../consume/attempts.ts'
import type { Consumer } from '../consume/consumer.ts'
import type { WorkerSlots } from '../consume/worker-slots.ts'
import { type JobRecord, STOP_OPTIONS, type StopOptions, type StopReport } from '../queue.ts'
import type { LocalJob } from '../store/local-job.ts'
import type { MemoryJobs } from '../store/memory-jobs.ts'
import type { JobControl } from './job-control.ts'

/** The parts of its queue that a shutdown uses. */
export interface Stopping {
  /** True when workers, or claims by hand, will do the waiting jobs. */
  readonly drains: boolean
  /** How many jobs are claimed by hand and not settled. */
  readonly claimed: number
  /** Jobs that were claimed by hand wait again. */
  giveBackClaims(): void
  /** Nothing is accepted any more; a paused queue that drains goes on. */
  closing(): void
  /** The error with which puts are refused. */
  closedError(): Error
  /** The report is there. */
  finish(): void
  /** Resolves when no dead letter is on its way; `undefined` where none is. */
  lettersSent(): Promise<unknown> | undefined
}

/**
 * The end of a queue: no more jobs, then drain or drop, then at the deadline drop and abort, then the report. Of
 * several calls, the earliest deadline holds, and all get the same report.
 */
export class Shutdown<T> {
  readonly #clock: Clock
  readonly #slots: WorkerSlots
  readonly #attempts: Attempts
  readonly #jobs: MemoryJobs
  readonly #control: JobControl
  readonly #queue: Stopping
  /** The jobs that were dropped, by their numbers, as they were then. */
  readonly #dropped = new Map<number, JobRecord<T>>()
  /** Attempts that were aborted at the deadline. */
  readonly #aborted: Attempt[] = []
  /**
   * The attempt whose handler called `stop`. That handler cannot be waited for: it may be waiting for this. Which one it is, is
   * known where the call came before its first `await`, or where the engine can tell.
   */
  #inside: Attempt | 'no' | 'entering' | 'unknown' = 'no'
  #grace: Millis = 0
  #timers: Cancel[] = []
  /** When the deadline is. */
  #until: Millis = Infinity
  #report: Promise<StopReport<T>> | undefined
  #resolve: (report: StopReport<T>) => void = () => {}
  /** True while claims are given back one by one: the first may run and end before the last one waits again. */
  #givingBack = false
  /** True when it has begun: then nothing is accepted any more. */
  begun = false
  over = false
  /** True while jobs that wait are being dropped: each of them may look whether it was the last. */
  #dropping = false

  constructor(
    clock: Clock,
    slots: WorkerSlots,
    attempts: Attempts,
    jobs: MemoryJobs,
    control: JobControl,
    queue: Stopping,
  ) {
    this.#clock = clock
    this.#slots = slots
    this.#attempts = attempts
    this.#jobs = jobs
    this.#control = control
    this.#queue = queue
  }

  /** @throws ClosedError when it has begun */
  checkOpen(): void {
    if (this.begun) throw this.#queue.closedError()
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
    this.#slots.lineUp()
    // Before anything else: each step may be the last one that the report waits for.
    this.#report ??= new Promise((resolve) => {
      this.#resolve = resolve
    })
    this.#givingBack = true
    this.#queue.giveBackClaims()
    this.#givingBack = false
    const consumer = this.#slots.consumer
    if (consumer !== undefined && this.#inside === 'no') this.#findInsider(consumer)
    if (mode === 'drop' || !this.#queue.drains) this.#drop()
    if (first) this.#queue.closing()
    // The dropped jobs may have been the last.
    if (deadline < Infinity && !this.over) {
      const until = this.#clock.now() + deadline
      this.#until = Math.min(this.#until, until)
      this.#timers.push(at(this.#clock, until, () => this.#abort()))
    }
    this.look()
  }

  /**
   * Called when a job has ended, and when a worker or a caller that takes jobs by hand is gone; finishes the stop after the last
   * job. Jobs that wait when no worker is left, as a job that is to be tried again, are dropped.
   */
  look(): void {
    if (this.over || this.#dropping) return
    if (!this.#queue.drains) this.#drop()
    if (!this.over && this.#quiet()) this.#finish()
  }

  #quiet(): boolean {
    if (this.#inside === 'entering' || this.#givingBack || this.#queue.claimed > 0) return false
    for (const _ of this.#control.waiting()) return false
    return this.#others() <= 0
  }

  /** How many workers are at work, without the one whose handler called `stop`. */
  #others(): number {
    const slots = this.#slots
    const inside = this.#inside
    if (slots.busy === 0 || inside === 'no') return slots.busy
    return typeof inside !== 'string' && !this.#attempts.holds(inside) ? slots.busy : slots.busy - 1
  }

  #findInsider(consumer: Consumer): void {
    if (!consumer.insideHandler()) return
    if (consumer.handling) {
      this.#inside = 'entering'
      consumer.whenLeft((attempt) => {
        this.#inside = attempt
        this.#jobs.unholdAll(attempt.job as LocalJob)
        // If it has come to its end, and not to an await, that is noted before.
        queueMicrotask(() => this.look())
      })
    } else {
      const caller = consumer.caller()
      this.#inside = caller ?? 'unknown'
      this.#jobs.unholdAll(caller?.job as LocalJob | undefined)
    }
    // Its worker only waits now, and the others may be needed for the rest.
    consumer.workers += 1
  }

  #drop(): void {
    if (this.#dropping) return
    this.#dropping = true
    const control = this.#control
    const jobs = [...control.waiting()]
    const records = new Map(jobs.map((job) => [job, record<T>(job, this.#clock)]))
    const dropped = new JobDroppedError('its queue stopped')
    const closed = this.#queue.closedError()
    const reasonOf = (job: LocalJob) => (job.state === 'offered' && !job.watched ? closed : dropped)
    for (const job of control.dropAll(jobs, reasonOf, 'stop')) {
      this.#dropped.set(job.seq, records.get(job) as JobRecord<T>)
    }
    this.#dropping = false
  }

  /** The deadline has passed. */
  #abort(): void {
    if (this.over) return
    this.#drop()
    if (this.over) return
    const attempts = this.#attempts
    const reason = new JobDroppedError('the queue stopped')
    for (const attempt of inOrder(attempts.running)) {
      // Another call may have aborted others before.
      this.#aborted.push(attempt)
      attempts.abandon(attempt, 'dropped', reason)
    }
    if (this.over) return
    const report = () => this.#finish()
    // A handler that obeys its signal ends in the microtasks that follow, or in an I/O callback.
    if (this.#grace > 0) {
      this.#timers.push(at(this.#clock, this.#clock.now() + this.#grace, report))
    } else macrotask(() => macrotask(report))
  }

  #finish(): void {
    if (this.over) return
    this.over = true
    for (const cancel of this.#timers) cancel()
    this.#queue.finish()
    const { abandoned, running, completed, failed } = this.#attempts
    const stillRunning = this.#records([...abandoned, ...running])
    const aborted = this.#records(this.#aborted)
    // A job may have several attempts: one that timed out and still runs, and one that waits or was aborted.
    for (const seq of stillRunning.keys()) {
      this.#dropped.delete(seq)
      aborted.delete(seq)
    }
    this.#tell({
      completed,
      failed,
      notStarted: [...this.#dropped.values()],
      aborted: [...aborted.values()],
      stillRunning: [...stillRunning.values()],
    })
  }

  /** The jobs of attempts, each once. */
  #records(attempts: readonly Attempt[]): Map<number, JobRecord<T>> {
    const records = new Map<number, JobRecord<T>>()
    for (const attempt of inOrder(attempts)) {
      const job = attempt.job as LocalJob
      // What a job was when it was dropped tells more: the attempts that were made, the delay that was left.
      records.set(job.seq, this.#dropped.get(job.seq) ?? record(job, this.#clock))
    }
    return records
  }

  /** Dead letters that are on their way are waited for, since a process may exit after this; not past the deadline. */
  #tell(report: StopReport<T>): void {
    const letters = this.#queue.lettersSent()
    if (letters === undefined || this.#clock.now() >= this.#until) return this.#resolve(report)
    const cancel =
      this.#until < Infinity ? at(this.#clock, this.#until, () => this.#resolve(report)) : undefined
    void letters.then(() => {
      cancel?.()
      this.#resolve(report)
    })
  }
}

/** Attempts in the order in which their jobs were put. */
function inOrder(attempts: Iterable<Attempt>): Attempt[] {
  const seqOf = ({ job }: Attempt) => (job as LocalJob).seq
  return [...attempts].sort((a, b) => seqOf(a) - seqOf(b))
}

/** What is needed to put the job again elsewhere. */
function record<T>(job: LocalJob, clock: Clock): JobRecord<T> {
  const { key, due, byDate, group, asked, timeout } = job.extras ?? {}
  const ahead = due !== undefined && (job.state === 'delayed' || job.state === 'offered')
  return {
    id: job.id,
    item: job.item,
    ...(job.priority !== 0 && { priority: job.priority }),
    ...(key !== undefined && { key }),
    ...(group !== undefined && { group }),
    ...(timeout !== undefined && { timeout: timeout / 1000 }),
    ...(asked !== undefined && { retry: asked }),
    ...(job.attempt > 0 && !job.over && job.state !== 'running' && { attempts: job.attempt }),
    ...(ahead &&
      (byDate === true ? { at: new Date(due) } : { delay: Math.max(0, due - clock.now()) / 1000 })),
  }
}
