import type { CallWindow } from './call-window.ts'
import { FAILED, type Outcome, SLOW } from './outcome.ts'

/** The last `size` calls: a ring of outcomes and their sums. */
export class CountWindow implements CallWindow {
  calls = 0
  failed = 0
  slow = 0
  readonly #ring: Uint8Array
  #next = 0
  /** How many calls were counted since the last `clear`. */
  #total = 0

  constructor(size: number) {
    this.#ring = new Uint8Array(size)
  }

  record(outcome: Outcome): number {
    const ring = this.#ring
    if (this.calls === ring.length) {
      const oldest = ring[this.#next] as Outcome
      if (oldest & FAILED) this.failed -= 1
      if (oldest & SLOW) this.slow -= 1
    } else {
      this.calls += 1
    }
    ring[this.#next] = outcome
    if (outcome & FAILED) this.failed += 1
    if (outcome & SLOW) this.slow += 1
    this.#next = this.#next + 1 === ring.length ? 0 : this.#next + 1
    this.#total += 1
    return this.#total
  }

  fail(place: number): void {
    const ring = this.#ring
    const age = this.#total - place
    if (age >= this.calls) return
    const at = (this.#next - 1 - age + ring.length) % ring.length
    ring[at] = (ring[at] as Outcome) | FAILED
    this.failed += 1
  }

  roll(): void {}

  clear(): void {
    this.calls = 0
    this.failed = 0
    this.slow = 0
    this.#next = 0
    this.#total = 0
  }
}
