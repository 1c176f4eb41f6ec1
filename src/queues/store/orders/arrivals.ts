/**
 * Numbers the jobs of a queue in the order in which they became due. All orders between which a job may move share these numbers, so a job
 * that returns finds its old place, and no two jobs have the same number.
 */
export class Arrivals {
  #last = 0

  next(): number {
    this.#last += 1
    return this.#last
  }
}
