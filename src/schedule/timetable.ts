import type { Millis } from '../core/duration.ts'
import { FiredSlots } from './fired-slots.ts'
import type { Plan } from './plan.ts'

/** The slots that are due. */
export interface Due {
  /** The latest slot that has passed. */
  readonly slot: Millis
  /** True when `slot` must be fired. */
  readonly fire: boolean
  /** True when `slot` is older than the tolerance. */
  readonly late: boolean
  /** How many slots, from `first` on, passed without being fired on time; counted up to a thousand. */
  readonly missed: number
  readonly first: Millis
  /** True when more slots were missed than were counted. */
  readonly more: boolean
}

/**
 * Decides which slot is next, and what happens to slots that have passed because the machine was busy, suspended or off, or the date
 * was set. Has no timers and no clock: each call says what time it is.
 */
export class Timetable {
  /** The slot to wait for. */
  next: Millis | undefined
  readonly #plan: Plan
  readonly #fired = new FiredSlots()
  readonly #tolerance: Millis
  readonly #catchUp: boolean
  /** The time at which `next` was computed. */
  #seen: Millis = -Infinity
  /** True when every slot since the last one fired has been fired. */
  #unbroken = false

  /**
   * @param tolerance how long after its slot a run is still on time
   * @param catchUp true to run once for all missed slots
   */
  constructor(plan: Plan, tolerance: Millis, catchUp: boolean) {
    this.#plan = plan
    this.#tolerance = tolerance
    this.#catchUp = catchUp
  }

  /** Begins at `now`, or after `last`, the last slot that was fired before a restart. */
  begin(now: Millis, last?: Millis): void {
    if (last !== undefined) this.#fired.add(last, false)
    this.#unbroken = last !== undefined
    this.#look(last ?? this.#plan.startsAfter(now))
    this.#seen = now
  }

  /** The slots that are due at `now`; each slot at most once. */
  due(now: Millis): Due | undefined {
    if (now < this.#seen) {
      // The date was set back. Fired slots stay fired; slots that were jumped over may fire now.
      this.#unbroken = false
      this.#look(now)
    }
    const first = this.next
    if (first === undefined || now < first) return undefined
    const { last, count, more } = this.#plan.span(first, now)
    const again = this.#fired.has(last)
    const late = now - last > this.#tolerance
    const fire = !again && (!late || this.#catchUp)
    if (fire) this.#fired.add(last, this.#unbroken && count === 1)
    this.#unbroken = fire
    this.#look(now)
    if (again) return undefined
    return { slot: last, fire, late, missed: late ? count : count - 1, first, more }
  }

  #look(now: Millis): void {
    this.#seen = now
    this.next = this.#fired.next(this.#plan, now)
  }
}
