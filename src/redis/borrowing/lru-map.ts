import { OldestFirst } from '../../core/oldest-first.ts'

/** What was put last, by key, and no more than a given number of it: the one put or used longest ago goes first. */
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
