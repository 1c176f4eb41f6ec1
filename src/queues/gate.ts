import type { Millis } from '../core/duration.ts'
import type { Limiter } from '../limiters/limiter.ts'
import { SyncLimiter } from '../limiters/sync-limiter.ts'
import type { MaybePromise, Outcome, Source } from './backend.ts'
import type { QueuedJob } from './job.ts'
import { Line } from './orders/line.ts'
import type { Order } from './orders/order.ts'
import { priorityOrder } from './orders/priority.ts'

export interface GateHooks {
  /** A job may go through now. */
  opened(): void
  /** The limiter could not say when this job may go. It has left the gate. */
  broken(job: QueuedJob, error: unknown): void
}

interface Parking {
  readonly line: Order
  ask: AbortController | undefined
}

// biome-ignore lint/suspicious/noExplicitAny: items are whatever the queue holds.
type OfItem<V> = ((item: any) => V) | undefined

/**
 * A limiter between a source and its workers.
 *
 * Where all jobs share one key the gate simply closes until the limiter lets the next one go, and jobs stay in their
 * order. Where they have keys or costs of their own, a job that has to wait is parked in the line of its key, and the
 * others pass. Only the head of a line asks, and only one job per key is let through ahead of a free worker, so the rate
 * holds for starts.
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
  #parked = 0

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
    return this.#parked + this.#admitted.size
  }

  get ready(): number {
    if (this.#closed !== undefined) return 0
    return this.#admitted.size + this.#source.ready
  }

  take(): QueuedJob | undefined {
    if (!this.#keyed) return this.#takeNext()
    const admitted = this.#admitted.take()
    if (admitted !== undefined) {
      admitted.more().parked = undefined
      const key = this.#keyOf?.(admitted.item) ?? ''
      const parking = this.#parkings.get(key)
      if (parking !== undefined) this.#ask(key, parking)
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

  *jobs(): Iterable<QueuedJob> {
    yield* this.#admitted
    for (const { line } of this.#parkings.values()) yield* line
  }

  /** A job that waits here goes away. */
  withdraw(job: QueuedJob): void {
    const { parked } = job.more()
    job.more().parked = undefined
    parked?.remove(job)
    job.state = 'running'
    void this.settle(job, job.deliveries, 'failed', 0)
    if (parked === this.#admitted) return
    this.#parked -= 1
    const key = this.#keyOf?.(job.item) ?? ''
    const parking = this.#parkings.get(key)
    if (parking === undefined || parking.line.size > 0) return
    parking.ask?.abort()
    this.#parkings.delete(key)
  }

  close(): void {
    this.#closed?.abort()
    for (const { ask } of this.#parkings.values()) ask?.abort()
    this.#permit?.()
    this.#permit = undefined
  }

  #takeNext(): QueuedJob | undefined {
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
    // Back to where it was: something better may have come when the limiter opens.
    const closed = new AbortController()
    this.#closed = closed
    void this.#source.settle(job, job.deliveries, 'return', 0)
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
    let key: string
    let cost: number
    try {
      key = this.#keyOf?.(job.item) ?? ''
      cost = this.#costOf?.(job.item) ?? 1
      const parking = this.#parkings.get(key)
      if (parking !== undefined) this.#park(job, parking)
      else if (this.#allows(job, key, cost)) return true
      else {
        const made: Parking = { line: priorityOrder(), ask: undefined }
        this.#parkings.set(key, made)
        this.#park(job, made)
        this.#ask(key, made)
      }
    } catch (error) {
      this.#break(job, error)
    }
    return false
  }

  /** Where the limiter can answer at once. */
  #allows(job: QueuedJob, key: string, cost: number): boolean {
    const limiter = this.#limiter
    if (!(limiter instanceof SyncLimiter) || !limiter.allow(key, cost)) return false
    job.more().permit = () => limiter.leave(key, cost)
    return true
  }

  #park(job: QueuedJob, parking: Parking): void {
    job.state = 'waiting'
    job.more().parked = parking.line
    parking.line.push(job)
    this.#parked += 1
  }

  /** The head of a line asks the limiter, unless it does already. */
  #ask(key: string, parking: Parking): void {
    const head = parking.line.peek()
    if (head === undefined || parking.ask !== undefined) return
    const ask = new AbortController()
    parking.ask = ask
    const next = () => {
      parking.ask = undefined
      const job = parking.line.take() as QueuedJob
      this.#parked -= 1
      job.more().parked = undefined
      if (parking.line.size === 0) this.#parkings.delete(key)
      return job
    }
    this.#schedule(key, this.#costOf?.(head.item) ?? 1, ask, (done) => {
      const job = next()
      job.more().permit = done
      job.more().parked = this.#admitted
      this.#admitted.push(job)
      this.#hooks.opened()
    }).catch((error: unknown) => {
      if (ask.signal.aborted) return
      this.#break(next(), error)
      if (parking.line.size > 0) this.#ask(key, parking)
    })
  }

  /** Calls `granted` when the limiter lets a job go, with what tells the limiter that the job has ended. */
  #schedule(
    key: string,
    cost: number,
    controller: AbortController,
    granted: (done: () => void) => void,
  ): Promise<void> {
    const { signal } = controller
    return this.#limiter.schedule(
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
