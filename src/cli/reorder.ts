import type { Millis } from '../core/duration.ts'
import { Heap } from '../core/heap.ts'

/** A record waits this long, in the log's time, for others that were before it. */
export const WINDOW: Millis = 60_000
/** And no longer than until so many records wait. */
export const MOST_HELD = 100_000

interface Held<T> {
  readonly record: T
  readonly time: Millis
  readonly order: number
}

/**
 * Puts records back in the order of their times; those of one time stay in the order of the file.
 *
 * Servers write a line when its request has ended, so slow requests stand after faster ones that began later. A record
 * leaves when one `window` later has been seen, or when more than `mostHeld` wait. What comes when a later
 * one has already left is late: it leaves at once, out of order. None is ever lost.
 */
export class Reorderer<T extends { readonly time: Millis }> {
  /** Records that came after a later one, and were put in their place. */
  reordered = 0
  /** Records that came after a later one had left. */
  late = 0
  readonly #window: Millis
  readonly #mostHeld: number
  readonly #held = new Heap<Held<T>>((a, b) => a.time - b.time || a.order - b.order)
  #order = 0
  /** The latest time seen. */
  #latest = -Infinity
  /** The time of the last record that left in order. */
  #left = -Infinity

  constructor(window: Millis = WINDOW, mostHeld: number = MOST_HELD) {
    this.#window = window
    this.#mostHeld = mostHeld
  }

  /** Takes `record` in, and appends to `into` whatever leaves. */
  push(record: T, into: T[]): void {
    const { time } = record
    if (time < this.#left) {
      this.late += 1
      into.push(record)
      return
    }
    if (time < this.#latest) this.reordered += 1
    else this.#latest = time
    this.#held.push({ record, time, order: this.#order++ })
    this.#leave(this.#latest - this.#window, this.#mostHeld, into)
  }

  /** The log is over: appends to `into` whatever is left. */
  end(into: T[]): void {
    this.#leave(Infinity, 0, into)
  }

  #leave(until: Millis, most: number, into: T[]): void {
    for (let next = this.#held.peek(); next !== undefined; next = this.#held.peek()) {
      if (next.time > until && this.#held.size <= most) return
      this.#left = next.time
      into.push(next.record)
      this.#held.pop()
    }
  }
}
