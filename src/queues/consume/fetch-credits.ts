import type { Millis } from '../../core/duration.ts'

/** While attempts take less than this on average, claims are fetched ahead: as many as are done in twice that time. */
const QUICK: Millis = 5
/** No more than this, unless it takes more to keep all workers at work: a process that dies holds its claims until their leases end. */
const MOST_AHEAD = 512
/** Two calls may be under way while the workers do what a third one brought. */
export const CALLS = 3
/** One call asks for no more. */
export const MOST = 256

/** How many claims are worth fetching, by how long attempts took lately. */
export class FetchCredits {
  #mean: Millis = QUICK

  /** An attempt has taken so long. */
  took(time: Millis): void {
    this.#mean += (time - this.#mean) / 16
  }

  /** Claims have waited for workers too long: nothing is fetched ahead until attempts are quick again. */
  slow(): void {
    this.#mean = QUICK
  }

  /**
   * How many claims the next call may ask for.
   *
   * @param atOnce how many jobs all workers together do at once
   * @param ahead true where claims may be fetched before a worker is free for them
   * @param held how many claims are held, or asked for
   */
  next(atOnce: number, ahead: boolean, held: number): number {
    let most = atOnce
    let call = atOnce
    if (this.#mean < QUICK && ahead) {
      const inTime = (atOnce * 2 * QUICK) / Math.max(this.#mean, 0.01)
      most = Math.max(CALLS * atOnce, Math.min(MOST_AHEAD, inTime))
      call = Math.ceil(most / CALLS)
    }
    return Math.floor(Math.min(MOST, call, most - held))
  }
}
