import { having, known, type OptionTable } from '../core/check.ts'
import { at, type Cancel, type Clock, isDue, systemClock } from '../core/clock.ts'
import { type Duration, type Millis, toMillis } from '../core/duration.ts'
import type { BackendCounts, LocalBackend, Outcome } from './backend.ts'
import type { QueuedJob } from './job.ts'
import { Later } from './later.ts'
import { Line } from './orders/line.ts'
import type { Order } from './orders/order.ts'

/** What the queue tells its {@link MemoryBackend}. */
export interface MemoryBackendOptions {
  /** How due jobs are ranked. @default first come, first served */
  order?: Order
  clock?: Clock
  /** How long a claim holds. @default for ever: who claims here dies with the jobs */
  lease?: Duration
}

export const MEMORY_BACKEND_OPTIONS: OptionTable<MemoryBackendOptions> = {
  order: true,
  clock: true,
  lease: true,
}

/** Jobs in this process: an order for those that are due, and those that are not. */
export class MemoryBackend implements LocalBackend {
  readonly lease: Millis
  readonly #order: Order
  readonly #clock: Clock
  readonly #later: Later
  #active = 0
  // Claims that can run out, oldest first: all last equally long, and an extended one goes to the end.
  readonly #leases = new Map<QueuedJob, Millis>()
  #cancelTimer: Cancel | undefined
  #wake: readonly (() => void)[] = []
  #room: readonly (() => void)[] = []
  #crowded = false
  /** May there be jobs that are not due? */
  #delayed = false

  constructor(options: MemoryBackendOptions = {}) {
    known('MemoryBackend', options, MEMORY_BACKEND_OPTIONS)
    const { order = new Line() } = options
    this.#order = order
    this.#clock = having('clock', options.clock, 'now') ?? systemClock
    this.lease = options.lease === undefined ? Infinity : toMillis('lease', options.lease)
    this.#later = new Later(this.#clock, () => {
      this.#promote()
      this.#tellAwake()
    })
  }

  get ready(): number {
    return this.#order.size
  }

  get standing(): number {
    return this.#order.size
  }

  push(job: QueuedJob, maxSize: number): boolean {
    if (this.#order.size + (this.#delayed ? this.#later.size : 0) >= maxSize) {
      this.#crowded = true
      return false
    }
    if (job.extras?.due !== undefined && this.#delays(job)) return true
    job.state = 'waiting'
    this.#order.push(job)
    for (let i = 0; i < this.#wake.length; i++) (this.#wake[i] as () => void)()
    return true
  }

  take(): QueuedJob | undefined {
    if (this.#delayed) this.#promote()
    const job = this.#order.take()
    if (job === undefined) return undefined
    this.begin(job)
    if (this.#crowded) this.#tellRoom()
    return job
  }

  begin(job: QueuedJob): void {
    job.state = 'running'
    job.deliveries += 1
    this.#active += 1
    if (this.lease < Infinity) this.#grant(job)
  }

  claim(max: number): readonly QueuedJob[] {
    const lot: QueuedJob[] = []
    while (lot.length < max) {
      const job = this.take()
      if (job === undefined) break
      lot.push(job)
    }
    return lot
  }

  settle(job: QueuedJob, delivery: number, verdict: Outcome, delay: Millis): boolean {
    if (!this.#holds(job, delivery)) return false
    this.#active -= 1
    if (this.lease < Infinity) this.#leases.delete(job)
    if (verdict === 'retry') {
      const extras = job.more()
      extras.byDate = false
      extras.due = this.#clock.now() + delay
      if (!this.#delays(job)) this.#requeue(job)
    } else if (verdict === 'return') {
      const extras = job.more()
      extras.returned = (extras.returned ?? 0) + 1
      job.state = 'waiting'
      this.#order.putBack(job)
      this.#tellAwake()
    }
    return true
  }

  extend(job: QueuedJob, delivery: number): boolean {
    if (!this.#holds(job, delivery)) return false
    if (this.lease < Infinity) this.#grant(job)
    return true
  }

  cancel(job: QueuedJob): boolean {
    if (job.state === 'waiting') this.#order.remove(job)
    else if (job.state === 'delayed') this.#later.remove(job)
    else return false
    if (this.#crowded) this.#tellRoom()
    return true
  }

  reprioritise(job: QueuedJob, priority: number): boolean {
    if (job.state === 'waiting') {
      this.#order.remove(job)
      job.priority = priority
      this.#order.push(job)
    } else if (job.state === 'delayed') job.priority = priority
    else return false
    return true
  }

  counts(): BackendCounts {
    return { waiting: this.#order.size, delayed: this.#later.size, active: this.#active }
  }

  onWake(run: () => void): () => void {
    this.#wake = [...this.#wake, run]
    this.#later.attend(true)
    this.#watchLeases()
    return () => {
      this.#wake = this.#wake.filter((other) => other !== run)
      if (this.#wake.length > 0) return
      this.#later.attend(false)
      this.#cancelTimer?.()
      this.#cancelTimer = undefined
    }
  }

  onRoom(run: () => void): () => void {
    this.#room = [...this.#room, run]
    return () => {
      this.#room = this.#room.filter((other) => other !== run)
    }
  }

  *jobs(): Iterable<QueuedJob> {
    yield* this.#order
    yield* this.#later
  }

  oldest(): QueuedJob | undefined {
    return this.#order.oldest() ?? this.#later[Symbol.iterator]().next().value
  }

  close(): void {
    this.#wake = []
    this.#room = []
    this.#later.attend(false)
    this.#cancelTimer?.()
  }

  #delays(job: QueuedJob): boolean {
    const { due = 0, byDate = false } = job.extras ?? {}
    if (!this.#later.ahead(due, byDate)) return false
    this.#later.add(job)
    this.#delayed = true
    return true
  }

  #requeue(job: QueuedJob): void {
    job.state = 'waiting'
    this.#order.push(job)
    this.#tellAwake()
  }

  #promote(): void {
    this.#later.release((job) => {
      job.state = 'waiting'
      this.#order.push(job)
    })
    this.#delayed = this.#later.size > 0
  }

  #holds(job: QueuedJob, delivery: number): boolean {
    if (job.state !== 'running' || job.deliveries !== delivery) return false
    if (this.lease === Infinity) return true
    this.#reclaim()
    return this.#leases.has(job) && job.deliveries === delivery
  }

  #grant(job: QueuedJob): void {
    this.#leases.delete(job)
    this.#leases.set(job, this.#clock.now() + this.lease)
    this.#watchLeases()
  }

  /** Makes jobs claimable again whose claims have run out. */
  #reclaim(): void {
    const now = this.#clock.now()
    for (const [job, until] of this.#leases) {
      if (!isDue(until, now)) break
      this.#leases.delete(job)
      this.#active -= 1
      this.#requeue(job)
    }
  }

  #watchLeases(): void {
    if (this.#cancelTimer !== undefined || this.#wake.length === 0) return
    const [first] = this.#leases.values()
    if (first === undefined) return
    this.#cancelTimer = at(this.#clock, first, () => {
      this.#cancelTimer = undefined
      this.#reclaim()
      this.#watchLeases()
    })
  }

  #tellAwake(): void {
    for (const run of this.#wake) run()
  }

  #tellRoom(): void {
    this.#crowded = false
    for (const run of this.#room) run()
  }
}
