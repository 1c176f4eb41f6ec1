import { at, type Cancel, type Clock, isDue } from '../../core/clock.ts'
import type { Millis } from '../../core/duration.ts'
import type { LocalJob } from './local-job.ts'
import type { JobWalk } from './orders/job-walk.ts'
import { RankedOrder } from './orders/ranked.ts'

/** How often the date is read: it may be set, and it moves on while the machine is suspended. */
const LOOK_AGAIN: Millis = 30_000

/**
 * Jobs that are not due yet. A delay is measured by the monotonic clock, which does not jump when the date is set. A `Date` is reached when
 * the clock's `wall` reaches it, also after a suspend. No job is early.
 */
export class DelayedJobs {
  readonly #clock: Clock
  readonly #onDue: () => void
  readonly #byClock = new RankedOrder(dueOf)
  readonly #byDate = new RankedOrder(dueOf)
  #cancelTimer: Cancel | undefined
  #timerDue: Millis = Infinity
  #attended = false

  /** @param onDue called when a job is due, while the queue is attended */
  constructor(clock: Clock, onDue: () => void) {
    this.#clock = clock
    this.#onDue = onDue
  }

  get size(): number {
    return this.#byClock.size + this.#byDate.size
  }

  add(job: LocalJob): void {
    job.state = 'delayed'
    this.#orderOf(job).push(job)
    this.#arm()
  }

  remove(job: LocalJob): void {
    this.#orderOf(job).remove(job)
    if (this.size === 0) this.#disarm()
  }

  /** True when this time is in the future. */
  ahead(due: Millis, byDate: boolean): boolean {
    return !isDue(due, this.#now(byDate))
  }

  /** The job that is due first, by the clock or by the date. */
  first(): LocalJob | undefined {
    const counted = this.#byClock.peek()
    const dated = this.#byDate.peek()
    if (counted === undefined || dated === undefined) return counted ?? dated
    return this.#precedes(dated, counted) ? dated : counted
  }

  /** Passes the due jobs to `to`, in the order of their due times. */
  release(to: (job: LocalJob) => void): void {
    for (let job = this.first(); job !== undefined; job = this.first()) {
      if (this.ahead(dueOf(job), job.extras?.byDate === true)) break
      this.#orderOf(job).take()
      to(job)
    }
    this.#arm()
  }

  /** The timer runs, and keeps the process alive, only while the queue is attended. */
  attend(attended: boolean): void {
    this.#attended = attended
    if (attended) this.#arm()
    else this.#disarm()
  }

  /** Visits each job, in no order; some of them twice. */
  visit(walk: JobWalk): void {
    this.#byClock.visit(walk)
    this.#byDate.visit(walk)
  }

  /** In the order of their due times. */
  *[Symbol.iterator](): Iterator<LocalJob> {
    const dates = this.#byDate[Symbol.iterator]()
    let dated = dates.next()
    for (const job of this.#byClock) {
      for (; dated.done !== true && this.#precedes(dated.value, job); dated = dates.next()) {
        yield dated.value
      }
      yield job
    }
    for (; dated.done !== true; dated = dates.next()) yield dated.value
  }

  /** True when a job that waits for a date is due before a job that waits for the clock. At the same time, the job that was put first. */
  #precedes(dated: LocalJob, counted: LocalJob): boolean {
    const byClock = dueOf(dated) - this.#now(true) + this.#now(false)
    return byClock === dueOf(counted) ? dated.turn < counted.turn : byClock < dueOf(counted)
  }

  #orderOf(job: LocalJob): RankedOrder {
    return job.extras?.byDate === true ? this.#byDate : this.#byClock
  }

  #now(byDate: boolean): Millis {
    return byDate ? (this.#clock.wall?.() ?? 0) : this.#clock.now()
  }

  #arm(): void {
    if (!this.#attended) return
    const now = this.#clock.now()
    const first = this.#byClock.peek()
    const dated = this.#byDate.peek()
    const due = Math.min(
      first === undefined ? Infinity : dueOf(first),
      dated === undefined
        ? Infinity
        : now + Math.min(LOOK_AGAIN, Math.max(0, dueOf(dated) - this.#now(true))),
    )
    if (due === Infinity) return this.#disarm()
    if (this.#cancelTimer !== undefined && this.#timerDue <= due) return
    this.#disarm()
    this.#timerDue = due
    this.#cancelTimer = at(this.#clock, due, () => {
      this.#cancelTimer = undefined
      this.#timerDue = Infinity
      this.#onDue()
      this.#arm()
    })
  }

  #disarm(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    this.#timerDue = Infinity
  }
}

function dueOf(job: LocalJob): Millis {
  return job.extras?.due ?? 0
}
