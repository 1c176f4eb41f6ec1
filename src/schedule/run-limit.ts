import type { Millis } from '../core/duration.ts'
import type { SlotKeeper } from './slot-keeper.ts'

/** How many runs of one job may still begin, by `maxRuns`. */
export class RunLimit {
  /** As far as this process knows: other processes may have begun runs since. */
  left: number
  readonly #most: number
  readonly #job: string
  readonly #slots: SlotKeeper | undefined

  /** @param slots the keeper that counts the runs of all processes, when there is a storage */
  constructor(most: number, job: string, slots: SlotKeeper | undefined) {
    this.left = most
    this.#most = most
    this.#job = job
    this.#slots = slots
  }

  /** Counts a run of a scheduler without a storage. @returns false when no run may begin */
  begin(): boolean {
    if (this.left === 0) return false
    this.left -= 1
    return true
  }

  /** Asks how many runs all processes have begun. */
  async look(): Promise<void> {
    const begun = await this.#slots?.runs?.begun(this.#job)
    if (begun !== undefined) this.#see(begun)
  }

  /** Counts the run of a slot in all processes. @returns false when no run may begin */
  async beginSlot(slot: Millis): Promise<boolean> {
    const number = (await this.#slots?.runs?.begin(this.#job, slot)) ?? Infinity
    this.#see(number)
    return number <= this.#most
  }

  #see(begun: number): void {
    this.left = Math.max(0, this.#most - begun)
  }
}
