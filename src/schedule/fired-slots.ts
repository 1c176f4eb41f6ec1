import type { Millis } from '../core/duration.ts'
import type { Plan } from './plan.ts'

interface Range {
  from: Millis
  to: Millis
}

/** A new range begins only after missed slots or a jump of the date, so this number goes back a long way. */
const KEPT = 16

/**
 * Remembers which slots were fired, so that none of them fires again when the date is set back: as ranges of neighbours `[from, to]`.
 * The oldest range is forgotten first. Slots between two ranges were missed: they fire when the date reaches them again.
 */
export class FiredSlots {
  readonly #ranges: Range[] = []

  /** @param follows true when `slot` is the next slot after the last added one */
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
