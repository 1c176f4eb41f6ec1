import { at, type Cancel } from '../core/clock.ts'
import { type Millis, toMillis } from '../core/duration.ts'
import { type ClosedError, describe, WaitTimeoutError } from '../core/errors.ts'
import type { Moment } from '../core/lease-clock.ts'
import type { LockOptions, TryLockOptions } from './lease.ts'
import { LeaseDesk } from './lease-desk.ts'
import type { Candidate } from './lock-line.ts'
import { type Grant, type Office, Tenure } from './tenure.ts'
import { safeEnd, toTerm } from './term.ts'

/** Takes locks for one coordinator, and waits for them. */
export class Locks {
  readonly #office: Office
  readonly #term: Millis
  readonly #retry: Millis
  /** The way to refuse each of those who wait. */
  readonly #waiting = new Set<(reason: unknown) => void>()
  #closed = false

  /**
   * @param term of leases, where none is asked for
   * @param retry how often to ask again where nobody tells when it is worth it
   */
  constructor(office: Office, term: Millis, retry: Millis) {
    this.#office = office
    this.#term = term
    this.#retry = retry
  }

  /** Refuses those who wait, and gives back what is held; signals abort first. */
  async close(reason: ClosedError): Promise<void> {
    this.#closed = true
    for (const refuse of [...this.#waiting]) refuse(reason)
    const held = [...this.#office.tenures]
    for (const tenure of held) tenure.abort(reason)
    await Promise.all(held.map((tenure) => tenure.release()))
  }

  async try(
    names: readonly string[],
    { ttl, renew = true }: TryLockOptions,
  ): Promise<Tenure | undefined> {
    const { desk, clock } = this.#office
    const term = ttl === undefined ? this.#term : toTerm(ttl)
    if (desk.isAwaited(names)) return undefined
    const holder = LeaseDesk.newHolder()
    const asked = clock.moment()
    const giveBack = () => {
      desk.release(names, holder).catch(() => {})
    }
    try {
      const { wait, tokens } = await desk.take(names, holder, term)
      if (wait > 0) return undefined
      if (!this.#closed && clock.isBefore(safeEnd(asked, term))) {
        return this.#grant({ names, holder, term, renews: renew, asked, tokens }, asked)
      }
      giveBack()
      return undefined
    } catch (error) {
      // It may have been granted all the same.
      giveBack()
      throw error
    }
  }

  wait(names: readonly string[], options: LockOptions): Promise<Tenure> {
    const { ttl, renew = true, signal } = options
    const term = ttl === undefined ? this.#term : toTerm(ttl)
    const timeout = options.timeout === undefined ? Infinity : toMillis('timeout', options.timeout)
    const { desk, clock } = this.#office
    const began = clock.moment()
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason)
      let cancelTimer: Cancel = () => {}
      let failure: unknown
      const settle = () => {
        cancelTimer()
        signal?.removeEventListener('abort', onAbort)
        this.#waiting.delete(refuse)
      }
      const candidate: Candidate = {
        holder: LeaseDesk.newHolder(),
        term,
        clock,
        retry: this.#retry,
        grant: (asked, tokens) => {
          settle()
          const { holder } = candidate
          resolve(this.#grant({ names, holder, term, renews: renew, asked, tokens }, began))
        },
        refuse: (reason) => {
          settle()
          reject(reason)
        },
        failed: (error) => {
          failure = error
          this.#office.events.emit('error', { name: names.join(), error })
        },
      }
      const line = desk.line(names)
      const refuse = (reason: unknown) => {
        line.leave(candidate)
        candidate.refuse(reason)
      }
      const onAbort = () => refuse(signal?.reason)
      signal?.addEventListener('abort', onAbort, { once: true })
      this.#waiting.add(refuse)
      if (timeout < Infinity) {
        cancelTimer = at(clock.steady, clock.steady.now() + timeout, () =>
          refuse(late(names, failure)),
        )
      }
      line.join(candidate)
    })
  }

  #grant(grant: Grant, began: Moment): Tenure {
    const tenure = new Tenure(this.#office, grant)
    if (this.#office.events.heard) {
      const waited = this.#office.clock.passed(began) / 1000
      this.#office.events.emit('acquired', { ...tenure.record, waited })
    }
    return tenure
  }
}

function late(names: readonly string[], failure: unknown): WaitTimeoutError {
  const error = new WaitTimeoutError(`the lock ${describe(names.join())} did not come in time`, 0)
  if (failure !== undefined) error.cause = failure
  return error
}
