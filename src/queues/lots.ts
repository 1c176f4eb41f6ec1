import { at, type Cancel, type Clock } from '../core/clock.ts'
import type { Millis } from '../core/duration.ts'
import { pause } from '../core/waiters.ts'
import type { Backend, MaybePromise, Outcome, Source } from './backend.ts'
import type { QueuedJob } from './job.ts'
import { Line } from './orders/line.ts'

export interface LotsHooks {
  /** Jobs have arrived. */
  arrived(): void
  /** The claim of a job has run out: somebody else may be working on it. Its signal is to be aborted. */
  lost(job: QueuedJob): void
  trouble(error: unknown): void
}

/** How long to leave a backend alone that could not be reached. */
const BREATH: Millis = 1000

/**
 * Makes a source of a backend that is elsewhere: claims ahead in lots, holds the leases of what waits here and of what
 * runs, and settles.
 */
export class Lots implements Source {
  readonly #backend: Backend
  readonly #clock: Clock
  readonly #hooks: LotsHooks
  readonly #size: number
  readonly #waiting = new Line()
  /** All that is claimed and not settled, with the number of the claim. */
  readonly #held = new Map<QueuedJob, number>()
  readonly #ended = new AbortController()
  readonly #forgetWake: () => void
  #claiming = false
  #again = false
  #cancelTimer: Cancel | undefined

  /** @param size how many to hold at most before they begin */
  constructor(backend: Backend, size: number, clock: Clock, hooks: LotsHooks) {
    this.#backend = backend
    this.#size = size
    this.#clock = clock
    this.#hooks = hooks
    this.#forgetWake = backend.onWake(() => this.#claim())
    this.#claim()
  }

  get ready(): number {
    return this.#waiting.size
  }

  get standing(): number {
    return this.#waiting.size
  }

  take(): QueuedJob | undefined {
    const job = this.#waiting.take()
    this.#claim()
    return job
  }

  async settle(
    job: QueuedJob,
    delivery: number,
    verdict: Outcome,
    delay: Millis,
  ): Promise<boolean> {
    this.#release(job, delivery)
    return this.#backend.settle(job, delivery, verdict, delay)
  }

  /** Claims no more, and returns what has not begun. */
  async close(): Promise<void> {
    this.#ended.abort()
    this.#forgetWake()
    const back: MaybePromise<boolean>[] = []
    for (let job = this.#waiting.take(); job !== undefined; job = this.#waiting.take()) {
      const delivery = job.deliveries
      this.#release(job, delivery)
      back.push(this.#backend.settle(job, delivery, 'return', 0))
    }
    for (const settled of back) await settled
  }

  #claim(): void {
    if (this.#ended.signal.aborted) return
    const wanted = this.#size - this.#waiting.size
    if (wanted <= 0) return
    if (this.#claiming) {
      this.#again = true
      return
    }
    this.#claiming = true
    void this.#claimLot(wanted)
      .catch(async (error: unknown) => {
        this.#hooks.trouble(error)
        this.#again = true
        await pause(this.#clock, BREATH, this.#ended.signal).catch(() => {})
      })
      .then(() => {
        this.#claiming = false
        if (!this.#again) return
        this.#again = false
        this.#claim()
      })
  }

  async #claimLot(wanted: number): Promise<void> {
    const jobs = await this.#backend.claim(wanted)
    for (const job of jobs) {
      // It ran out here, and came back here.
      if (this.#held.has(job)) this.#hooks.lost(job)
      this.#held.set(job, job.deliveries)
      if (this.#ended.signal.aborted) void this.settle(job, job.deliveries, 'return', 0)
      else this.#waiting.push(job)
    }
    this.#watch()
    if (jobs.length === wanted) this.#again = true
    if (jobs.length > 0) this.#hooks.arrived()
  }

  #release(job: QueuedJob, delivery: number): void {
    if (this.#held.get(job) === delivery) this.#held.delete(job)
    if (this.#held.size > 0) return
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
  }

  /** Extends every lease when half of it is over. */
  #watch(): void {
    const { lease } = this.#backend
    if (lease === Infinity || this.#held.size === 0 || this.#cancelTimer !== undefined) return
    this.#cancelTimer = at(this.#clock, this.#clock.now() + lease / 2, () => {
      this.#cancelTimer = undefined
      for (const [job, delivery] of this.#held) void this.#extend(job, delivery)
      this.#watch()
    })
  }

  async #extend(job: QueuedJob, delivery: number): Promise<void> {
    try {
      if (await this.#backend.extend(job, delivery)) return
    } catch (error) {
      // It may still succeed before the lease is over.
      this.#hooks.trouble(error)
      return
    }
    if (this.#held.get(job) !== delivery) return
    this.#release(job, delivery)
    if (job.state === 'waiting') this.#waiting.remove(job)
    this.#hooks.lost(job)
  }
}
