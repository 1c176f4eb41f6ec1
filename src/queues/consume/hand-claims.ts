import * as check from '../../core/check.ts'
import type { Clock } from '../../core/clock.ts'
import { type Millis, toMillis } from '../../core/duration.ts'
import { ClosedError, isAioFluxError, WaitTimeoutError } from '../../core/errors.ts'
import { type Patience, Waiters } from '../../core/waiters.ts'
import type { JobClaim } from '../job.ts'
import { answered, POLL, unlessTimeout } from '../lifecycle/answered.ts'
import type { Claim, JobStore } from '../store/job-store.ts'
import type { Attempt } from './attempt.ts'
import type { Attempts } from './attempts.ts'
import type { ClaimBuffer } from './claim-buffer.ts'
import { HandClaim } from './hand-claim.ts'

export interface HandClaimsParts {
  readonly queue: string
  readonly clock: Clock
  readonly lease: Millis
  readonly store: JobStore
  readonly buffer: ClaimBuffer
  readonly attempts: Attempts
}

/** What the claims by hand of a queue tell it. */
export interface HandClaimsListener {
  /** A claim has ended. */
  claimEnded(): void
  trouble(error: unknown): void
}

/** The claims that users make and end themselves, instead of workers. */
export class HandClaims<T, R> {
  readonly #parts: HandClaimsParts
  readonly #listener: HandClaimsListener
  /** Claimed, and not ended. */
  readonly #claims = new Set<Attempt>()
  /** Calls that wait for jobs: woken by hints. */
  readonly #available: Waiters<void>
  /** How many hints came. One may come before the older answer that there is nothing: then that is asked again, and not waited for. */
  #heard = 0
  #closed = false

  constructor(parts: HandClaimsParts, listener: HandClaimsListener) {
    this.#parts = parts
    this.#listener = listener
    this.#available = new Waiters(parts.clock, `a job of queue '${parts.queue}'`)
  }

  /** A hint: there may be jobs. */
  heard(): void {
    this.#heard += 1
    this.#available.grantAll(undefined)
  }

  /** Claims up to `max` jobs, and waits for the first. None where none came in time. */
  async claim(max: number, patience: Patience): Promise<JobClaim<T, R>[]> {
    try {
      const attempts = await this.#claim(max, patience)
      return attempts.map(
        (attempt) =>
          new HandClaim<T, R>(attempt, this.#parts.attempts, () => {
            this.#claims.delete(attempt)
            this.#listener.claimEnded()
          }),
      )
    } catch (error) {
      if (isAioFluxError(error, 'WAIT_TIMEOUT')) return []
      throw error
    }
  }

  /** Takes the item of one job, which completes it. */
  async take(patience: Patience | undefined): Promise<T> {
    const [attempt] = (await this.#claim(1, patience)) as [Attempt]
    this.#claims.delete(attempt)
    const { item } = attempt.job
    await this.#parts.attempts.complete(attempt, undefined)
    return item as T
  }

  /** Nothing is claimed any more, and what is claimed goes back. */
  close(): void {
    this.#closed = true
    this.#giveBackAll()
    this.#available.refuseAll(this.#closedError())
  }

  async #claim(max: number, patience: Patience = {}): Promise<Attempt[]> {
    const { queue, clock, store, lease, buffer } = this.#parts
    check.options('options', patience)
    const { signal, timeout } = patience
    check.abortable(signal)?.throwIfAborted()
    const end = timeout === undefined ? Infinity : clock.now() + toMillis('timeout', timeout)
    for (;;) {
      if (this.#closed) throw this.#closedError()
      const heard = this.#heard
      const asked = clock.now()
      const answer = Promise.resolve(store.claim(max, lease))
      const what = `a job of queue '${queue}'`
      const claims = await answered(clock, answer, what, { end, signal }, (late) => {
        for (const attempt of this.#begun(late)) this.#giveBack(attempt)
      })
      if (claims.length > 0) {
        const attempts = this.#begun(claims)
        buffer.renewIfLate(asked)
        if (this.#closed) this.#giveBackAll()
        return attempts
      }
      const left = Math.min(POLL, end - clock.now())
      if (left <= 0) throw new WaitTimeoutError(`${what} did not come in time`, 0)
      if (heard !== this.#heard) continue
      await this.#available.wait({ signal, timeout: left / 1000 }).catch(unlessTimeout)
    }
  }

  /** Begins to work on what was claimed. */
  #begun(claims: readonly Claim[]): Attempt[] {
    const { buffer, attempts } = this.#parts
    const begun = buffer.together([...claims]).map((claim) => buffer.begin(claim))
    for (const attempt of begun) {
      attempts.begin(attempt)
      this.#claims.add(attempt)
    }
    return begun
  }

  #giveBackAll(): void {
    const reason = this.#closedError()
    for (const attempt of [...this.#claims]) {
      this.#giveBack(attempt)
      attempt.abort(reason)
    }
  }

  #giveBack(attempt: Attempt): void {
    this.#claims.delete(attempt)
    const kept = this.#parts.attempts.release(attempt, 0)
    if (typeof kept === 'boolean') return
    kept.catch((error: unknown) => this.#listener.trouble(error))
  }

  #closedError(): ClosedError {
    return new ClosedError(`queue '${this.#parts.queue}'`)
  }
}
