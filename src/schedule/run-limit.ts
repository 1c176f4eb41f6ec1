import type { Millis } from '../core/duration.ts'
import type { SlotKeeper } from './slot-keeper.ts'

/** How many runs of one job may still begin, by `maxRuns`. */
export class RunLimit {
  /** As far as this process knows: others may have begun runs since. */
  left: number
  readonly #most: number
  readonly #job: string
  readonly #slots: SlotKeeper | undefined

  /** @param slots where a fleet shares them, and counts the runs of all its processes */
  constructor(most: number, job: string, slots: SlotKeeper | undefined) {
    this.left = most
    this.#most = most
    this.#job = job
    this.#slots = slots
  }

  /** A run begins in a scheduler of its own. @returns false when none may */
  begin(): boolean {
    if (this.left === 0) return false
    this.left -= 1
    return true
  }

  /** Asks how many runs the fleet has begun. */
  async look(): Promise<void> {
    const begun = await this.#slots?.runs?.begun(this.#job)
    if (begun !== undefined) this.#see(begun)
  }

  /** The run of a slot begins in a fleet. @returns false when none may */
  async beginSlot(slot: Millis): Promise<boolean> {
    const number = (await this.#slots?.runs?.begin(this.#job, slot)) ?? Infinity
    this.#see(number)
    return number <= this.#most
  }

  #see(begun: number): void {
    this.left = Math.max(0, this.#most - begun)
  }
}
