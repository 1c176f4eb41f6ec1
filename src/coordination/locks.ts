import { type Millis, toMillis } from '../core/duration.ts'
import { Errands } from '../core/errands.ts'
import type { ClosedError } from '../core/errors.ts'
import type { Moment } from '../core/lease-clock.ts'
import { Roster } from '../core/roster.ts'
import { Candidate, type Outcome } from './candidate.ts'
import type { AwaitedLock, LockOptions, TryLockOptions } from './lease.ts'
import { LeaseDesk } from './lease-desk.ts'
import { type Grant, type Office, Tenure } from './tenure.ts'
import { safeEnd, toTerm } from './term.ts'

/** Takes locks for one coordinator, and waits for them. */
export class Locks {
  readonly #office: Office
  readonly #term: Millis
  readonly #retry: Millis
  readonly #waiting = new Roster<Candidate>()
  #closed = false
  /** How many tries are under way. */
  #asking = 0
  #quiet: Promise<void> | undefined
  #onQuiet: (() => void) | undefined
  /** What is on its way back. */
  readonly #errands = new Errands()

  /**
   * @param term of leases, where none is asked for
   * @param retry how often to ask again when the storage cannot tell that the lock is free
   */
  constructor(office: Office, term: Millis, retry: Millis) {
    this.#office = office
    this.#term = term
    this.#retry = retry
  }

  async try(
    names: readonly string[],
    { ttl, renew = true }: TryLockOptions,
  ): Promise<Tenure | undefined> {
    const { desk, clock } = this.#office
    const term = this.#read(ttl)
    if (desk.isAwaited(names)) return undefined
    const holder = LeaseDesk.newHolder()
    const asked = clock.moment()
    // What cannot be given back ends by itself.
    const giveBack = () => this.#errands.add(desk.release(names, holder))
    this.#asking += 1
    try {
      const { wait, tokens } = await desk.take(names, holder, term)
      if (wait > 0) return undefined
      if (!this.#closed && clock.isBefore(safeEnd(asked, term))) {
        return this.#begin({ names, holder, term, renews: renew, asked, tokens }, asked)
      }
      giveBack()
      return undefined
    } catch (error) {
      // It may have been granted all the same.
      giveBack()
      throw error
    } finally {
      this.#asking -= 1
      if (this.#asking === 0) this.#onQuiet?.()
    }
  }

  wait(names: readonly string[], options: LockOptions): Promise<Tenure> {
    const { ttl, renew: renews = true, signal } = options
    const term = this.#read(ttl)
    const timeout = options.timeout === undefined ? Infinity : toMillis('timeout', options.timeout)
    if (signal?.aborted) return Promise.reject(signal.reason)
    const { desk, clock, events } = this.#office
    return new Promise((resolve, reject) => {
      const outcome: Outcome = {
        granted: (candidate, asked, tokens) => {
          this.#waiting.delete(candidate)
          const { holder, began } = candidate
          resolve(this.#begin({ names, holder, term, renews, asked, tokens }, began))
        },
        refused: (candidate, reason) => {
          this.#waiting.delete(candidate)
          reject(reason)
        },
        leaving: (over) => this.#errands.add(over),
        failed: (_, error) => events.emit('error', { name: names.join(), error }),
      }
      const line = desk.line(names)
      const holder = LeaseDesk.newHolder()
      const candidate = new Candidate(line, holder, term, this.#retry, clock, outcome)
      this.#waiting.add(candidate)
      candidate.join(signal, timeout)
    })
  }

  /** What is held now. */
  held(): Tenure[] {
    return [...this.#office.keeper].filter(({ held }) => held)
  }

  /** What is waited for now. */
  awaited(): AwaitedLock[] {
    const locks = new Map<string, AwaitedLock>()
    for (const { names, began } of this.#waiting) {
      const waited = this.#office.clock.passed(began) / 1000
      for (const name of names) {
        const known = locks.get(name)
        if (known === undefined) locks.set(name, { name, waiting: 1, longest: waited })
        else {
          known.waiting += 1
          known.longest = Math.max(known.longest, waited)
        }
      }
    }
    return [...locks.values()]
  }

  /** Rejects the waiting callers, and gives back the held leases; their signals abort first. */
  async close(reason: ClosedError): Promise<void> {
    this.#closed = true
    for (const candidate of [...this.#waiting]) candidate.withdraw(reason)
    const held = [...this.#office.keeper]
    for (const tenure of held) tenure.abort(reason)
    await Promise.all([this.settled(), ...held.map((tenure) => tenure.release())])
  }

  /** Resolves when nothing is asked for any more, and all that was granted too late has been given back. */
  async settled(): Promise<void> {
    if (this.#asking > 0) {
      this.#quiet ??= new Promise((resolve) => {
        this.#onQuiet = () => {
          this.#quiet = undefined
          this.#onQuiet = undefined
          resolve()
        }
      })
      await this.#quiet
    }
    await this.#errands.done()
  }

  #read(ttl: TryLockOptions['ttl']): Millis {
    return ttl === undefined ? this.#term : toTerm(ttl)
  }

  #begin(grant: Grant, began: Moment): Tenure {
    const tenure = new Tenure(this.#office, grant)
    const { events, clock } = this.#office
    if (events.heard) {
      events.emit('acquired', { ...tenure.record, waited: clock.passed(began) / 1000 })
    }
    return tenure
  }
}
