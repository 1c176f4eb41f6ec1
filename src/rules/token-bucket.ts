import { changed, known, type OptionTable, positive } from '../core/check.ts'
import { type Micros, toPositiveMicros } from '../core/duration.ts'
import {
  CALL_QUOTA_OPTIONS,
  type CallQuota,
  CHARGED,
  type Drain,
  FOREVER,
  type Holds,
  QUOTA_OPTIONS,
  type Quota,
  type QuotaChange,
  RELEASED,
  type Rule,
  type SettledAs,
  type State,
} from '../core/rule.ts'
import { drained, drainOf } from './drain.ts'
import * as openHolds from './open-holds.ts'

/** The rate, and how much of it may come at once. */
export interface TokenBucketOptions extends Quota {
  /**
   * The most tokens the bucket holds: what can pass at once after a quiet time, and the largest single cost.
   * @default rate, and at least 1
   */
  burst?: number
}

export const TOKEN_BUCKET_OPTIONS: OptionTable<TokenBucketOptions> = {
  ...QUOTA_OPTIONS,
  burst: true,
}

/**
 * A steady rate with bursts: tokens drip in, calls take them out.
 *
 * In any stretch of time t at most `burst + rate * t` pass. Choose it for APIs and clients of APIs; choose
 * {@link slidingWindow} where the limit must hold in every window, bursts included.
 *
 * Exact at any rate from one a month to ten million a second; one number per key. This is the virtual
 * scheduling algorithm (GCRA) of ITU-T I.371, counted in tokens instead of in time so that changing the rate
 * keeps what was used.
 *
 * @example
 * const limiter = createLimiter(tokenBucket({ rate: 100, per: '1m', burst: 20 }))
 *
 * @throws OptionTypeError | OptionRangeError naming the option and its value
 */
export function tokenBucket(options: TokenBucketOptions): Rule {
  known('tokenBucket', options, TOKEN_BUCKET_OPTIONS)
  return new TokenBucket(options)
}

/** State: `[used, at]`, the tokens that were out of the bucket at that time; behind them the reservations that are open. */
export class TokenBucket implements Rule, Holds {
  readonly kind: string = 'token-bucket'
  readonly capacity: number
  readonly span: Micros
  readonly drain: Drain
  readonly params: Readonly<Record<string, number>>
  readonly holds: Holds = this
  readonly #options: TokenBucketOptions

  /** @param share how much of the burst may be filled; what drains, drains as from the whole bucket */
  constructor(options: TokenBucketOptions, share = 1) {
    const rate = positive('rate', options.rate)
    const { per = 1, burst = Math.max(1, rate) } = options
    const interval = toPositiveMicros('per', per) / rate
    const whole = positive('burst', burst)
    this.capacity = whole * share
    this.span = whole * interval
    this.drain = drainOf(whole, interval)
    this.params = {
      burst: this.capacity,
      interval,
      grain: this.drain.grain,
      quantum: this.drain.quantum,
      span: this.span,
    }
    this.#options = options
  }

  fresh(now: Micros): State {
    return [0, now]
  }

  reserve(state: State, now: Micros, cost: number, maxWait: Micros): Micros {
    // More than the capacity may be used: that is the promise to the calls that wait, and why waiting is in order of arrival.
    const used = this.used(state, now) + cost
    const wait = this.timeTo(used - this.capacity, cost)
    if (wait > maxWait) return -wait
    this.write(state, now, used)
    return wait
  }

  refund(state: State, now: Micros, cost: number, due: Micros = now): void {
    const used = this.used(state, now)
    // What is used beyond this reservation was reserved after it.
    const behind = due > now ? used - this.usedBefore(due - now, cost) - cost : 0
    const back = behind > this.drain.grain ? Math.max(0, cost - behind) : cost
    this.write(state, now, Math.max(0, used - back))
  }

  remaining(state: State, now: Micros): number {
    return Math.max(
      0,
      Math.min(this.capacity, this.capacity - this.used(state, now) + this.drain.grain),
    )
  }

  idleAfter(state: State, now: Micros): Micros {
    const drains = this.used(state, now) * this.drain.interval
    return state.length > 2 ? Math.max(drains, openHolds.openFor(state, now)) : drains
  }

  hold(state: State, now: Micros, cost: number, maxWait: Micros, id: number, ttl: Micros): Micros {
    const crowded = openHolds.crowdedFor(state, now)
    // A call with less patience than that may still wait until one is settled: when, is unknown.
    if (crowded > 0) return maxWait >= 1 && crowded > maxWait ? -Infinity : -crowded
    const wait = this.reserve(state, now, cost, maxWait)
    if (wait >= 0) openHolds.open(state, now + wait, id, cost, ttl)
    return wait
  }

  settle(
    state: State,
    now: Micros,
    id: number,
    cost: number,
    actual: number,
    how: SettledAs,
  ): void {
    const used = this.used(state, now)
    const i = openHolds.find(state, id)
    const most = openHolds.refundable(state, i, now, used)
    let change = actual - cost
    // A reservation that is not open any more gives nothing back: too much may have drained.
    if (most !== undefined) change = Math.max(change, -most)
    else if (openHolds.wasReturned(state, i) ?? how === RELEASED) change = actual
    else change = i >= 0 || how === CHARGED ? Math.max(change, 0) : 0
    openHolds.forget(state, i)
    // No debt is larger than what never drains, so that the time that it takes is a number.
    this.write(state, now, Math.min(used + change, FOREVER / this.drain.interval))
  }

  extend(state: State, now: Micros, id: number, ttl: Micros): Micros {
    const used = this.used(state, now)
    const i = openHolds.find(state, id)
    if (openHolds.refundable(state, i, now, used) === undefined) return -1
    openHolds.prolong(state, i, now, ttl)
    this.write(state, now, used)
    return 0
  }

  with(change: QuotaChange): Rule {
    known('a token bucket', change, TOKEN_BUCKET_OPTIONS)
    return new TokenBucket(changed(this.#options, change))
  }

  quoted(quota: CallQuota): Rule {
    known('a quota of a token bucket', quota, CALL_QUOTA_OPTIONS)
    return new TokenBucket(quota)
  }

  shared(share: number): Rule {
    return new TokenBucket(this.#options, share)
  }

  protected used(state: State, now: Micros): number {
    const before = state[0] as number
    const used = drained(before, state[1] as number, now, this.drain.interval, this.span)
    return state.length > 2 ? openHolds.afterReturns(state, now, used) : used
  }

  /**
   * How long until `over` tokens have drained, rounded up and never too short.
   *
   * @param cost of which half may be missing at most: however small costs are, no more of them pass than there is room for
   */
  protected timeTo(over: number, cost: number): Micros {
    const { interval, quantum } = this.drain
    const grain = Math.min(this.drain.grain, cost / 2)
    if (over <= grain) return 0
    // Half a grain less than in theory, so that rounding noise is not rounded up.
    const wait = (over - grain / 2) * interval
    return quantum === 1 ? Math.ceil(wait) : Math.ceil(wait / quantum) * quantum
  }

  /** How much was used before a reservation of `cost` that has to wait for `wait`. */
  protected usedBefore(wait: Micros, cost: number): number {
    return this.capacity + wait / this.drain.interval - cost
  }

  protected write(state: State, now: Micros, used: number): void {
    const at = state[1] as number
    if (state.length > 2) openHolds.note(state, now, this.used(state, now))
    state[0] = used
    // A clock that steps back and returns must not drain the same time twice, so the older time is not written,
    // unless it is so much older that the state came from another clock.
    if (now > at || at - now > this.span) state[1] = now
  }
}
