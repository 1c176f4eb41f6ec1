/** How many cells at most: 40 kB. */
const MOST = 2048

/**
 * Remembers who came last of which rank, as far as there is room: each rank has one cell, which others may take. To have
 * forgotten one only costs time.
 */
export class Tails {
  #ranks: number[] = []
  #slots: number[] = []
  #arrivals: number[] = []
  /** When the one came whom `swap` has answered with. */
  arrival = 0

  constructor() {
    this.#resize(16)
  }

  /**
   * Whoever stands in `slot` since `arrival` is now the last one of `rank`.
   *
   * @param ranks how many ranks there are about
   * @returns the slot of the one before, or -1 where that is not known
   */
  swap(rank: number, slot: number, arrival: number, ranks: number): number {
    if (ranks > this.#slots.length && ranks <= MOST) this.#resize(2 * this.#slots.length)
    // Priorities are small whole numbers most of the time, sometimes fractions; neighbours get different cells.
    const bits = (rank * 64) | 0
    const cell = (bits ^ (bits >>> 6)) & (this.#slots.length - 1)
    const before = this.#ranks[cell] === rank ? (this.#slots[cell] as number) : -1
    this.arrival = this.#arrivals[cell] as number
    this.#ranks[cell] = rank
    this.#slots[cell] = slot
    this.#arrivals[cell] = arrival
    return before
  }

  clear(): void {
    this.#resize(this.#slots.length)
  }

  #resize(cells: number): void {
    this.#ranks = new Array<number>(cells).fill(Number.NaN)
    this.#slots = new Array<number>(cells).fill(-1)
    this.#arrivals = new Array<number>(cells).fill(0)
  }
}
