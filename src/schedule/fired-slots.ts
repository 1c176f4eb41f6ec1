import type { Millis } from '../core/duration.ts'
import type { Plan } from './plan.ts'

interface Range {
  from: Millis
  to: Millis
}

/** Ranges are only broken by missed slots and by jumps of the date, so this many go back a long way. */
const KEPT = 16

/**
 * Which slots have been fired, so that a date that is set back fires none of them again: as ranges of neighbours,
 * `[from, to]`, the oldest of which is forgotten in the end. Slots between two ranges were missed; when the date comes
 * by them again, it is their turn.
 */
export class FiredSlots {
  readonly #ranges: Range[] = []

  /** @param follows true when it is the next slot after the one that was added last */
  add(slot: Millis, follows: boolean): void {
    const last = this.#ranges.at(-1)
    if (follows && last !== undefined) {
      last.to = slot
      return
    }
    this.#ranges.push({ from: slot, to: slot })
    if (this.#ranges.length > KEPT) this.#ranges.shift()
  }

  has(slot: Millis): boolean {
    return this.#of(slot) !== undefined
  }

  /** The first slot of `plan` later than `after` that has not been fired. */
  next(plan: Plan, after: Millis): Millis | undefined {
    let slot = plan.next(after)
    for (let range = this.#of(slot); range !== undefined; range = this.#of(slot)) {
      slot = plan.next(range.to)
    }
    return slot
  }

  #of(slot: Millis | undefined): Range | undefined {
    if (slot === undefined) return undefined
    return this.#ranges.find(({ from, to }) => from <= slot && slot <= to)
  }
}
