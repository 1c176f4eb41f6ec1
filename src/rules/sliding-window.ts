import { changed, known, positive } from '../core/check.ts'
import { type Micros, toPositiveMicros } from '../core/duration.ts'
import {
  type CallQuota,
  QUOTA_OPTIONS,
  type Quota,
  type QuotaChange,
  type Rule,
  type State,
} from '../core/rule.ts'

/** Up to this many moments of a window are remembered exactly. */
const MOMENTS = 128
/** Beyond that, moments in the same 1/64 of a window become one: the last of them. */
const CELLS = 64

/**
 * Never more than `rate` in **any** window of `per`, weights included.
 *
 * The strictest rule: no burst at a window's edge, none after a quiet time. It is exact while at most 128 different
 * moments lie in a window. Beyond that it joins neighbours (those in the same 1/64 of a window, counted as if all
 * came at the last of their moments), which errs on the strict side only: what was taken comes back up to `per / 64`
 * later. So time and memory stay flat however high the rate.
 *
 * @example
 * const limiter = createLimiter(slidingWindow({ rate: 100, per: '1m' }))
 *
 * @throws OptionTypeError | OptionRangeError naming the option and its value
 */
export function slidingWindow(options: Quota): Rule {
  known('slidingWindow', options, QUOTA_OPTIONS)
  return new SlidingWindow(options)
}

// Where things stand in the state.
const TOTAL = 0
const FIRST = 1

/** State: `[total, at, cost, at, cost, ...]`, oldest first; `total` is the sum of the costs. */
class SlidingWindow implements Rule {
  readonly kind = 'sliding-window'
  readonly capacity: number
  readonly span: Micros
  readonly params: Readonly<Record<string, number>>
  readonly #ceiling: number
  readonly #cell: Micros
  readonly #options: Quota

  constructor(options: Quota) {
    this.capacity = positive('rate', options.rate)
    const { per = 1 } = options
    this.span = toPositiveMicros('per', per)
    // Sums of fractions are inexact; whole costs never come near this margin.
    this.#ceiling = this.capacity * (1 + 1e-9)
    this.#cell = this.span / CELLS
    this.params = { rate: this.capacity, per: this.span }
    this.#options = options
  }

  fresh(_now: Micros): State {
    return [0]
  }

  reserve(state: State, now: Micros, cost: number, maxWait: Micros): Micros {
    if (this.#foreign(state, now)) this.#clear(state)
    // In order of arrival: nothing goes before what was already promised.
    let due = state.length > FIRST ? Math.max(now, state[state.length - 2] as number) : now
    let total = state[TOTAL] as number
    let oldest = FIRST
    while (oldest < state.length) {
      const leaves = (state[oldest] as number) + this.span
      if (total + cost <= this.#ceiling) break
      // It does not fit beside this one, so it comes after this one has left.
      if (leaves > due) due = leaves
      total -= state[oldest + 1] as number
      oldest += 2
    }
    // What a limit never holds is only asked of a shadow, which lets it through, and takes nothing.
    const wait = cost > this.#ceiling ? Infinity : due - now
    if (wait > maxWait || wait === Infinity) return -wait
    this.#forget(state, now)
    // A part of a composite may cost nothing: that is no moment to be remembered.
    if (cost > 0) this.#add(state, due, cost)
    return wait
  }

  refund(state: State, now: Micros, cost: number, due: Micros = now): void {
    this.#forget(state, now)
    let at = state.length - 2
    // A reservation is taken out where it stands; what is over or acted on, from the newest backwards.
    if (due > now) while (at > FIRST && this.#nearer(state, at - 2, at, due)) at -= 2
    for (let left = cost; left > 0 && at >= FIRST; at -= 2) {
      const taken = Math.min(left, state[at + 1] as number)
      state[at + 1] = (state[at + 1] as number) - taken
      state[TOTAL] = (state[TOTAL] as number) - taken
      left -= taken
      if (state[at + 1] === 0) state.splice(at, 2)
    }
    if (state.length === FIRST) this.#clear(state)
  }

  remaining(state: State, now: Micros): number {
    if (this.#foreign(state, now)) return this.capacity
    let total = state[TOTAL] as number
    for (let i = FIRST; i < state.length && this.#over(state, i, now); i += 2) {
      total -= state[i + 1] as number
    }
    return Math.max(0, this.capacity - total)
  }

  idleAfter(state: State, now: Micros): Micros {
    if (state.length === FIRST || this.#foreign(state, now)) return 0
    return Math.max(0, (state[state.length - 2] as number) + this.span - now)
  }

  with(change: QuotaChange): Rule {
    known('a sliding window', change, QUOTA_OPTIONS)
    return new SlidingWindow(changed(this.#options, change))
  }

  quoted(quota: CallQuota): Rule {
    known('a quota of a sliding window', quota, QUOTA_OPTIONS)
    return new SlidingWindow(quota)
  }

  #clear(state: State): void {
    state.length = FIRST
    // An exact zero, so that the rounding of fractional costs does not outlive them.
    state[TOTAL] = 0
  }

  /** True when the moment at `a` is as near to `due` as the one at `b`. A refund may know the time less exactly. */
  #nearer(state: State, a: number, b: number, due: Micros): boolean {
    return Math.abs((state[a] as number) - due) <= Math.abs((state[b] as number) - due)
  }

  #over(state: State, i: number, now: Micros): boolean {
    return (state[i] as number) + this.span <= now
  }

  /**
   * True when even the oldest moment lies far ahead: then it is of another clock. A line may reach as far ahead as it likes, but
   * each place in it is a window behind another one, and the first of them behind one that is over or in this window.
   */
  #foreign(state: State, now: Micros): boolean {
    return state.length > FIRST && (state[FIRST] as number) - now > 2 * this.span
  }

  /** Drops the moments that have left the window. */
  #forget(state: State, now: Micros): void {
    let oldest = FIRST
    let total = state[TOTAL] as number
    while (oldest < state.length && this.#over(state, oldest, now)) {
      total -= state[oldest + 1] as number
      oldest += 2
    }
    if (oldest === FIRST) return
    if (oldest === state.length) {
      this.#clear(state)
      return
    }
    state.copyWithin(FIRST, oldest)
    state.length -= oldest - FIRST
    state[TOTAL] = total
  }

  #add(state: State, at: Micros, cost: number): void {
    const newest = state.length - 2
    if (newest >= FIRST && state[newest] === at) {
      state[newest + 1] = (state[newest + 1] as number) + cost
    } else {
      state.push(at, cost)
      if (state.length > FIRST + 2 * MOMENTS) this.#join(state)
    }
    state[TOTAL] = (state[TOTAL] as number) + cost
  }

  /**
   * Makes one moment of those in the same cell. The grid is fixed in time, so joining again moves nothing further:
   * a moment is never counted more than one cell too late.
   */
  #join(state: State): void {
    let last = FIRST
    for (let i = FIRST + 2; i < state.length; i += 2) {
      if (this.#cellOf(state[i] as number) === this.#cellOf(state[last] as number)) {
        state[last] = state[i] as number
        state[last + 1] = (state[last + 1] as number) + (state[i + 1] as number)
      } else {
        last += 2
        state[last] = state[i] as number
        state[last + 1] = state[i + 1] as number
      }
    }
    state.length = last + 2
  }

  #cellOf(at: Micros): number {
    return Math.floor(at / this.#cell)
  }
}
