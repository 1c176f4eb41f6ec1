import type { Clock } from '../../core/clock.ts'
import type { Millis } from '../../core/duration.ts'
import type { Limiter } from '../../limiters/limiter.ts'
import { Attempt, type AttemptPermit } from '../consume/attempt.ts'
import type { Source } from '../consume/source.ts'
import { DelayedJobs } from './delayed-jobs.ts'
import { HeldJobs } from './held-jobs.ts'
import { JobHistory } from './job-history.ts'
import { JobNumbers } from './job-numbers.ts'
import type { Keeping } from './kept-jobs.ts'
import type { LocalJob } from './local-job.ts'
import { Arrivals } from './orders/arrivals.ts'
import { GroupedOrder, type Grouping, groupOf } from './orders/grouped.ts'
import type { JobWalk } from './orders/job-walk.ts'
import type { MakeOrder, Order } from './orders/order.ts'
import { type GateHost, RateGate } from './rate-gate.ts'

/** How the jobs of a queue are kept. */
export interface MemoryJobsOptions {
  readonly clock: Clock
  /** How many jobs may wait. */
  readonly maxSize: number
  /** Ranks the jobs that are due. */
  readonly makeOrder: MakeOrder
  /** What is asked before each start. */
  readonly limiter: Limiter | undefined
  /** True where jobs have keys or costs of their own at the limiter. */
  readonly keyed: boolean
  readonly groups: Grouping | undefined
  readonly keep: { readonly dead: Keeping; readonly completed: Keeping } | undefined
  /** True where jobs may have several attempts. */
  readonly retries: boolean
}

/** What a store in this process tells its queue. */
export interface MemoryJobsListener {
  /** There may be something to take. */
  available(): void
  /** There may be room again after a `push` was refused. */
  room(): void
  /** The limiter could not say when this job may start: it has ended. */
  broken(job: LocalJob, error: unknown): void
}

const EQUAL: Grouping = { concurrency: Infinity, weightOf: () => 1 }

/**
 * The jobs of a queue in this process, from put to their end. While a job waits, its state is changed here and nowhere else.
 *
 *     push -> order (due) -> take -> running -> complete, fail
 *       \-> delayed -/          \-> lane of its key, while the limiter says no
 *
 * A claim here is no lease: it dies with the process, and so do the jobs.
 */
export class MemoryJobs implements Source, GateHost {
  readonly numbers: JobNumbers
  readonly history: JobHistory
  #order: Order
  #groups: GroupedOrder | undefined
  readonly #maxSize: number
  readonly #makeOrder: () => Order
  readonly #clock: Clock
  readonly #delayed: DelayedJobs
  readonly #held = new HeldJobs()
  readonly #gate: RateGate | undefined
  #listener: MemoryJobsListener = SILENT
  #attended = false
  #crowded = false
  /** True while there may be jobs that are not due. */
  #delays = false

  constructor(options: MemoryJobsOptions) {
    const { clock, limiter, keyed, groups } = options
    // Jobs that may leave an order and come back need numbers that all their orders share.
    const arrivals = keyed ? new Arrivals() : undefined
    this.#clock = clock
    this.#maxSize = options.maxSize
    this.#makeOrder = () => options.makeOrder(arrivals)
    this.#order = this.#makeOrder()
    if (groups !== undefined) this.useGroups(groups)
    this.numbers = new JobNumbers(clock)
    this.#delayed = new DelayedJobs(clock, () => {
      this.#promote()
      this.#listener.available()
    })
    this.history = new JobHistory(clock, options.keep, options.retries)
    if (limiter === undefined) return
    this.#gate = new RateGate(limiter, keyed, this, this.#makeOrder)
  }

  /** From now on `listener` is told. */
  connect(listener: MemoryJobsListener): void {
    this.#listener = listener
  }

  /** While the queue is attended, timers of delayed jobs run, and keep the process alive. */
  attend(attended: boolean): void {
    this.#attended = attended
    this.#delayed.attend(attended)
  }

  /** From now on groups take turns. */
  useGroups(grouping: Grouping = EQUAL): void {
    if (this.#groups !== undefined) return
    const before = this.#order
    this.#groups = new GroupedOrder(grouping, this.#makeOrder)
    this.#order = this.#groups
    for (let job = before.take(); job !== undefined; job = before.take()) this.#order.push(job)
  }

  /** The due jobs that wait for workers; they may have to wait for the limiter then. */
  get candidates(): Order {
    return this.#order
  }

  /** The candidates by group, where there are groups. */
  get grouped(): GroupedOrder | undefined {
    return this.#groups
  }

  /** The lines of due jobs that wait for the limiter, each of one group. */
  lanes(): Iterable<{ group: string; order: Order }> {
    return this.#gate?.lines() ?? []
  }

  /** The limiter may have let a job pass. */
  available(): void {
    this.#listener.available()
  }

  /** The limiter could not say when this job may start. */
  broken(job: LocalJob, error: unknown): void {
    this.#listener.broken(job, error)
  }

  get ready(): number {
    if (this.#gate?.shut === true) return 0
    return this.#groups === undefined ? this.#order.size : this.#groups.ready
  }

  get since(): Millis {
    const first = this.#order.peek()
    return first === undefined ? this.#clock.now() : this.waitingSince(first)
  }

  /** How many wait: due jobs, delayed jobs, and jobs that wait for another to end. */
  get size(): number {
    return this.#waits + this.#held.size
  }

  get delayed(): number {
    return this.#delayed.size + this.#held.size
  }

  get #waits(): number {
    return this.#order.size + (this.#delays ? this.#delayed.size : 0) + (this.#gate?.parked ?? 0)
  }

  // Waiting.

  /** Keeps a job, unless `maxSize` wait already. */
  push(job: LocalJob): boolean {
    if (this.#waits >= this.#maxSize) {
      this.#crowded = true
      return false
    }
    this.keep(job)
    return true
  }

  /** Keeps a job, however many wait. */
  keep(job: LocalJob): void {
    if (job.extras?.due !== undefined && this.#delay(job)) return
    job.state = 'waiting'
    this.#order.push(job)
    if (this.#attended) this.#listener.available()
  }

  /**
   * A job waits until `leader` has ended.
   *
   * @param overtake called where the leader waits again before it has ended: its item is not the newest one
   */
  hold(job: LocalJob, leader: LocalJob, overtake: () => void): void {
    job.state = 'delayed'
    this.#held.add(job, leader, overtake)
  }

  /** A job that was held lines up, full or not: no more than there are workers wait so. */
  unhold(job: LocalJob): void {
    if (this.#held.delete(job)) this.keep(job)
  }

  /** `leader` will not end before the jobs that wait for it; `undefined`: any leader may be the one. */
  unholdAll(leader: LocalJob | undefined): void {
    for (const job of this.#held.behind(leader)) this.unhold(job)
  }

  /** Lets a job leave for good that waits, wherever it waits. */
  withdraw(job: LocalJob): void {
    if (this.#held.delete(job)) return
    if (job.state === 'delayed') this.#delayed.remove(job)
    else {
      this.#order.remove(job)
      this.#gate?.withdraw(job)
    }
    if (this.#crowded) this.#tellRoom()
  }

  /** Moves a job that waits. */
  reprioritise(job: LocalJob, priority: number): boolean {
    if (job.state === 'delayed') {
      job.priority = priority
      // Under another rank it would meet an entry that it left behind, and make that valid again.
      if (job.extras !== undefined) job.extras.place = undefined
    } else if (job.state !== 'waiting') return false
    else if (this.#gate?.reprioritise(job, priority) !== true) {
      this.#order.remove(job)
      job.priority = priority
      this.#order.push(job)
    }
    return true
  }

  /** Changes the group, the key or the cost of a job that waits. Its place stays. */
  relabel(job: LocalJob, change: () => void): void {
    if (job.state !== 'waiting') return change()
    this.#order.remove(job)
    this.#gate?.withdraw(job)
    change()
    this.#order.restore(job)
    this.#listener.available()
  }

  /** Changes when a job is due that is not due yet. */
  postpone(job: LocalJob, due: Millis): void {
    const held = this.#held.has(job)
    if (!held) this.#delayed.remove(job)
    job.more().due = due
    job.more().byDate = false
    if (held) return
    if (!this.#delay(job)) this.#enqueue(job)
  }

  /** The job that makes room for newcomers: of the lowest priority, then the longest waiting. It leaves. */
  giveWay(): LocalJob | undefined {
    let oldest = this.#order.oldest()
    for (const { order } of this.lanes()) {
      const job = order.oldest()
      if (job !== undefined && (oldest === undefined || givesWay(job, oldest))) oldest = job
    }
    oldest ??= this.#delayed[Symbol.iterator]().next().value
    if (oldest !== undefined) this.withdraw(oldest)
    return oldest
  }

  /** Jobs that are due, the best first. */
  *waiting(): Iterable<LocalJob> {
    if (this.#gate !== undefined) yield* this.#gate.jobs()
    yield* this.#order
  }

  /** Jobs that are not due, or wait for another one to end. */
  *later(): Iterable<LocalJob> {
    yield* this.#delayed
    yield* this.#held
  }

  /** Shows each job that waits, due or not, in no order, and some of them twice. */
  visit(walk: JobWalk): void {
    for (const { order } of this.lanes()) order.visit(walk)
    this.#order.visit(walk)
    this.#delayed.visit(walk)
    for (const job of this.#held) walk.one(job)
  }

  /** Since when a due job has waited, by the clock. */
  waitingSince(job: LocalJob): Millis {
    const { due, byDate } = job.extras ?? {}
    const put = this.numbers.timeOf(job.turn)
    if (due === undefined) return put
    return Math.max(put, byDate === true ? this.#fromDate(due) : due)
  }

  // Running.

  take(want = 1, company = false): Attempt | undefined {
    // More may have come due than are taken here, and their timer will not ring: other workers are to look too.
    if (this.#delays && this.#promote()) this.#listener.available()
    const gate = this.#gate
    if (gate !== undefined) return this.#takePast(gate, want, company)
    const job = this.#order.take()
    return job === undefined ? undefined : this.#taken(job)
  }

  /** Takes the next job out by hand, past the limiter. It ends as it leaves: its item is all that is wanted, so it costs no attempt. */
  takeOut(): LocalJob | undefined {
    const promoted = this.#delays && this.#promote()
    const job = this.#next()
    if (job === undefined) return undefined
    // What is told below may be answered by a first put with a group: this job has no place in that.
    const groups = this.#groups
    const { history } = this
    job.deliveries += 1
    if (history.keeps) history.completed.add(job, job.extras?.startedAt ?? this.#clock.now())
    // Before the queue is told: a job that has left must not be found waiting.
    job.complete(undefined)
    if (this.#crowded) this.#tellRoom()
    groups?.end(groupOf(job))
    // Of several that have come due, one is taken: the others need workers, and their timer will not ring.
    if (promoted || groups !== undefined) this.#listener.available()
    return job
  }

  /** Claims a job that never stood in an order: a worker is free to do it at once. */
  begin(job: LocalJob): Attempt {
    job.state = 'running'
    job.deliveries += 1
    const attempt = new Attempt(job, this.history.timed ? this.#clock.now() : 0)
    job.holder = attempt
    return attempt
  }

  complete(attempt: Attempt): boolean {
    const { history } = this
    if (history.keeps) {
      const job = attempt.job as LocalJob
      history.completed.add(job, history.startOf(job))
    }
    return true
  }

  retry(attempt: Attempt, delay: Millis, error: unknown): boolean {
    const job = attempt.job as LocalJob
    const extras = job.more()
    this.history.failed(attempt, error)
    this.#held.overtake(job)
    extras.byDate = false
    extras.due = this.#clock.now() + delay
    extras.place = job.place
    if (!this.#delay(job)) this.#restore(job)
    return true
  }

  fail(attempt: Attempt, error: unknown, dead: boolean): boolean {
    const job = attempt.job as LocalJob
    const { history } = this
    if (dead && history.timed) history.failed(attempt, error)
    if (dead && history.keeps) history.dead.add(job, history.startOf(job))
    return true
  }

  release(attempt: Attempt, delay: Millis): boolean {
    const job = attempt.job as LocalJob
    const extras = job.more()
    extras.released = (extras.released ?? 0) + 1
    this.history.began(attempt)
    this.#held.overtake(job)
    if (delay > 0) {
      extras.byDate = false
      extras.due = this.#clock.now() + delay
      extras.place = job.place
      if (this.#delay(job)) return true
    }
    this.#restore(job)
    return true
  }

  close(): void {
    this.attend(false)
    this.#listener = SILENT
    this.#gate?.close()
  }

  /** The next job, whatever the limiter says. */
  #next(): LocalJob | undefined {
    const job = this.#order.take() ?? this.#parked()
    if (job !== undefined) this.#gate?.withdraw(job)
    return job
  }

  /** The first of the jobs that wait for the limiter whose group has a place. */
  #parked(): LocalJob | undefined {
    for (const job of this.#gate?.jobs() ?? []) {
      if (this.#groups === undefined || this.#groups.occupy(job)) return job
    }
    return undefined
  }

  #takePast(gate: RateGate, want: number, company: boolean): Attempt | undefined {
    while (!gate.shut) {
      const job = this.#order.peek()
      if (job === undefined) break
      const permit = gate.pass(job, want, company)
      if (permit !== undefined) {
        this.#order.take()
        gate.started(job)
        return this.#taken(job, permit)
      }
      if (company && job === this.#order.peek()) break
    }
    return undefined
  }

  #taken(job: LocalJob, permit?: AttemptPermit): Attempt {
    const attempt = this.begin(job)
    attempt.permit =
      this.#groups === undefined ? permit : this.#placeInGroup(this.#groups, job, permit)
    if (this.#crowded) this.#tellRoom()
    return attempt
  }

  /**
   * A place among the running jobs of its group is given back when the handler ends, as a permit of the limiter is. The job may
   * wait again by then, for an item of another group.
   */
  #placeInGroup(
    groups: GroupedOrder,
    job: LocalJob,
    permit: AttemptPermit | undefined,
  ): AttemptPermit {
    const group = groupOf(job)
    return {
      leave: () => {
        permit?.leave()
        groups.end(group)
        this.#listener.available()
      },
    }
  }

  #enqueue(job: LocalJob): void {
    job.state = 'waiting'
    this.#order.push(job)
    this.#listener.available()
  }

  /** A job that was claimed waits again, in its old place. */
  #restore(job: LocalJob): void {
    job.state = 'waiting'
    this.#order.restore(job)
    this.#listener.available()
  }

  #delay(job: LocalJob): boolean {
    const { due = 0, byDate = false } = job.extras ?? {}
    if (!this.#delayed.ahead(due, byDate)) return false
    this.#delayed.add(job)
    this.#delays = true
    return true
  }

  /** Lets jobs line up that have come due. Answers whether there were any. */
  #promote(): boolean {
    const before = this.#delayed.size
    this.#delayed.release((job) => {
      job.state = 'waiting'
      const place = job.extras?.place
      if (place === undefined) return this.#order.push(job)
      // The delayed jobs have numbers of their own.
      job.place = place
      this.#order.restore(job)
    })
    this.#delays = this.#delayed.size > 0
    return this.#delayed.size < before
  }

  #tellRoom(): void {
    this.#crowded = false
    this.#listener.room()
  }

  #fromDate(due: Millis): Millis {
    return this.#clock.now() + due - (this.#clock.wall?.() ?? due)
  }
}

function givesWay(a: LocalJob, b: LocalJob): boolean {
  return a.priority === b.priority ? a.turn < b.turn : a.priority < b.priority
}

const SILENT: MemoryJobsListener = { available: nothing, room: nothing, broken: nothing }
function nothing(): void {}
