/** A new Map is made when this many names without a value, and as many again as there are values, have piled up. */
const MOST_EMPTY = 1024

/**
 * Values by name, for names that come and go all the time.
 *
 * A Map from which entries are deleted while others are added goes on making new tables, and each table points at the next. Once
 * the garbage collector has moved one table to the old generation, it keeps all later tables, and what was in them, until the next
 * full collection. For locks that are held for milliseconds this was half of their cost. So names stay in the Map without a value,
 * and now and then a new Map begins.
 */
export class ByName<T> {
  #values = new Map<string, T | undefined>()
  #count = 0

  get(name: string): T | undefined {
    return this.#values.get(name)
  }

  set(name: string, value: T): void {
    if (this.#values.get(name) === undefined) {
      this.#count += 1
      if (this.#values.size > MOST_EMPTY + 2 * this.#count) this.#sweep()
    }
    this.#values.set(name, value)
  }

  delete(name: string): void {
    if (this.#values.get(name) === undefined) return
    this.#values.set(name, undefined)
    this.#count -= 1
  }

  #sweep(): void {
    const kept = new Map<string, T | undefined>()
    for (const [name, value] of this.#values) if (value !== undefined) kept.set(name, value)
    this.#values = kept
  }
}
