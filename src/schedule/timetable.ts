import type { Millis } from '../core/duration.ts'
import { FiredSlots } from './fired-slots.ts'
import type { Plan } from './plan.ts'

/** What has come due. */
export interface Due {
  /** The slot it is about: the latest that has passed. */
  readonly slot: Millis
  /** True when the slot has to be fired. */
  readonly fire: boolean
  /** True when the slot comes later than the tolerance allows. */
  readonly late: boolean
  /** How many slots, from `first` on, passed without being fired on time; counted up to a thousand. */
  readonly missed: number
  readonly first: Millis
  /** True when more slots were missed than were counted. */
  readonly more: boolean
}

/**
 * Which slot is next, and what to make of slots that have passed meanwhile: the machine was busy, suspended or off, or
 * the date was set. No timers and no clock: it is told what time it is.
 */
export class Timetable {
  /** The slot to wait for. */
  next: Millis | undefined
  readonly #plan: Plan
  readonly #fired = new FiredSlots()
  readonly #tolerance: Millis
  readonly #catchUp: boolean
  /** The time that `next` was looked up at. */
  #seen: Millis = -Infinity
  /** True when every slot since the last one fired has been fired. */
  #unbroken = false

  /**
   * @param tolerance how long after its slot a run is still on time
   * @param catchUp true: run once for all slots that were missed
   */
  constructor(plan: Plan, tolerance: Millis, catchUp: boolean) {
    this.#plan = plan
    this.#tolerance = tolerance
    this.#catchUp = catchUp
  }

  /** Begins now, or right after the slot that was fired `last`, before a restart. */
  begin(now: Millis, last?: Millis): void {
    if (last !== undefined) this.#fired.add(last, false)
    this.#unbroken = last !== undefined
    this.#look(last ?? this.#plan.startsAfter(now))
    this.#seen = now
  }

  /** What has come due by `now`; each slot at most once. */
  due(now: Millis): Due | undefined {
    if (now < this.#seen) {
      // The date was set back. Slots that had been fired stay fired; those that were jumped over come by again.
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
