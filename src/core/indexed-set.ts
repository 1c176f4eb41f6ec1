import { objects } from './array-kinds.ts'

/** A member of at most one set at a time. */
export interface Indexed {
  /** Where; the set's own. */
  place: number
}

/** A set, in no order. Not a Set, for the reason that is told at `ByName`; to enter and to leave costs no allocation. */
export class IndexedSet<T extends Indexed> {
  readonly #all: T[] = objects()

  get size(): number {
    return this.#all.length
  }

  has(one: T): boolean {
    return this.#all[one.place] === one
  }

  /** The member that stands there. */
  at(place: number): T | undefined {
    return this.#all[place]
  }

  add(one: T): void {
    one.place = this.#all.push(one) - 1
  }

  delete(one: T): void {
    if (!this.has(one)) return
    const last = this.#all.pop() as T
    if (last === one) return
    this.#all[one.place] = last
    last.place = one.place
  }

  [Symbol.iterator](): Iterator<T> {
    return this.#all[Symbol.iterator]()
  }
}
