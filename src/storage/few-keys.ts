import { EVICTED, FREE, type Inserted, type KeyTable, REFUSED } from './key-table.ts'

/** How many keys are looked at to find one that may give way. */
const SAMPLE = 16

/** A table that keeps its keys: the fastest while there are few of them, and exact. */
export class FewKeys implements KeyTable {
  readonly capacity: number
  readonly #slots = new Map<string, number>()
  readonly #keys: (string | undefined)[] = []
  #marks: Float64Array
  readonly #free: number[] = []
  #key = ''
  #slot = -1
  #round = 0

  constructor(capacity: number) {
    this.capacity = capacity
    this.#marks = new Float64Array(Math.min(capacity, 16))
  }

  get size(): number {
    return this.#slots.size
  }

  get bytes(): number {
    return this.#marks.byteLength
  }

  find(key: string, _tick: number): number {
    if (key === this.#key && this.#slot >= 0) return this.#slot
    const slot = this.#slots.get(key)
    this.#key = key
    this.#slot = slot === undefined ? -1 : slot
    return this.#slot
  }

  ahead(slot: number, tick: number): number {
    return (this.#marks[slot] as number) - tick
  }

  mark(slot: number, at: number): void {
    this.#marks[slot] = at
  }

  remove(slot: number): void {
    const key = this.#keys[slot]
    if (key === undefined) return
    this.#slots.delete(key)
    this.#keys[slot] = undefined
    this.#free.push(slot)
    this.#slot = -1
  }

  admits(tick: number, precious: number): boolean {
    if (this.size < this.capacity) return true
    const slot = this.#nearest(tick)
    return this.ahead(slot, tick) <= precious
  }

  insert(tick: number, at: number, precious: number): Inserted {
    if (this.size < this.capacity) {
      this.#put(at)
      return FREE
    }
    const slot = this.#nearest(tick)
    const ahead = this.ahead(slot, tick)
    if (ahead > precious) return REFUSED
    this.remove(slot)
    this.#put(at)
    this.#round = (slot + 1) % this.capacity
    return ahead <= 0 ? FREE : EVICTED
  }

  translated(_wide: boolean, tick: number, next: number, scale: number): FewKeys {
    for (const slot of this.#slots.values()) {
      this.#marks[slot] = next + Math.ceil(this.ahead(slot, tick) * scale)
    }
    return this
  }

  /** Forgets every key whose mark has been passed. */
  sweep(tick: number): void {
    for (const slot of this.#slots.values()) if (this.ahead(slot, tick) <= 0) this.remove(slot)
  }

  /** Puts every key into another table. */
  pour(into: KeyTable, tick: number): void {
    for (const [key, slot] of this.#slots) {
      const at = this.#marks[slot] as number
      if (at > tick && into.find(key, tick) < 0) into.insert(tick, at, Infinity)
    }
  }

  #put(at: number): void {
    const slot = this.#free.pop() ?? this.#keys.length
    if (slot >= this.#marks.length) {
      const marks = new Float64Array(Math.min(this.capacity, slot * 4))
      marks.set(this.#marks)
      this.#marks = marks
    }
    this.#keys[slot] = this.#key
    this.#marks[slot] = at
    this.#slots.set(this.#key, slot)
    this.#slot = slot
  }

  /** Of the next few keys on the round, the one whose mark is nearest. */
  #nearest(tick: number): number {
    let nearest = this.#round
    for (let i = 1; i < SAMPLE; i++) {
      const slot = (this.#round + i) % this.capacity
      if (this.ahead(slot, tick) < this.ahead(nearest, tick)) nearest = slot
    }
    return nearest
  }
}
