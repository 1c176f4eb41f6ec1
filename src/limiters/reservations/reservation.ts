import { between } from '../../core/check.ts'
import { type Clock, systemClock } from '../../core/clock.ts'
import { type Duration, type Micros, toPositiveMicros } from '../../core/duration.ts'
import { ClosedError, OptionRangeError, ReservationExpiredError } from '../../core/errors.ts'

/**
 * An estimate that was taken from a limit, until it is known what was used.
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
  /** The end of `ttl`: when the reservation is not settled before, the estimate then stays charged or comes back, as `onExpire` says. */
  readonly expiresAt: Date
  /** Adds to the amount that was used so far. This sum is charged when the reservation ends without {@link settle}. */
  used(amount: number): void
  /**
   * Puts what was used in the place of the estimate, in both directions, once: the first number counts, the same number again
   * does nothing, another one rejects. More than the limit has left may leave a debt: nothing passes until that is repaid. Where
   * the storage could not be asked it rejects, and can be called again with the same number.
   *
   * @throws OptionTypeError | OptionRangeError (rejects) when `actual` is no number of at least 0, or not the first number
   */
  settle(actual: number): Promise<void>
  /**
   * Lets it stay unsettled for `ttl` from now. Rejects with `RESERVATION_EXPIRED` where it is over: given back at the end of its time, or
   * forgotten as long after that as it was to last.
   */
  extend(ttl: Duration): Promise<void>
  /** Gives the whole estimate back, as if the call had not been made. */
  cancel(): Promise<void>
}

/** Where a reservation is kept. */
export interface ReservationKeeper {
  /**
   * @param again true when the ledger was asked before and did not answer
   * @param cancelled gives back all, whatever the parts of a composite charge for a call
   */
  settle(actual: number, again: boolean, cancelled: boolean): void | Promise<void>
  /** Answers whether it stays open for another `ttl`. */
  extend(ttl: Micros): boolean | Promise<boolean>
  /** True for the failure of a storage that could not be asked: then the reservation ends by itself. */
  excuses?(error: unknown): boolean
}

/** What a reservation is made with. */
export interface ReservationTerms {
  readonly id: number
  readonly key: string
  readonly cost: number
  readonly floor: number
  readonly ttl: Micros
  readonly clock: Clock
}

// The answer where it is settled at once.
const SETTLED: Promise<void> = Promise.resolve()

export class HeldReservation implements Reservation {
  readonly cost: number
  readonly #terms: ReservationTerms
  readonly #keeper: ReservationKeeper
  #expires: number
  #used = 0
  /** The number it was settled with first, and the answer to that; `undefined` while it is open or could not be told. */
  #actual: number | undefined
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

  /** Charges what was used, and no less than `floor`. What cannot be told to the storage is charged at the end of its time. */
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
      const message = `actual must be ${first}, with which the reservation was settled before, got ${actual}`
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

  /** It can be asked again, with the same number. */
  #untold(error: unknown): never {
    this.#settled = undefined
    throw error
  }

  #wall(): number {
    const { clock } = this.#terms
    return clock.wall?.() ?? systemClock.wall?.() ?? Date.now()
  }
}

/** Of a call that was let through uncounted: there is nothing to settle. */
export const NOTHING_HELD: ReservationKeeper = { settle() {}, extend: () => true }
