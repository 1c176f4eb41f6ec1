/** What was put last, by key, and no more than a given number of it: the one put or used longest ago goes first. */
export class Recent<T> {
  // A Map remembers the order of insertion: the first is the stalest.
  readonly #entries = new Map<string, T>()
  readonly #most: number

  constructor(most: number) {
    this.#most = most
  }

  get size(): number {
    return this.#entries.size
  }

  get(key: string): T | undefined {
    return this.#entries.get(key)
  }

  /** As `get`, and it counts as used. */
  use(key: string): T | undefined {
    const entry = this.#entries.get(key)
    if (entry !== undefined) this.put(key, entry)
    return entry
  }

  put(key: string, entry: T): void {
    this.#entries.delete(key)
    this.#entries.set(key, entry)
    if (this.#entries.size <= this.#most) return
    const stalest = this.#entries.keys().next()
    if (!stalest.done) this.#entries.delete(stalest.value)
  }

  delete(key: string): void {
    this.#entries.delete(key)
  }

  clear(): void {
    this.#entries.clear()
  }
}
