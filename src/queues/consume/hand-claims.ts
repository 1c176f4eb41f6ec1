import * as check from '../../core/check.ts'
import type { Clock } from '../../core/clock.ts'
import { type Millis, toMillis } from '../../core/duration.ts'
import { ClosedError, isAioFluxError, WaitTimeoutError } from '../../core/errors.ts'
import { macrotask } from '../../core/macrotask.ts'
import { Waiters, type WaitOptions } from '../../core/waiters.ts'
import type { JobClaim } from '../job.ts'
import { answered, POLL, unlessTimeout } from '../lifecycle/answered.ts'
import type { Claim, JobStore } from '../store/job-store.ts'
import type { Attempt } from './attempt.ts'
import type { Attempts } from './attempts.ts'
import type { ClaimBuffer } from './claim-buffer.ts'
import { HandClaim } from './hand-claim.ts'
import type { LimiterGate } from './limiter-gate.ts'

export interface HandClaimsParts {
  readonly queue: string
  readonly clock: Clock
  readonly lease: Millis
  readonly store: JobStore
  readonly buffer: ClaimBuffer
  readonly attempts: Attempts
  /** What is asked before a claim, where the store does not ask it itself. */
  readonly gate: LimiterGate | undefined
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
  /** Calls of the store that are not answered: their claims have to be given back before the queue ends. */
  #asking = 0
  #closed = false

  constructor(parts: HandClaimsParts, listener: HandClaimsListener) {
    this.#parts = parts
    this.#listener = listener
    this.#available = new Waiters(parts.clock, `a job of queue '${parts.queue}'`)
  }

  /** True while claims may come that have to be begun, or given back. */
  get asking(): boolean {
    return this.#asking > 0
  }

  /** A hint: there may be jobs. */
  heard(): void {
    this.#heard += 1
    this.#available.grantAll(undefined)
  }

  /** Claims up to `max` jobs, and waits for the first. None where none came in time. */
  async claim(max: number, patience: WaitOptions): Promise<JobClaim<T, R>[]> {
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
  async take(patience: WaitOptions | undefined): Promise<T> {
    for (;;) {
      const [attempt] = (await this.#claim(1, patience)) as [Attempt]
      this.#claims.delete(attempt)
      const { item } = attempt.job
      // A job that went back meanwhile, because the queue stopped or the claim was lost, is not this caller's.
      if (await this.#parts.attempts.pulled(attempt)) return item as T
    }
  }

  /** All items, until the queue ends. */
  async *loop(): AsyncIterableIterator<T> {
    for (;;) {
      let item: T
      try {
        item = await this.take(undefined)
      } catch (error) {
        if (error instanceof ClosedError) return
        throw error
      }
      yield item
    }
  }

  /** Nothing is claimed any more, and what is claimed goes back. */
  close(): void {
    this.#closed = true
    // Calls that hear from now on that there is no job ask again, and do not wait.
    this.#heard += 1
    this.#giveBackAll()
    this.#available.refuseAll(this.#closedError())
  }

  /** A claim asks the limiter, as a worker does. */
  async #claim(max: number, patience: WaitOptions = {}): Promise<Attempt[]> {
    const { queue, clock, store, lease, buffer, gate } = this.#parts
    check.options('options', patience)
    const { signal, timeout } = patience
    check.abortable(signal)?.throwIfAborted()
    const end = timeout === undefined ? Infinity : clock.now() + toMillis('timeout', timeout)
    for (;;) {
      if (this.#closed) throw this.#closedError()
      const heard = this.#heard
      const what = `a job of queue '${queue}'`
      const stay = { end, signal }
      const asking = gate?.ask(max)
      const want =
        asking === undefined
          ? max
          : await answered(clock, asking, what, stay, (late) => gate?.unused(late))
      // The gate lets nothing through once it is closed.
      if (want === 0) continue
      const asked = clock.now()
      const answer = Promise.resolve(store.claim(want, lease))
      this.#asking += 1
      const over = () => {
        this.#asking -= 1
      }
      answer.then(
        (claims) => gate?.unused(want - claims.length),
        () => gate?.unused(want),
      )
      // A turn later the claims are begun, or given back.
      void answer.catch(nothing).then(() => macrotask(over))
      const claims = await answered(clock, answer, what, stay, (late) => {
        gate?.unused(late.length)
        for (const attempt of this.#begun(late, undefined)) this.#giveBack(attempt)
      })
      if (claims.length > 0) {
        const attempts = this.#begun(claims, gate)
        gate?.unused(claims.length - attempts.length)
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
  #begun(claims: readonly Claim[], gate: LimiterGate | undefined): Attempt[] {
    const { buffer, attempts } = this.#parts
    const begun = buffer.together([...claims]).map((claim) => buffer.begin(claim))
    for (const attempt of begun) {
      attempt.permit = gate?.permit()
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

function nothing(): void {}
