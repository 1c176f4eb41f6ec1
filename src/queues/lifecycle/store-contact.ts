import type { Millis } from '../../core/duration.ts'
import { isAioFluxError } from '../../core/errors.ts'
import type { Waiters } from '../../core/waiters.ts'
import type { ClaimBuffer } from '../consume/claim-buffer.ts'
import type { HandClaims } from '../consume/hand-claims.ts'
import type { FollowedJobs } from '../enqueue/followed-jobs.ts'
import type { RemotePuts } from '../enqueue/remote-puts.ts'
import type { QueueStats } from '../queue.ts'
import type { Outcome, StoreListener } from '../store/job-store.ts'
import type { SharedJobStore } from '../store/queue-storage.ts'

/** The parts of a queue that a store elsewhere has something to tell. */
export interface StoreContactParts {
  readonly store: SharedJobStore
  readonly claims: Pick<HandClaims<unknown, unknown>, 'heard'>
  readonly buffer: ClaimBuffer
  readonly puts: Pick<RemotePuts<unknown, unknown>, 'heard'>
  readonly followed: FollowedJobs
  /** Wakes when an attempt may have ended. */
  readonly ends: Waiters<void>
}

/** What a queue hears of its store: hints for its parts, whether all processes pause, and whether the store can be reached. */
export class StoreContact implements StoreListener {
  readonly #parts: StoreContactParts
  readonly #forget: () => void
  /** True while the workers of all processes pause, as the store has told last. */
  pausedEverywhere = false
  #trouble: unknown

  constructor(parts: StoreContactParts) {
    this.#parts = parts
    this.#forget = parts.store.watch(this)
  }

  /** Resolves when the store has answered, or cannot be reached: its jobs are worked on as soon as it can. */
  async open(): Promise<void> {
    try {
      await this.#parts.store.ready()
    } catch (error) {
      if (!isAioFluxError(error, 'STORAGE_DOWN')) throw error
      this.#trouble = error
    }
  }

  async close(): Promise<void> {
    this.#forget()
    await this.#parts.store.close()
  }

  get stats(): Pick<QueueStats, 'lastReached' | 'trouble'> {
    const { lastReached } = this.#parts.store
    const trouble = this.#trouble
    return {
      ...(lastReached !== undefined && { lastReached: new Date(lastReached) }),
      ...(trouble !== undefined && { trouble: String((trouble as Error).message) }),
    }
  }

  // Told by the store.

  available(): void {
    this.#parts.claims.heard()
    this.#parts.buffer.look()
  }

  room(): void {
    this.#parts.puts.heard()
  }

  settled(id: string, outcome: Outcome, at?: Millis): void {
    this.#parts.followed.settled(id, outcome, at)
    this.#parts.ends.grantAll(undefined)
  }

  cancelled(id: string, delivery: number, reason: unknown): void {
    this.#parts.buffer.cancelled(id, delivery, reason)
  }

  lost(id: string, delivery: number): void {
    this.#parts.buffer.lost(id, delivery)
  }

  missed(): void {
    this.#parts.buffer.renew()
  }

  paused(paused: boolean): void {
    this.pausedEverywhere = paused
  }

  trouble(error: unknown): void {
    this.#trouble = error
    if (error === undefined) this.#parts.buffer.look()
  }
}
