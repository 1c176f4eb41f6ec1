import type { Millis } from '../../core/duration.ts'
import { Heap } from '../../core/heap.ts'

/** A record waits this long, in the log's time, for others that were before it. */
export const WINDOW: Millis = 60_000
/** And no longer than until so many records wait. */
export const MOST_HELD = 100_000
/** A record that is so far ahead of all others may have a wrong time, so the next records must confirm it. */
export const LEAP: Millis = 24 * 3_600_000
/** So many records in a row confirm each other. The first ones of a log are looked at together, too. */
export const PROOF = 10

interface Held<T> {
  readonly record: T
  readonly time: Millis
  readonly order: number
}

/**
 * Puts records back in the order of their times; those of one time stay in the order of the file.
 *
 * Servers write a line when its request has ended, so slow requests stand after faster ones that began later. A record
 * leaves when a record of one `window` later has been seen, or when more than `mostHeld` wait. A record is late when a later
 * one has already left: it leaves at once, out of order.
 *
 * A record that is more than `leap` ahead of the log is only believed when the next ones are as far. Else one wrong time would make
 * every record after it late. A record that is not believed is stray, and only stray records are left out.
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
  /** How many records were believed. */
  #taken = 0
  /** The widest gap over `leap` between two records that were believed: a log of few requests has many of these. */
  #gap: Millis = 0
  /** Records whose time the next records have to confirm, in the order of the file. */
  #unsure: T[] = []

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
    if (record.time <= this.#latest + this.#leap) {
      // The log goes on where it was, so what seemed to be ahead of it has wrong times.
      this.stray += this.#unsure.length
      this.#unsure = []
      this.#take(record, into)
      return
    }
    this.#unsure.push(record)
    if (this.#unsure.length < PROOF) return
    const unsure = this.#believable()
    // What is far ahead of the others of them has yet to be confirmed itself.
    let highest = -Infinity
    let sure = unsure.length
    for (const [i, { time }] of unsure.entries()) {
      if (i > 0 && time > highest + this.#leap) sure = i
      highest = Math.max(highest, time)
    }
    for (const one of unsure.slice(0, sure)) this.#believe(one, into)
    this.#unsure = unsure.slice(sure)
  }

  /** The log is over: appends to `into` all that is held. */
  end(into: T[]): void {
    const unsure = this.#believable()
    const last = unsure.at(-1)
    let rest = unsure.length
    while (rest > 0 && unsure[rest - 1]?.time === last?.time) rest -= 1
    for (const one of unsure.slice(0, rest)) this.#believe(one, into)
    // A time that stands at the end alone is confirmed by nothing but gaps as wide before it.
    const tail = unsure.slice(rest)
    const ahead = (last?.time ?? 0) - this.#latest
    if (this.#taken > tail.length && ahead > Math.max(this.#leap, this.#gap)) {
      this.stray += tail.length
    } else {
      for (const one of tail) this.#believe(one, into)
    }
    this.#leave(Infinity, 0, into)
  }

  /** The unsure records that are not ahead of most records after them. */
  #believable(): T[] {
    const unsure = this.#unsure
    this.#unsure = []
    let highest = -Infinity
    let lowest = Infinity
    for (const { time } of unsure) {
      if (time < highest - this.#leap) lowest = Math.min(lowest, time)
      else highest = Math.max(highest, time)
    }
    const kept = unsure.filter(({ time }) => time <= lowest + this.#leap)
    if (kept.length * 2 <= unsure.length) return unsure
    this.stray += unsure.length - kept.length
    return kept
  }

  #believe(record: T, into: T[]): void {
    const gap = record.time - this.#latest
    if (gap > this.#leap && gap < Infinity) this.#gap = Math.max(this.#gap, gap)
    this.#take(record, into)
  }

  #take(record: T, into: T[]): void {
    const { time } = record
    this.#taken += 1
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
