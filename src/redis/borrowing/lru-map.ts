import { OldestFirst } from '../../core/oldest-first.ts'

/** A map with at most a given number of entries: the entry that was put or used longest ago is dropped first. */
export class LruMap<T> extends OldestFirst<string, T> {
  readonly #most: number

  constructor(most: number) {
    super()
    this.#most = most
  }

  override put(key: string, entry: T): void {
    super.put(key, entry)
    if (this.size > this.#most) this.shift()
  }
}
