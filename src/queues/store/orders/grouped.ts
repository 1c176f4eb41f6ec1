import { Heap } from '../../../core/heap.ts'
import type { LocalJob } from '../local-job.ts'
import type { JobWalk } from './job-walk.ts'
import type { Order } from './order.ts'

/** The bounds of groups. */
export interface Grouping {
  /** The most jobs of one group that run at once. */
  readonly concurrency: number
}

/** The jobs of one group. */
class Group {
  readonly name: string
  readonly order: Order
  /** The virtual time between two turns, by the weight of the job that was put last. */
  stride: number
  running = 0
  /** How many of its jobs may start now. */
  ready = 0
  /** The virtual time of its next turn, and the number of its valid entry in the heap; 0 when it has none. */
  pass = 0
  entry = 0

  constructor(name: string, order: Order, stride: number) {
    this.name = name
    this.order = order
    this.stride = stride
  }
}

interface Turn {
  readonly group: Group
  readonly pass: number
  readonly entry: number
}

/**
 * Groups take turns, however long the backlog of one of them is; within a group its own order holds.
 *
 * Stride scheduling (Waldspurger and Weihl, 1995): after its turn, a group has its next turn one stride later, and a heavier group has
 * shorter strides. A group that comes back enters one stride after the last turn of any group. So a group gains nothing by leaving and
 * coming back, and groups without jobs need no memory. A group at its bound has no turn until one of its jobs ends.
 */
export class GroupedOrder implements Order {
  size = 0
  /** How many of these jobs may start now, by the bounds of their groups. */
  ready = 0
  readonly #grouping: Grouping
  readonly #makeOrder: () => Order
  readonly #groups = new Map<string, Group>()
  readonly #ring = new Heap<Turn>((a, b) => a.pass - b.pass || a.entry - b.entry)
  /** The virtual time of the last turn. */
  #now = 0
  #entries = 0

  constructor(grouping: Grouping, makeOrder: () => Order) {
    this.#grouping = grouping
    this.#makeOrder = makeOrder
  }

  push(job: LocalJob): void {
    const group = this.#groupOf(job)
    group.stride = strideOf(job)
    group.order.push(job)
    this.size += 1
    this.#count(group)
    this.#enter(group)
  }

  restore(job: LocalJob): void {
    const group = this.#groupOf(job)
    group.order.restore(job)
    this.size += 1
    this.#count(group)
    this.#enter(group)
  }

  peek(): LocalJob | undefined {
    return this.#first()?.order.peek()
  }

  take(): LocalJob | undefined {
    const group = this.#first()
    const job = group?.order.take()
    if (group === undefined || job === undefined) return undefined
    this.#ring.pop()
    this.size -= 1
    group.running += 1
    this.#count(group)
    this.#now = group.pass
    group.entry = 0
    this.#enter(group, this.#now + group.stride)
    return job
  }

  remove(job: LocalJob): void {
    const group = this.#groups.get(groupOf(job))
    if (group === undefined || job.holder !== group.order) return
    group.order.remove(job)
    this.size -= 1
    this.#count(group)
    this.#tidy(group)
  }

  /** True where one more job of this group may run. */
  hasPlace(name: string): boolean {
    return (this.#groups.get(name)?.running ?? 0) < this.#grouping.concurrency
  }

  /** A job that was taken from this group has ended. The job may have another group now. */
  end(name: string): void {
    const group = this.#groups.get(name)
    if (group === undefined) return
    group.running -= 1
    this.#count(group)
    if (group.order.size > 0) this.#enter(group)
    else this.#tidy(group)
  }

  oldest(): LocalJob | undefined {
    let oldest: LocalJob | undefined
    for (const { order } of this.#groups.values()) {
      const job = order.oldest()
      if (job !== undefined && (oldest === undefined || older(job, oldest))) oldest = job
    }
    return oldest
  }

  first(): LocalJob | undefined {
    let first: LocalJob | undefined
    for (const { order } of this.#groups.values()) {
      const job = order.first()
      if (job !== undefined && (first === undefined || job.turn < first.turn)) first = job
    }
    return first
  }

  /** Each group with waiting or running jobs, and the waiting job that came `first`. */
  *groups(): Iterable<{ group: string; waiting: number; running: number; first?: LocalJob }> {
    for (const { name, order, running } of this.#groups.values()) {
      const first = order.first()
      yield { group: name, waiting: order.size, running, ...(first !== undefined && { first }) }
    }
  }

  visit(walk: JobWalk): void {
    for (const { order } of this.#groups.values()) order.visit(walk)
  }

  *[Symbol.iterator](): Iterator<LocalJob> {
    for (const { order } of this.#groups.values()) yield* order
  }

  #groupOf(job: LocalJob): Group {
    const name = groupOf(job)
    let group = this.#groups.get(name)
    if (group === undefined) {
      group = new Group(name, this.#makeOrder(), strideOf(job))
      this.#groups.set(name, group)
    }
    return group
  }

  /** The group whose turn it is. */
  #first(): Group | undefined {
    for (let turn = this.#ring.peek(); turn !== undefined; turn = this.#ring.peek()) {
      const { group, entry } = turn
      if (group.entry === entry && group.order.size > 0) return group
      this.#ring.pop()
      if (group.entry === entry) group.entry = 0
    }
    return undefined
  }

  /** Gives a group its next turn, unless it has one, has no jobs, or is at its bound. */
  #enter(group: Group, pass = this.#now + group.stride): void {
    if (group.entry !== 0 || group.order.size === 0) return
    if (group.running >= this.#grouping.concurrency) return
    this.#entries += 1
    group.entry = this.#entries
    group.pass = pass
    this.#ring.push({ group, pass, entry: this.#entries })
  }

  #count(group: Group): void {
    const places = Math.max(0, this.#grouping.concurrency - group.running)
    const ready = Math.min(group.order.size, places)
    this.ready += ready - group.ready
    group.ready = ready
  }

  #tidy(group: Group): void {
    if (group.order.size === 0 && group.running === 0) this.#groups.delete(group.name)
  }
}

function older(a: LocalJob, b: LocalJob): boolean {
  return a.priority === b.priority ? a.turn < b.turn : a.priority < b.priority
}

function strideOf({ extras }: LocalJob): number {
  return 1 / (extras?.weight ?? 1)
}

/** The present group of a job. */
export function groupOf({ extras }: LocalJob): string {
  return extras?.group ?? ''
}
