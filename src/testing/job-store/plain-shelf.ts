import type { Millis } from '../../core/duration.ts'
import type { JobErrorRecord } from '../../queues/store/job-record.ts'
import type { JobDraft, Outcome, StoreListener } from '../../queues/store/job-store.ts'
import { isLive, label, PlainNames } from './plain-ids.ts'
import { type PlainJob, type Process, plainJob, runOf } from './plain-job.ts'
import { PlainTurns } from './plain-turns.ts'
import type { JobStoreTerms, Kept } from './terms.ts'

interface KeptOutcome {
  readonly id: string
  readonly outcome: Outcome
  readonly until: Millis
}

/** Where the jobs of a plain store lie: how they come, how they wait, and what is kept after their end. */
export class PlainShelf<T = unknown> {
  readonly terms: JobStoreTerms
  readonly processes: Set<Process> = new Set()
  /** All jobs that are there, in the order in which they were kept or redriven. */
  jobs: PlainJob<T>[] = []
  completed = 0
  failed = 0
  paused = false
  protected outcomes: KeptOutcome[] = []
  /** Own ids whose jobs have ended. */
  protected readonly ids: PlainNames = new PlainNames()
  /** Keys that stay taken, whatever becomes of their jobs. */
  protected readonly keys: PlainNames = new PlainNames()
  protected readonly turns: PlainTurns = new PlainTurns()
  readonly #now: () => Millis
  #serial = 0
  #ends = 0

  constructor(terms: JobStoreTerms, now: () => Millis) {
    this.terms = terms
    this.#now = now
  }

  get now(): Millis {
    return this.#now()
  }

  find(id: string): PlainJob<T> | undefined {
    return this.jobs.find((job) => job.id === id)
  }

  /** The job that has a key: one that waits or runs. */
  protected holderOf(key: string): PlainJob<T> | undefined {
    return this.jobs.find((job) => job.unique?.key === key && isLive(job))
  }

  inState(...states: string[]): PlainJob<T>[] {
    return this.jobs.filter((job) => states.includes(job.state))
  }

  protected keep(draft: JobDraft<T>): PlainJob<T> {
    this.#serial += 1
    const job = plainJob(draft, draft.id ?? `job-${this.#serial}`, this.#serial, this.now)
    this.jobs.push(job)
    this.outcomes = this.outcomes.filter((other) => other.id !== job.id)
    this.turns.weigh(job.group, job.groupWeight)
    const { unique } = draft
    if (unique?.mode === 'ttl') this.keys.remember(unique.key, job.id, this.now + unique.ttl)
    return job
  }

  /** The job waits again, in its old place. A newer item that came while it ran is done now, and not once more. */
  protected park(job: PlainJob<T>, delay: Millis): void {
    if (job.again !== undefined) label(job, job.again.draft)
    job.again = undefined
    job.state = delay > 0 ? 'delayed' : 'waiting'
    job.dueAt = delay > 0 ? this.now + delay : undefined
  }

  /** The job waits as if it had just been put. */
  protected anew(job: PlainJob<T>, due: Millis): void {
    const { now } = this
    this.#serial += 1
    this.outcomes = this.outcomes.filter((other) => other.id !== job.id)
    Object.assign(job, { failures: 0, losses: 0, error: undefined })
    job.cancelled = undefined
    Object.assign(job, { place: due, serial: this.#serial, endedAt: undefined })
    this.park(job, due - now)
  }

  outcome(id: string, process: Process): Outcome | undefined {
    const job = this.find(id)
    if (job !== undefined && isLive(job)) {
      job.askers.add(process)
      return undefined
    }
    const kept = this.outcomes.findLast((other) => other.id === id)
    if (kept !== undefined) return kept.outcome
    if (job === undefined) return { state: 'gone' }
    const run = runOf(job)
    if (job.state === 'completed') return { state: 'completed', value: job.result, run }
    if (job.state === 'dead') return { state: 'failed', error: job.error as JobErrorRecord, run }
    return { state: 'gone' }
  }

  /** Ends a job that was cancelled; an item that came after that is done now. */
  protected callOff(job: PlainJob<T>): void {
    if (job.again !== undefined) return this.anew(job, Math.max(job.again.due, this.now))
    this.delete(job)
    this.keys.forget({ name: job.unique?.key })
    this.ended(job, { state: 'cancelled', reason: job.cancelled?.reason })
  }

  /** Forgets a job, whatever it was. */
  protected drop(job: PlainJob<T>): void {
    if (isLive(job)) this.keys.forget({ name: job.unique?.key })
    this.delete(job)
    this.ids.forget({ name: job.id })
    this.tell(job, { state: 'gone' })
  }

  protected delete(job: PlainJob<T>): void {
    this.jobs = this.jobs.filter((other) => other !== job)
  }

  protected ended(job: PlainJob<T>, outcome: Outcome): void {
    this.#ends += 1
    job.end = this.#ends
    for (const id of [...(job.own ? [job.id] : []), ...job.others.splice(0)]) {
      this.ids.remember(id, job.id, this.now + this.terms.idTtl)
    }
    this.tell(job, outcome)
  }

  /** Tells the outcome to the processes that asked, and keeps it for them. */
  protected tell(job: PlainJob<T>, outcome: Outcome): void {
    if (job.askers.size === 0) return
    const until = this.now + this.terms.resultTtl
    this.outcomes.push({ id: job.id, outcome, until })
    for (const asker of job.askers) asker.hear((listener) => listener.settled?.(job.id, outcome))
    job.askers.clear()
  }

  /** Forgets ended jobs that are too old or too many. */
  protected trim(state: 'completed' | 'dead', { age, count }: Kept): void {
    const ended = this.inState(state).sort((a, b) => b.end - a.end)
    for (const [rank, job] of ended.entries()) {
      if (rank >= count || (job.endedAt as Millis) + age <= this.now) this.delete(job)
    }
  }

  protected announce(tell: (listener: StoreListener) => void): void {
    for (const process of this.processes) process.hear(tell)
  }
}
