/** Numbers keys from 0 up, and reuses the numbers of removed keys. So the data of keys can stand in arrays. */
export class KeySlots {
  readonly #slots = new Map<string, number>()
  readonly #keys: (string | undefined)[] = []
  readonly #free: number[] = []
  // The last key that was asked for: calls for one key tend to follow each other.
  #key: string | undefined
  #slot = -1
  #round = 0

  get size(): number {
    return this.#slots.size
  }

  /** The highest slot that was ever used, plus one. */
  get end(): number {
    return this.#keys.length
  }

  /** The slot of `key`, or -1. */
  find(key: string): number {
    if (key === this.#key) return this.#slot
    const slot = this.#slots.get(key)
    this.#key = key
    this.#slot = slot === undefined ? -1 : slot
    return this.#slot
  }

  /** Gives `key`, which has none, a slot. */
  add(key: string): number {
    const slot = this.#free.pop() ?? this.#keys.length
    this.#keys[slot] = key
    this.#slots.set(key, slot)
    this.#key = key
    this.#slot = slot
    return slot
  }

  remove(slot: number): void {
    const key = this.#keys[slot]
    if (key === undefined) return
    this.#slots.delete(key)
    this.#keys[slot] = undefined
    this.#free.push(slot)
    if (this.#slot === slot) this.#key = undefined
  }

  /** The key in `slot`, if there is one. */
  keyOf(slot: number): string | undefined {
    return this.#keys[slot]
  }

  /** The next slot on an endless round, or -1 where that is free. */
  next(): number {
    this.#round = this.#round + 1 < this.#keys.length ? this.#round + 1 : 0
    return this.#keys[this.#round] === undefined ? -1 : this.#round
  }

  /** A slot picked at random; taken by a key, when all are. */
  any(): number {
    return Math.floor(Math.random() * this.#keys.length)
  }
}
