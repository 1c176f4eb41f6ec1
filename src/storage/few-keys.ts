import { KeySlots } from './key-slots.ts'
import {
  EVICTED,
  FREE,
  type Inserted,
  type KeyTable,
  REFUSED,
  type Translation,
  translatedMark,
} from './key-table.ts'

/** How many keys are looked at to find one that may be forgotten, and as many to find one that may give way. */
const SAMPLE = 16
const FIRST_MARKS = 16

/** A table that keeps its keys: the fastest while there are few of them, and exact. */
export class FewKeys implements KeyTable {
  readonly capacity: number
  readonly #slots = new KeySlots()
  #marks: Float64Array = new Float64Array(FIRST_MARKS)
  #key = ''

  constructor(capacity: number) {
    this.capacity = capacity
  }

  get size(): number {
    return this.#slots.size
  }

  get bytes(): number {
    return this.#marks.byteLength
  }

  find(key: string, _tick: number): number {
    this.#key = key
    return this.#slots.find(key)
  }

  ahead(slot: number, tick: number): number {
    return (this.#marks[slot] as number) - tick
  }

  farthest(tick: number): number {
    let farthest = 0
    for (let slot = 0; slot < this.#slots.end; slot++) {
      if (this.#slots.keyOf(slot) !== undefined)
        farthest = Math.max(farthest, this.ahead(slot, tick))
    }
    return farthest
  }

  mark(slot: number, at: number): void {
    this.#marks[slot] = at
  }

  remove(slot: number): void {
    this.#slots.remove(slot)
  }

  admits(tick: number, precious: number): boolean {
    return this.size < this.capacity || this.ahead(this.#nearest(tick), tick) <= precious
  }

  insert(tick: number, at: number, precious: number): Inserted {
    for (let i = 0; i < SAMPLE && this.size >= this.capacity; i++) {
      const slot = this.#slots.next()
      if (slot >= 0 && this.ahead(slot, tick) <= 0) this.remove(slot)
    }
    if (this.size < this.capacity) {
      this.#put(at)
      return FREE
    }
    const slot = this.#nearest(tick)
    const ahead = this.ahead(slot, tick)
    if (ahead > precious) return REFUSED
    this.remove(slot)
    this.#put(at)
    return ahead <= 0 ? FREE : EVICTED
  }

  rebase(ticks: number): void {
    for (let slot = 0; slot < this.#slots.end; slot++) {
      this.#marks[slot] = (this.#marks[slot] as number) - ticks
    }
  }

  translated(to: Translation): FewKeys {
    for (let slot = 0; slot < this.#slots.end; slot++) {
      this.#marks[slot] = translatedMark(this.ahead(slot, to.tick), to)
    }
    return this
  }

  /** Forgets every key whose mark lies in the past. */
  sweep(tick: number): void {
    for (let slot = 0; slot < this.#slots.end; slot++) {
      if (this.ahead(slot, tick) <= 0) this.remove(slot)
    }
  }

  /** Puts every key into another table, which has room for them. */
  pour(into: KeyTable, tick: number): void {
    for (let slot = 0; slot < this.#slots.end; slot++) {
      const key = this.#slots.keyOf(slot)
      if (key === undefined || into.find(key, tick) >= 0) continue
      into.insert(tick, this.#marks[slot] as number, Infinity)
    }
  }

  #put(at: number): void {
    const slot = this.#slots.add(this.#key)
    if (slot >= this.#marks.length) {
      const marks = new Float64Array(slot * 4)
      marks.set(this.#marks)
      this.#marks = marks
    }
    this.#marks[slot] = at
  }

  /** Of some keys, the one whose mark is nearest. */
  #nearest(tick: number): number {
    let nearest = this.#slots.any()
    for (let i = 1; i < SAMPLE; i++) {
      const slot = this.#slots.any()
      if (this.ahead(slot, tick) < this.ahead(nearest, tick)) nearest = slot
    }
    return nearest
  }
}
