/**
 * Values by name, for names that come and go all the time.
 *
 * Not a Map: each time a Map has made room, its old table points at the new one. Once the collector has moved one of them
 * among what is old, all that come after are taken for reachable, with all that was in them, until the next full
 * collection. For locks that are held for milliseconds that cost as much as all the rest.
 */
export class ByName<T> {
  readonly #values: Record<string, T> = Object.create(null)

  get(name: string): T | undefined {
    return this.#values[name]
  }

  set(name: string, value: T): void {
    this.#values[name] = value
  }

  delete(name: string): void {
    delete this.#values[name]
  }
}
