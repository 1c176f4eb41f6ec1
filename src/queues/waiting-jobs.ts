import type { LocalBackend } from './backend.ts'
import type { Gate } from './gate.ts'
import type { Intake } from './intake.ts'
import type { QueuedJob } from './job.ts'

/** All that was put and not begun, wherever it waits: before the limiter, in line, for its time, for another, for room. */
export class WaitingJobs implements Iterable<QueuedJob> {
  readonly #backend: LocalBackend
  readonly #gate: Gate | undefined
  readonly #intake: Intake
  /** Who stands in no line until another job ends, and which. */
  readonly #aside = new Map<QueuedJob, QueuedJob>()

  constructor(backend: LocalBackend, gate: Gate | undefined, intake: Intake) {
    this.#backend = backend
    this.#gate = gate
    this.#intake = intake
  }

  /** How many are accepted: those who wait for room are not. */
  get size(): number {
    const { waiting, delayed } = this.#backend.counts()
    return waiting + delayed + (this.#gate?.parked ?? 0) + this.#aside.size
  }

  *[Symbol.iterator](): Iterator<QueuedJob> {
    if (this.#gate !== undefined) yield* this.#gate.jobs()
    yield* this.#backend.jobs()
    yield* this.#aside.keys()
    yield* this.#intake.offers
  }

  setAside(job: QueuedJob, leader: QueuedJob): void {
    job.state = 'delayed'
    this.#aside.set(job, leader)
  }

  /** One that was set aside lines up, full or not: no more than there are workers wait so. */
  bringBack(job: QueuedJob): void {
    if (this.#aside.delete(job)) this.#backend.push(job, Infinity)
  }

  /** A job will not end before those that wait for it; `undefined` where nobody knows which. */
  unhitch(leader: QueuedJob | undefined): void {
    for (const [job, behind] of [...this.#aside]) {
      if (leader === undefined || behind === leader) this.bringBack(job)
    }
  }

  /** Lets a job leave from wherever it stands. */
  withdraw(job: QueuedJob): void {
    if (this.#aside.delete(job)) return
    if (job.state === 'offered') this.#intake.withdraw(job)
    else if (job.extras?.parked !== undefined) this.#gate?.withdraw(job)
    else this.#backend.cancel(job)
  }

  reprioritise(job: QueuedJob, priority: number): boolean {
    if (job.state === 'offered') job.priority = priority
    else if (job.extras?.parked !== undefined) this.#gate?.reprioritise(job, priority)
    else return this.#backend.reprioritise(job, priority)
    return true
  }

  /** Lets one leave who makes room for newcomers. */
  giveWay(): QueuedJob | undefined {
    const oldest = this.#oldest()
    if (oldest !== undefined) this.withdraw(oldest)
    return oldest
  }

  /** The oldest in line or the oldest before the limiter: who is of lower priority, or came earlier. */
  #oldest(): QueuedJob | undefined {
    const job = this.#backend.oldest()
    const parked = this.#gate?.oldest()
    if (job === undefined || parked === undefined) return job ?? parked
    const lower = job.priority - parked.priority || job.seq - parked.seq
    return lower < 0 ? job : parked
  }
}
