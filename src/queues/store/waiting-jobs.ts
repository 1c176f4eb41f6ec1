import type { Clock } from '../../core/clock.ts'
import type { Millis } from '../../core/duration.ts'
import type { Limiter } from '../../limiters/limiter.ts'
import { DelayedJobs } from './delayed-jobs.ts'
import { HeldJobs } from './held-jobs.ts'
import { JobNumbers } from './job-numbers.ts'
import type { LocalJob } from './local-job.ts'
import { Arrivals } from './orders/arrivals.ts'
import { GroupedOrder, type Grouping, groupOf } from './orders/grouped.ts'
import type { JobWalk } from './orders/job-walk.ts'
import type { MakeOrder, Order } from './orders/order.ts'
import { type GateHost, RateGate } from './rate-gate.ts'

/** Options of {@link WaitingJobs}. */
export interface WaitingOptions {
  readonly clock: Clock
  /** How many jobs may wait. */
  readonly maxSize: number
  /** Ranks the jobs that are due. */
  readonly makeOrder: MakeOrder
  /** Asked before each start. */
  readonly limiter: Limiter | undefined
  /** True when jobs have keys or costs of their own at the limiter. */
  readonly keyed: boolean
  readonly groups: Grouping | undefined
}

/** The events of waiting jobs, for their queue. */
export interface WaitingListener {
  /** There may be a job to take. */
  available(): void
  /** There may be room again after a `push` was refused. */
  room(): void
  /** The limiter has failed on this job, and the job has ended. */
  broken(job: LocalJob, error: unknown): void
}

const EQUAL: Grouping = { concurrency: Infinity }

/**
 * The jobs of a queue in this process that wait: in line, for their time, for the end of another job, or for the limiter. Only this class
 * changes the state of a waiting job.
 *
 *     push -> order (due) -> taken, and put back by retries and releases
 *       \-> delayed -/   \-> lane of its key, while the limiter says no
 */
export class WaitingJobs implements GateHost {
  readonly numbers: JobNumbers
  protected order: Order
  protected groups: GroupedOrder | undefined
  readonly #maxSize: number
  readonly #makeOrder: () => Order
  protected readonly clock: Clock
  readonly #delayed: DelayedJobs
  protected readonly held: HeldJobs = new HeldJobs()
  protected readonly gate: RateGate | undefined
  protected listener: WaitingListener = SILENT
  #attended = false
  protected crowded = false
  /** True when the queue is over. */
  closed = false
  /** True while there may be jobs that are not due. */
  protected delays = false

  constructor(options: WaitingOptions) {
    const { clock, limiter, keyed, groups } = options
    const arrivals = new Arrivals()
    this.clock = clock
    this.#maxSize = options.maxSize
    this.#makeOrder = () => options.makeOrder(arrivals, keyed)
    this.order = this.#makeOrder()
    if (groups !== undefined) this.useGroups(groups)
    this.numbers = new JobNumbers(clock)
    this.#delayed = new DelayedJobs(clock, () => {
      this.promote()
      this.listener.available()
    })
    if (limiter === undefined) return
    this.gate = new RateGate(limiter, keyed, this, this.#makeOrder)
  }

  /** Sets the listener. */
  connect(listener: WaitingListener): void {
    this.listener = listener
  }

  /** While the queue is attended, the timers of delayed jobs run and keep the process alive. */
  attend(attended: boolean): void {
    this.#attended = attended
    this.#delayed.attend(attended)
  }

  /** Makes groups take turns from now on. */
  useGroups(grouping: Grouping = EQUAL): void {
    if (this.groups !== undefined) return
    const before = this.order
    this.groups = new GroupedOrder(grouping, this.#makeOrder)
    this.order = this.groups
    for (let job = before.take(); job !== undefined; job = before.take()) this.order.push(job)
  }

  /** The due jobs that wait for workers. The limiter may make them wait then. */
  get candidates(): Order {
    return this.order
  }

  /** The candidates by group, if there are groups. */
  get grouped(): GroupedOrder | undefined {
    return this.groups
  }

  /** The lines of due jobs that wait for the limiter, each of one group. */
  lanes(): Iterable<{ group: string; order: Order }> {
    return this.gate?.lines() ?? []
  }

  /** False when each waiting job may need what a running job holds: a permit of the limiter, or a place in its group. */
  get independent(): boolean {
    const { gate, groups } = this
    if (gate?.lends === true) return false
    if (groups === undefined || groups.ready > 0) return true
    for (const { group } of this.lanes()) if (groups.hasPlace(group)) return true
    for (const job of this.#delayed) if (groups.hasPlace(groupOf(job))) return true
    return false
  }

  /** The limiter may have let a job pass. */
  available(): void {
    this.listener.available()
  }

  /** The limiter has failed on this job. */
  broken(job: LocalJob, error: unknown): void {
    this.listener.broken(job, error)
  }

  /** How many jobs wait: due jobs, delayed jobs, and jobs that wait for the end of another job. */
  get size(): number {
    return this.#waits + this.held.size
  }

  get delayed(): number {
    return this.#delayed.size + this.held.size
  }

  get #waits(): number {
    return this.order.size + (this.delays ? this.#delayed.size : 0) + (this.gate?.parked ?? 0)
  }

  /** Keeps a job, unless `maxSize` wait already. */
  push(job: LocalJob): boolean {
    if (this.#waits >= this.#maxSize) {
      this.crowded = true
      return false
    }
    this.keep(job)
    return true
  }

  /** Keeps a job, however many wait. */
  keep(job: LocalJob): void {
    if (job.extras?.due !== undefined && this.delay(job)) return
    job.state = 'waiting'
    this.order.push(job)
    if (this.#attended) this.listener.available()
  }

  /**
   * A job waits until `leader` has ended.
   *
   * @param overtake called when the leader waits again before it has ended: then its item is not the newest
   */
  hold(job: LocalJob, leader: LocalJob, overtake: () => void): void {
    job.state = 'delayed'
    this.held.add(job, leader, overtake)
  }

  /** A held job goes into line, also when the queue is full: there are never more held jobs than workers. */
  unhold(job: LocalJob): void {
    if (this.held.delete(job)) this.keep(job)
  }

  /** Releases the jobs that wait for `leader`, because it will not end before them; without a leader, all held jobs. */
  unholdAll(leader: LocalJob | undefined): void {
    for (const job of this.held.behind(leader)) this.unhold(job)
  }

  /**
   * Ends a job that waits, wherever it waits. The job is over before listeners are told: another job may begin in its place at once, and its
   * handler cannot change the ended job any more.
   */
  end(job: LocalJob, state: 'cancelled' | 'dropped', reason: unknown): void {
    const held = this.held.delete(job)
    const available = !held && this.#withdraw(job)
    job.end(state, reason)
    if (available) this.listener.available()
    if (this.crowded && !held) this.tellRoom()
  }

  /** Takes a waiting job out of its place. @returns true when the limiter may let another job pass now */
  #withdraw(job: LocalJob): boolean {
    if (job.state === 'delayed') {
      this.#delayed.remove(job)
      return false
    }
    this.order.remove(job)
    return this.gate?.withdraw(job) === true
  }

  /** Moves a job that waits. */
  reprioritise(job: LocalJob, priority: number): boolean {
    if (job.state === 'delayed') {
      job.priority = priority
      // With another rank it would meet a void entry of its own, and make it valid again.
      if (job.extras !== undefined) job.extras.place = undefined
    } else if (job.state !== 'waiting') return false
    else if (this.gate?.reprioritise(job, priority) !== true) {
      this.order.remove(job)
      job.priority = priority
      this.order.push(job)
    }
    return true
  }

  /** Changes the group, the key or the cost of a job that waits. The job keeps its place. A job for which room is being made has no place yet. */
  relabel(job: LocalJob, change: () => void): void {
    if (job.state !== 'waiting' || job.holder === undefined) return change()
    this.order.remove(job)
    this.gate?.withdraw(job)
    change()
    this.order.restore(job)
    this.listener.available()
  }

  /** Changes the due time of a job that is not due yet. */
  postpone(job: LocalJob, due: Millis): void {
    const held = this.held.has(job)
    if (!held) this.#delayed.remove(job)
    job.more().due = due
    job.more().byDate = false
    if (held) return
    if (!this.delay(job)) this.#enqueue(job)
  }

  /** The job that makes room for a new one: of the lowest priority, the job that has waited longest. */
  oldest(): LocalJob | undefined {
    let oldest = this.order.oldest()
    for (const { order } of this.lanes()) {
      const job = order.oldest()
      if (job !== undefined && (oldest === undefined || givesWay(job, oldest))) oldest = job
    }
    return oldest ?? this.#delayed.first()
  }

  /** Jobs that are due, the best first. */
  *waiting(): Iterable<LocalJob> {
    if (this.gate !== undefined) yield* this.gate.jobs()
    yield* this.order
  }

  /** Jobs that are not due, or wait for the end of another job. */
  *later(): Iterable<LocalJob> {
    yield* this.#delayed
    yield* this.held
  }

  /** Visits each job that waits, due or not, in no order; some of them twice. */
  visit(walk: JobWalk): void {
    for (const { order } of this.lanes()) order.visit(walk)
    this.order.visit(walk)
    this.#delayed.visit(walk)
    for (const job of this.held) walk.one(job)
  }

  /** Ends all timers, and tells no listener any more. A job that is pushed later would wait for ever. */
  close(): void {
    this.closed = true
    this.attend(false)
    this.listener = SILENT
    this.gate?.close()
  }

  /** Since when a due job has waited, by the clock. */
  waitingSince(job: LocalJob): Millis {
    const { due, byDate } = job.extras ?? {}
    const put = this.numbers.timeOf(job.turn)
    if (due === undefined) return put
    return Math.max(put, byDate === true ? this.#fromDate(due) : due)
  }

  #enqueue(job: LocalJob): void {
    job.state = 'waiting'
    this.order.push(job)
    this.listener.available()
  }

  /** A job that was claimed waits again, in its old place. */
  protected restore(job: LocalJob): void {
    job.state = 'waiting'
    this.order.restore(job)
    this.listener.available()
  }

  protected delay(job: LocalJob): boolean {
    const { due = 0, byDate = false } = job.extras ?? {}
    if (!this.#delayed.ahead(due, byDate)) return false
    this.#delayed.add(job)
    this.delays = true
    return true
  }

  /** Moves due jobs into line. @returns true when there were any */
  protected promote(): boolean {
    const before = this.#delayed.size
    this.#delayed.release((job) => {
      job.state = 'waiting'
      const place = job.extras?.place
      if (place === undefined) return this.order.push(job)
      // The order of delayed jobs has changed `place`.
      job.place = place
      this.order.restore(job)
    })
    this.delays = this.#delayed.size > 0
    return this.#delayed.size < before
  }

  protected tellRoom(): void {
    this.crowded = false
    this.listener.room()
  }

  #fromDate(due: Millis): Millis {
    return this.clock.now() + due - (this.clock.wall?.() ?? due)
  }
}

function givesWay(a: LocalJob, b: LocalJob): boolean {
  return a.priority === b.priority ? a.turn < b.turn : a.priority < b.priority
}

const SILENT: WaitingListener = { available: nothing, room: nothing, broken: nothing }
function nothing(): void {}
