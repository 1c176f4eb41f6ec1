import type { Micros } from '../core/duration.ts'

/**
 * The permits of a half-open breaker: `size` probes, counted when they begin and when they pass, each on a lease.
 * All leases are equally long, so the oldest probe is the first to lose its place; every move is O(1).
 */
export class Probes {
  /** How many have succeeded. */
  passed = 0
  /** How many have lost their place, ever. */
  lost = 0
  /** The start time of the probe that gave its permit back last. */
  began: Micros = 0
  readonly #size: number
  readonly #lease: Micros
  // Ticket to the end of its lease. A Map keeps the order of insertion: the first is the oldest.
  readonly #running = new Map<number, Micros>()
  // Tickets are never used twice, so that a probe of the past cannot give back the permit of another.
  #ticket = 0

  constructor(size: number, lease: Micros) {
    this.#size = size
    this.#lease = lease
  }

  begin(passed: number): void {
    this.#running.clear()
    this.passed = passed
  }

  /** A ticket above 0, or -1 while all permits are taken. */
  take(now: Micros): number {
    if (this.#running.size + this.passed >= this.#size) {
      const oldest = this.#running.entries().next()
      if (oldest.done || oldest.value[1] > now) return -1
      this.#running.delete(oldest.value[0])
      this.lost += 1
    }
    this.#ticket += 1
    this.#running.set(this.#ticket, now + this.#lease)
    return this.#ticket
  }

  /** Gives a permit back. @returns false when the probe had lost it */
  drop(ticket: number): boolean {
    const until = this.#running.get(ticket)
    if (until === undefined) return false
    this.began = until - this.#lease
    return this.#running.delete(ticket)
  }

  /** One more probe has succeeded, and given its permit back. @returns true when it was the last one needed */
  pass(): boolean {
    this.passed += 1
    return this.passed >= this.#size
  }

  /** The earliest time at which the next call may be a probe, if no probe ends before. */
  freeAt(now: Micros): Micros {
    if (this.#running.size + this.passed < this.#size) return now
    const oldest = this.#running.values().next()
    return oldest.done ? now : oldest.value
  }
}
