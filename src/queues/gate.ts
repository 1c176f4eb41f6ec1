import type { Millis } from '../core/duration.ts'
import { answersAtOnce, type Limiter } from '../limiters/limiter.ts'
import type { MaybePromise, Outcome, Source } from './backend.ts'
import type { QueuedJob } from './job.ts'
import { Line } from './orders/line.ts'
import { priorityOrder } from './orders/priority.ts'
import type { Parking } from './parking.ts'

export interface GateHooks {
  /** Do priorities mean anything here? */
  readonly ranked: boolean
  /** A job may go through now. */
  opened(): void
  /** One less is parked. */
  left(): void
  /** The limiter could not say when this job may go. It has left the gate. */
  broken(job: QueuedJob, error: unknown): void
}

// biome-ignore lint/suspicious/noExplicitAny: items are whatever the queue holds.
type OfItem<V> = ((item: any) => V) | undefined

/**
 * A limiter between a source and its workers.
 *
 * Where all jobs share one key the gate simply closes until the limiter lets the next one go, and jobs stay in their
 * order. Where they have keys or costs of their own, a job that has to wait is parked in the line of its key, and the
 * others pass. Only the head of a line asks, and only one job per key is let through ahead of a free worker, so the rate
 * holds for starts. Key and cost are read from the item once, when the job comes: what a handler does to items later moves
 * nobody.
 */
export class Gate implements Source {
  readonly #source: Source
  readonly #limiter: Limiter
  readonly #hooks: GateHooks
  readonly #keyOf: OfItem<string>
  readonly #costOf: OfItem<number>
  readonly #keyed: boolean
  readonly #parkings = new Map<string, Parking>()
  /** Let through, and waiting for a worker. */
  readonly #admitted = new Line()
  #closed: AbortController | undefined
  /** What ends the hold on the limiter that the next job will have. */
  #permit: (() => void) | undefined
  /** Claimed and not begun, in the order of their claims. */
  readonly #parked = new Set<QueuedJob>()

  constructor(
    source: Source,
    limiter: Limiter,
    keyOf: OfItem<string>,
    costOf: OfItem<number>,
    hooks: GateHooks,
  ) {
    this.#source = source
    this.#limiter = limiter
    this.#keyOf = keyOf
    this.#costOf = costOf
    this.#keyed = (keyOf ?? costOf) !== undefined
    this.#hooks = hooks
  }

  /** Jobs that were claimed and have not begun. */
  get parked(): number {
    return this.#parked.size
  }

  get ready(): number {
    return this.#closed === undefined ? this.standing : 0
  }

  get standing(): number {
    return this.#admitted.size + this.#source.ready
  }

  take(company = false): QueuedJob | undefined {
    if (!this.#keyed) return this.#takeNext(company)
    const admitted = this.#admitted.take()
    if (admitted !== undefined) {
      this.#unpark(admitted)
      return admitted
    }
    for (let job = this.#source.take(); job !== undefined; job = this.#source.take()) {
      if (this.#passes(job)) return job
    }
    return undefined
  }

  settle(job: QueuedJob, delivery: number, verdict: Outcome, delay: Millis): MaybePromise<boolean> {
    const permit = job.extras?.permit
    if (permit !== undefined) job.more().permit = undefined
    const kept = this.#source.settle(job, delivery, verdict, delay)
    permit?.()
    return kept
  }

  jobs(): Iterable<QueuedJob> {
    return this.#parked
  }

  /** Who of those that wait here makes room for newcomers. Those of least priority were claimed last, but may have left. */
  oldest(): QueuedJob | undefined {
    let [oldest] = this.#parked
    if (!this.#hooks.ranked || oldest === undefined) return oldest
    for (const job of this.#parked) if (job.priority < oldest.priority) oldest = job
    return oldest
  }

  /** Moves a job among those that wait with it. */
  reprioritise(job: QueuedJob, priority: number): void {
    const { parked, permit } = job.more()
    const line = permit === undefined ? parked?.line : undefined
    line?.remove(job)
    job.priority = priority
    line?.push(job)
  }

  /** A job that waits here goes away. */
  withdraw(job: QueuedJob): void {
    const { parked, permit } = job.more()
    if (permit !== undefined) this.#admitted.remove(job)
    else if (parked !== undefined) this.#leave(job, parked)
    job.state = 'running'
    void this.settle(job, job.deliveries, 'failed', 0)
    this.#unpark(job)
  }

  close(): void {
    this.#closed?.abort()
    for (const { ask } of this.#parkings.values()) ask?.abort()
    this.#permit?.()
    this.#permit = undefined
  }

  #takeNext(company: boolean): QueuedJob | undefined {
    if (this.#closed !== undefined) return undefined
    const job = this.#source.take()
    const permit = this.#permit
    this.#permit = undefined
    if (job === undefined) {
      permit?.()
      return undefined
    }
    if (permit !== undefined) {
      job.more().permit = permit
      return job
    }
    if (this.#allows(job, '', 1)) return job
    const closed = new AbortController()
    // What is not due by itself need not go as soon as it may: nobody would be there for it.
    if (!company) this.#closed = closed
    // Back to where it was: something better may have come when the limiter opens.
    void this.#source.settle(job, job.deliveries, 'return', 0)
    if (company) return undefined
    this.#schedule('', 1, closed, (done) => {
      this.#closed = undefined
      this.#permit = done
      this.#hooks.opened()
      // Nobody was there to use it.
      this.#permit?.()
      this.#permit = undefined
    }).catch((error: unknown) => {
      if (closed.signal.aborted) return
      this.#closed = undefined
      const head = this.#source.take()
      if (head !== undefined) this.#break(head, error)
      this.#hooks.opened()
    })
    return undefined
  }

  #passes(job: QueuedJob): boolean {
    try {
      const key = this.#keyOf?.(job.item) ?? ''
      const cost = this.#costOf?.(job.item) ?? 1
      const parking = this.#parkings.get(key)
      if (parking !== undefined) this.#park(job, cost, parking)
      else if (this.#allows(job, key, cost)) return true
      else {
        const made = { key, line: priorityOrder(), ask: undefined, asker: undefined }
        this.#parkings.set(key, made)
        this.#park(job, cost, made)
        this.#ask(made)
      }
    } catch (error) {
      this.#break(job, error)
    }
    return false
  }

  /** Where the limiter can answer at once. */
  #allows(job: QueuedJob, key: string, cost: number): boolean {
    const limiter = this.#limiter
    if (!answersAtOnce(limiter) || !limiter.allow(key, cost)) return false
    job.more().permit = () => limiter.leave?.(key, cost)
    return true
  }

  #park(job: QueuedJob, cost: number, parking: Parking): void {
    job.state = 'waiting'
    const extras = job.more()
    extras.parked = parking
    if (this.#costOf !== undefined) extras.cost = cost
    parking.line.push(job)
    this.#parked.add(job)
  }

  /** The head of a line asks the limiter, unless somebody does already. */
  #ask(parking: Parking): void {
    const head = parking.line.peek()
    if (head === undefined || parking.ask !== undefined) return
    const ask = new AbortController()
    parking.ask = ask
    parking.asker = head
    this.#schedule(parking.key, costOf(head), ask, (done) => {
      const job = this.#served(parking)
      job.more().permit = done
      this.#admitted.push(job)
      this.#hooks.opened()
    }).catch((error: unknown) => {
      if (ask.signal.aborted) return
      const job = parking.asker as QueuedJob
      this.#leave(job, parking)
      this.#unpark(job)
      this.#break(job, error)
    })
  }

  /** Who goes when the limiter says so: the first, unless somebody with another cost was there when it was asked. */
  #served(parking: Parking): QueuedJob {
    const asker = parking.asker as QueuedJob
    const head = parking.line.peek() as QueuedJob
    const job = costOf(head) === costOf(asker) ? head : asker
    parking.ask = undefined
    this.#step(job, parking)
    return job
  }

  /** A job leaves its line. If it was asking, the next one takes over, or asks anew where it needs something else. */
  #leave(job: QueuedJob, parking: Parking): void {
    const { line, asker, ask } = parking
    this.#step(job, parking)
    if (ask === undefined || asker !== job) return
    const head = line.peek()
    if (head !== undefined && costOf(head) === costOf(job)) {
      parking.asker = head
      return
    }
    parking.ask = undefined
    ask.abort()
  }

  #step(job: QueuedJob, { key, line }: Parking): void {
    line.remove(job)
    if (line.size === 0) this.#parkings.delete(key)
  }

  /** A job waits here no more, and the next one of its key may ask. */
  #unpark(job: QueuedJob): void {
    const { parked } = job.more()
    job.more().parked = undefined
    this.#parked.delete(job)
    const parking = parked && this.#parkings.get(parked.key)
    if (parking !== undefined) this.#ask(parking)
    this.#hooks.left()
  }

  /** Calls `granted` when the limiter lets a job go, with what tells the limiter that the job has ended. */
  async #schedule(
    key: string,
    cost: number,
    controller: AbortController,
    granted: (done: () => void) => void,
  ): Promise<void> {
    const { signal } = controller
    await this.#limiter.schedule(
      key,
      () =>
        new Promise<void>((done) => {
          if (signal.aborted) done()
          else granted(done)
        }),
      { cost, signal },
    )
  }

  #break(job: QueuedJob, error: unknown): void {
    job.state = 'running'
    void this.settle(job, job.deliveries, 'failed', 0)
    this.#hooks.broken(job, error)
  }
}

const costOf = (job: QueuedJob): number => job.extras?.cost ?? 1
