import { at, type Cancel, type Clock, isDue } from '../core/clock.ts'
import type { Millis } from '../core/duration.ts'
import { WaitTimeoutError } from '../core/errors.ts'
import { Waiters } from '../core/waiters.ts'
import type { AnnouncedQuota } from './server-limits.ts'

/** After a pause, one more may go every so often, even if none that went has been answered. */
const SLOW_START: Millis = 1000

/**
 * The calls to one server: they go in order of arrival, and all of them pause when the server says so.
 *
 * After a pause one goes first; each good answer lets two more go, as TCP begins: a server that has just come up again is not hit
 * by all waiting calls at once. Where the answer says how many are left, so many go.
 */
export class Lane {
  readonly #clock: Clock
  readonly #what: string
  /** By which share a pause is longer than the server asked. */
  readonly #spread: () => number
  readonly #longest: Millis
  readonly #line: Waiters<number>
  #closedUntil: Millis = -Infinity
  /** How many may go until `#leftUntil`. */
  #left = Infinity
  #leftUntil: Millis = Infinity
  #inFlight = 0
  /** The number of pauses so far. An answer to a call that was sent before the latest pause opens nothing. */
  #pauses = 0
  #cancel: Cancel | undefined

  /** @param longest the longest pause: also when the server asks for a longer one */
  constructor(clock: Clock, what: string, spread: () => number, longest: Millis) {
    this.#clock = clock
    this.#what = what
    this.#spread = spread
    this.#longest = longest
    this.#line = new Waiters(clock, `a turn to ask ${what}`)
  }

  /** True when the lane has nothing to remember: it can be removed. */
  get idle(): boolean {
    const now = this.#clock.now()
    const open = this.#left === Infinity || isDue(this.#leftUntil, now)
    return this.#inFlight === 0 && this.#line.size === 0 && isDue(this.#closedUntil, now) && open
  }

  /**
   * Waits for a turn. A caller that got one must call {@link answered} with it, once.
   *
   * @throws WaitTimeoutError at once when it cannot come within `patience`, or later when it did not
   * @throws the reason of `signal`
   */
  async enter(patience: Millis, signal: AbortSignal | undefined): Promise<number> {
    signal?.throwIfAborted()
    const wait = this.#wait()
    if (wait > patience) throw tooLate(this.#what, wait, patience)
    const timeout = patience === Infinity ? undefined : patience / 1000
    const turn = this.#line.wait({ signal, timeout })
    this.#serve()
    return turn
  }

  /** What was sent has been answered: with `ok`, and with how much is left where the server says so. */
  answered(turn: number, ok: boolean, quotas: readonly AnnouncedQuota[] = []): void {
    this.#inFlight -= 1
    let least: AnnouncedQuota | undefined
    for (const quota of quotas) {
      if (least === undefined || quota.remaining < least.remaining) least = quota
    }
    if (turn === this.#pauses && least !== undefined) {
      // The server may not have counted the calls that are under way.
      this.#left = Math.max(0, least.remaining - this.#inFlight)
      this.#leftUntil = this.#clock.now() + Math.min(least.seconds * 1000, this.#longest)
    } else if (turn === this.#pauses && ok) {
      this.#left = this.#line.size === 0 ? Infinity : this.#left + 2
    }
    this.#serve()
  }

  /** No call goes for so long, and a little longer. */
  pause(length: Millis): void {
    const until = this.#clock.now() + Math.min(length * (1 + this.#spread()), this.#longest)
    if (until > this.#closedUntil) {
      this.#closedUntil = until
      this.#left = 1
      this.#leftUntil = until + SLOW_START
      this.#pauses += 1
    }
    this.#serve()
  }

  /** How long until the next call may go. */
  #wait(): Millis {
    const now = this.#clock.now()
    if (!isDue(this.#closedUntil, now)) return this.#closedUntil - now
    if (this.#left < Infinity && isDue(this.#leftUntil, now)) {
      // A time in which not all was used is over; one in which all was begins again with one.
      this.#left = this.#left >= 1 ? Infinity : 1
      this.#leftUntil = now + SLOW_START
    }
    return this.#left >= 1 ? 0 : this.#leftUntil - now
  }

  #serve(): void {
    this.#cancel?.()
    this.#cancel = undefined
    while (this.#line.size > 0) {
      const wait = this.#wait()
      if (wait > 0) {
        this.#cancel = at(this.#clock, this.#clock.now() + wait, () => this.#serve())
        return
      }
      this.#left -= 1
      this.#inFlight += 1
      this.#line.grant(this.#pauses)
    }
  }
}

/** The error of a request that could only be sent after its timeout. */
export function tooLate(what: string, wait: Millis, left: Millis): WaitTimeoutError {
  const seconds = (millis: Millis) => `${Math.ceil(millis) / 1000} s`
  return new WaitTimeoutError(
    `${what} may be asked again in ${seconds(wait)}, later than \`timeout\` allows (${seconds(left)} left)`,
    wait / 1000,
  )
}
