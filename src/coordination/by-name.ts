/** So many names without a value may stay, beside as many as there are values. */
const MOST_EMPTY = 1024

/**
 * Values by name, for names that come and go all the time.
 *
 * Where an entry is deleted from a Map and another added for ever, the Map goes on making new tables, and each points at the
 * next. Once the collector has moved one of them among what is old, all that come after are taken for reachable, with all
 * that was in them, until the next full collection: for locks that are held for milliseconds, half of their cost. So names
 * stay, and now and then a new Map begins.
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
