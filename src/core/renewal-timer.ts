import { type Cancel, type Clock, isDue, systemClock } from './clock.ts'
import type { Millis } from './duration.ts'
import { type Indexed, IndexedSet } from './indexed-set.ts'

/** Something that has to be looked after while it lasts. */
export interface Renewed extends Indexed {
  /** When it has to be next. */
  readonly due: Millis
  /** Does what is due, and sets when the next is. */
  tend(now: Millis): void
}

/**
 * Looks after all leases of one owner with one timer, which keeps no process alive. Most leases are given back before
 * anything about them is due, and cost no timer at all.
 */
export class RenewalTimer<T extends Renewed> {
  readonly #clock: Clock
  readonly #slack: Millis
  readonly #all = new IndexedSet<T>()
  #cancel: Cancel | undefined
  /** When the timer comes. */
  #at: Millis = Infinity

  /** @param slack what is due within this time is tended in the same round, so that many leases make few rounds */
  constructor(clock: Clock, slack: Millis = 0) {
    this.#clock = clock
    this.#slack = slack
  }

  [Symbol.iterator](): Iterator<T> {
    return this.#all[Symbol.iterator]()
  }

  add(one: T): void {
    this.#all.add(one)
    this.hurry(one.due)
  }

  delete(one: T): void {
    this.#all.delete(one)
  }

  /** Something is due at that time, if not before. */
  hurry(due: Millis): void {
    if (due >= this.#at) return
    this.#cancel?.()
    this.#at = due
    const delay = Math.max(0, due - this.#clock.now())
    const after = this.#clock.after ?? systemClock.after
    this.#cancel = after?.call(this.#clock, delay, () => this.#round(), true)
  }

  #round(): void {
    this.#at = Infinity
    const now = this.#clock.now()
    let next = Infinity
    for (const one of [...this.#all]) {
      if (isDue(one.due, now + this.#slack) && this.#all.has(one)) one.tend(now)
      if (this.#all.has(one)) next = Math.min(next, one.due)
    }
    this.hurry(next)
  }
}
