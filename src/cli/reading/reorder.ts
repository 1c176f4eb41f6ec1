import type { Millis } from '../../core/duration.ts'
import { Heap } from '../../core/heap.ts'

/** A record waits this long, in the log's time, for others that were before it. */
export const WINDOW: Millis = 60_000
/** And no longer than until so many records wait. */
export const MOST_HELD = 100_000
/** A record that is so far ahead of all others may have a wrong time, so the next record must confirm it. */
export const LEAP: Millis = 24 * 3_600_000

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
 * one has already left is late: it leaves at once, out of order.
 *
 * A record that is more than `leap` ahead is only believed when the next one is as far. Else one wrong time would make
 * every record after it late. A record that is not believed is stray, and is the only one that is left out.
 */
export class Reorderer<T extends { readonly time: Millis }> {
  /** Records that came after a later one, and were put in their place. */
  reordered = 0
  /** Records that came after a later one had left. */
  late = 0
  /** Records whose time no other record confirmed. */
  stray = 0
  readonly #window: Millis
  readonly #mostHeld: number
  readonly #leap: Millis
  // Most logs are in order, or nearly. A record that is later than all others goes to the end of this list...
  #line: T[] = []
  #lineOrders: number[] = []
  #lineHead = 0
  /** ... and the others are sorted here. */
  readonly #heap = new Heap<Held<T>>((a, b) => a.time - b.time || a.order - b.order)
  #order = 0
  /** The latest time seen. */
  #latest = -Infinity
  /** The time of the last record that left in order. */
  #left = -Infinity
  #leaping: T | undefined

  constructor(
    window: Millis = WINDOW,
    mostHeld: number = MOST_HELD,
    leap: Millis = Math.max(LEAP, 2 * window),
  ) {
    this.#window = window
    this.#mostHeld = mostHeld
    this.#leap = leap
  }

  /** Takes `record` in, and appends to `into` whatever leaves. */
  push(record: T, into: T[]): void {
    const leaping = this.#leaping
    if (leaping !== undefined) {
      this.#leaping = undefined
      if (record.time > leaping.time - this.#leap) this.#take(leaping, into)
      else this.stray += 1
    }
    if (record.time > this.#latest + this.#leap && this.#latest !== -Infinity) {
      this.#leaping = record
    } else {
      this.#take(record, into)
    }
  }

  /** The log is over: appends to `into` all that is held. */
  end(into: T[]): void {
    // Nothing is there to deny it.
    if (this.#leaping !== undefined) this.#take(this.#leaping, into)
    this.#leaping = undefined
    this.#leave(Infinity, 0, into)
  }

  #take(record: T, into: T[]): void {
    const { time } = record
    if (time < this.#left) {
      this.late += 1
      into.push(record)
      return
    }
    if (time < this.#latest) {
      this.reordered += 1
      this.#heap.push({ record, time, order: this.#order++ })
    } else {
      this.#latest = time
      this.#line.push(record)
      this.#lineOrders.push(this.#order++)
    }
    this.#leave(this.#latest - this.#window, this.#mostHeld, into)
  }

  #leave(until: Millis, most: number, into: T[]): void {
    for (;;) {
      const first = this.#line[this.#lineHead]
      const held = this.#heap.peek()
      const fromHeap = held !== undefined && (first === undefined || this.#before(held, first))
      const next = fromHeap ? held.record : first
      if (next === undefined) break
      const size = this.#line.length - this.#lineHead + this.#heap.size
      if (next.time > until && size <= most) break
      this.#left = next.time
      into.push(next)
      if (fromHeap) this.#heap.pop()
      else this.#lineHead += 1
    }
    // The places at the front are empty now; they are given back now and then, so that each record moves once.
    if (this.#lineHead > 1024 && this.#lineHead * 2 > this.#line.length) {
      this.#line = this.#line.slice(this.#lineHead)
      this.#lineOrders = this.#lineOrders.slice(this.#lineHead)
      this.#lineHead = 0
    }
  }

  #before(held: Held<T>, first: T): boolean {
    if (held.time !== first.time) return held.time < first.time
    return held.order < (this.#lineOrders[this.#lineHead] as number)
  }
}
