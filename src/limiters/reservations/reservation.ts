import { between } from '../../core/check.ts'
import { type Clock, systemClock } from '../../core/clock.ts'
import { type Duration, type Micros, toPositiveMicros } from '../../core/duration.ts'
import { ClosedError, OptionRangeError, ReservationExpiredError } from '../../core/errors.ts'

/**
 * An estimate that was taken from a limit, and is settled when the actual number is known.
 *
 * @example
 * const reservation = await limiter.reserve('team-7', 1200, { floor: 200 })
 * if (reservation === undefined) return refuse()
 * await using held = reservation
 * for await (const chunk of answer) held.used(chunk.tokens)
 * await held.settle(answer.usage.totalTokens)
 */
export interface Reservation extends AsyncDisposable {
  /** The id of this reservation. */
  readonly id: string
  /** The estimate that was taken. */
  readonly cost: number
  /** The end of `ttl`. If the reservation is not settled before, the estimate stays charged or is given back, as `onExpire` says. */
  readonly expiresAt: Date
  /** Adds to the amount that was used so far. This sum is charged when the reservation ends without {@link settle}. */
  used(amount: number): void
  /**
   * Replaces the estimate by the actual number, in both directions, once: the first number counts, the same number again does nothing,
   * another one rejects. More than the limit has left leaves a debt: nothing passes until it is repaid. When the storage cannot be
   * reached it rejects, and may be called again with the same number.
   *
   * @throws OptionTypeError | OptionRangeError (rejects) when `actual` is not a number of at least 0, or not the first number
   */
  settle(actual: number): Promise<void>
  /**
   * Keeps the reservation open until `ttl` from now. Rejects with `RESERVATION_EXPIRED` when it is over: with `onExpire: 'release'` at the
   * end of its time, otherwise when another `ttl` has passed after that.
   */
  extend(ttl: Duration): Promise<void>
  /** Gives the whole estimate back, as if the call had not been made. Rejects when the reservation was settled with another number than 0. */
  cancel(): Promise<void>
}

/** Keeps a reservation, in memory or in a storage. */
export interface ReservationKeeper {
  /**
   * @param again true when the ledger was asked before and did not answer
   * @param cancelled true to give back all, also the price of a call in the parts of a composite
   */
  settle(actual: number, again: boolean, cancelled: boolean): void | Promise<void>
  /** Keeps it open for another `ttl`. @returns false when it is over */
  extend(ttl: Micros): boolean | Promise<boolean>
  /** True for an error of a storage that cannot be reached: then the reservation ends at the end of its time. */
  excuses?(error: unknown): boolean
}

/** The terms of a reservation. */
export interface ReservationTerms {
  readonly id: number
  readonly key: string
  readonly cost: number
  readonly floor: number
  readonly ttl: Micros
  readonly clock: Clock
}

// The answer when it is settled at once.
const SETTLED: Promise<void> = Promise.resolve()

export class HeldReservation implements Reservation {
  readonly cost: number
  readonly #terms: ReservationTerms
  readonly #keeper: ReservationKeeper
  #expires: number
  #used = 0
  /** The number of the first `settle`; `undefined` while it is open. */
  #actual: number | undefined
  /** The answer to `settle`; `undefined` while it is open, or when the storage could not be reached. */
  #settled: Promise<void> | undefined
  #cancelled = false

  constructor(terms: ReservationTerms, keeper: ReservationKeeper) {
    this.cost = terms.cost
    this.#terms = terms
    this.#keeper = keeper
    this.#expires = this.#wall() + terms.ttl / 1000
  }

  get id(): string {
    return this.#terms.id.toString(36)
  }

  get expiresAt(): Date {
    return new Date(this.#expires)
  }

  used(amount: number): void {
    between('amount', amount, 0, Number.MAX_VALUE)
    this.#used += amount
  }

  settle(actual: number): Promise<void> {
    try {
      between('actual', actual, 0, Number.MAX_VALUE)
    } catch (error) {
      return Promise.reject(error)
    }
    return this.#settle(actual, false)
  }

  cancel(): Promise<void> {
    return this.#settle(0, true)
  }

  async extend(ttl: Duration): Promise<void> {
    const micros = toPositiveMicros('ttl', ttl)
    if (this.#actual !== undefined) throw new ClosedError('the reservation')
    const expires = this.#wall() + micros / 1000
    if (!(await this.#keeper.extend(micros))) throw new ReservationExpiredError(this.#terms.key)
    this.#expires = expires
  }

  /** Charges the sum of `used`, and at least `floor`. When the storage cannot be reached, the reservation ends at the end of its time. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#settled !== undefined) return
    try {
      await this.#settle(this.#actual ?? Math.max(this.#terms.floor, this.#used), this.#cancelled)
    } catch (error) {
      if (!this.#keeper.excuses?.(error)) throw error
    }
  }

  #settle(actual: number, cancelled: boolean): Promise<void> {
    const first = this.#actual
    if (first !== undefined && first !== actual) {
      const message = cancelled
        ? `cancel needs an open reservation, and this one was settled with actual ${first}`
        : `actual must be ${first}, with which the reservation was settled before, got ${actual}`
      return Promise.reject(new OptionRangeError('actual', message))
    }
    if (this.#settled !== undefined) return this.#settled
    if (first === undefined) this.#cancelled = cancelled
    this.#actual = actual
    this.#settled = this.#tell(actual, first !== undefined)
    return this.#settled
  }

  #tell(actual: number, again: boolean): Promise<void> {
    try {
      const answer = this.#keeper.settle(actual, again, this.#cancelled)
      return answer === undefined ? SETTLED : answer.catch((error) => this.#untold(error))
    } catch (error) {
      return Promise.reject(error).catch((reason) => this.#untold(reason))
    }
  }

  /** `settle` may be called again, with the same number. */
  #untold(error: unknown): never {
    this.#settled = undefined
    throw error
  }

  #wall(): number {
    const { clock } = this.#terms
    return clock.wall?.() ?? systemClock.wall?.() ?? Date.now()
  }
}

/** For a call that was let through uncounted: there is nothing to settle. */
export const NOTHING_HELD: ReservationKeeper = { settle() {}, extend: () => true }
