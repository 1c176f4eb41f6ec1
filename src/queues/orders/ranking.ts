export interface Entry {
  readonly rank: number
  readonly arrival: number
  readonly slot: number
}

/**
 * A heap of numbers: the least rank first, then the earliest arrival; each entry names a slot. Ranks stand in
 * arrays of their own, four children to a node, so that sifting compares neighbours in memory and follows no pointers.
 *
 *     ranks     -10  -7  -3  -7  -3   0
 *     arrivals    4   1   2   6   5   3
 *     slots       3   0   1   5   4   2
 */
export class Ranking {
  readonly #ranks: number[] = doubles()
  readonly #arrivals: number[] = []
  readonly #slots: number[] = []

  get length(): number {
    return this.#slots.length
  }

  /** The slot of the first entry. */
  get slot(): number {
    return this.#slots[0] as number
  }

  set slot(slot: number) {
    this.#slots[0] = slot
  }

  /** When the first entry arrived. */
  get arrival(): number {
    return this.#arrivals[0] as number
  }

  add(rank: number, arrival: number, slot: number): void {
    const ranks = this.#ranks
    const arrivals = this.#arrivals
    const slots = this.#slots
    let i = slots.length
    ranks.push(rank)
    arrivals.push(arrival)
    slots.push(slot)
    while (i > 0) {
      const parent = (i - 1) >> 2
      const above = ranks[parent] as number
      if (above < rank || (above === rank && (arrivals[parent] as number) < arrival)) break
      ranks[i] = above
      arrivals[i] = arrivals[parent] as number
      slots[i] = slots[parent] as number
      i = parent
    }
    ranks[i] = rank
    arrivals[i] = arrival
    slots[i] = slot
  }

  /** Takes the first entry away. */
  drop(): void {
    const rank = this.#ranks.pop() as number
    const arrival = this.#arrivals.pop() as number
    const slot = this.#slots.pop() as number
    if (this.#slots.length > 0) this.#sink(rank, arrival, slot)
  }

  /** All entries, in order. */
  sorted(): Entry[] {
    return this.#slots
      .map((slot, i) => ({
        rank: this.#ranks[i] as number,
        arrival: this.#arrivals[i] as number,
        slot,
      }))
      .sort((a, b) => a.rank - b.rank || a.arrival - b.arrival)
  }

  /** Takes all entries away. */
  splice(): Entry[] {
    const entries = this.sorted()
    this.#ranks.length = 0
    this.#arrivals.length = 0
    this.#slots.length = 0
    return entries
  }

  /** Puts an entry in the place of the first one, and lets it sink to its own. */
  #sink(rank: number, arrival: number, slot: number): void {
    const ranks = this.#ranks
    const arrivals = this.#arrivals
    const slots = this.#slots
    const { length } = slots
    let i = 0
    for (;;) {
      let child = 4 * i + 1
      if (child >= length) break
      const end = Math.min(child + 4, length)
      let least = ranks[child] as number
      for (let other = child + 1; other < end; other++) {
        const candidate = ranks[other] as number
        if (
          candidate < least ||
          (candidate === least && (arrivals[other] as number) < (arrivals[child] as number))
        ) {
          child = other
          least = candidate
        }
      }
      if (least > rank || (least === rank && (arrivals[child] as number) > arrival)) break
      ranks[i] = least
      arrivals[i] = arrivals[child] as number
      slots[i] = slots[child] as number
      i = child
    }
    ranks[i] = rank
    arrivals[i] = arrival
    slots[i] = slot
  }
}

/** An array that engines keep as plain doubles from the start, whatever comes first. */
function doubles(): number[] {
  const numbers = [0.5]
  numbers.pop()
  return numbers
}
