/**
 * About how many characters of jobs and results one trip carries; a single one may have more. What takes longer than the timeout of the
 * storage is lost, or sent in vain again and again: this many take a tenth of a second at 100 Mbit/s.
 */
export const MOST_TEXT = 1_000_000
/** The least that the bound falls to, where trips fail one after the other. */
const LEAST_TEXT = MOST_TEXT / 64
/** How the bound grows with each trip that brings jobs. */
const GROWTH = 1.01

/** How many jobs one trip may ask for: fewer where they are large, and fewer still after trips that got no answer. */
export class TripSize {
  #bound = MOST_TEXT
  /** How many characters a job has, as the last trips tell; 0 while that is not known. */
  #size = 0

  /** No more than `want`, and at least one where any are wanted. */
  fit(want: number): number {
    return Math.min(want, Math.max(1, Math.floor(this.#bound / this.#size)))
  }

  /** A trip has brought this many jobs, which have so many characters together. */
  brought(jobs: number, text: number): void {
    this.#size += (text / jobs - this.#size) / 2
    this.#bound = Math.min(MOST_TEXT, this.#bound * GROWTH)
  }

  /** A trip that asked for jobs got no answer: it may have been too large. The next one asks for a single job. */
  failed(): void {
    this.#bound = Math.max(LEAST_TEXT, this.#bound / 2)
    this.#size = this.#bound
  }
}
