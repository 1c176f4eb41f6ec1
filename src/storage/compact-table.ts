import { KeyHash, mixed } from './key-hash.ts'
import {
  EVICTED,
  FARTHEST,
  FREE,
  type Inserted,
  type KeyTable,
  REFUSED,
  type Translation,
  translatedMark,
} from './key-table.ts'

/** Slots in a bucket: one cache line holds two buckets' fingerprints, or two buckets' narrow marks. */
const SLOT_BITS = 3
const SLOTS = 1 << SLOT_BITS
/** Room to spare: the share of slots that `capacity` keys fill, low enough that a place is always found nearby. */
const FILL = 0.88
/** How many keys may be moved in a row to make room for one. */
const DEEPEST = 3
/** Buckets that are swept together. */
const PAGE_BITS = 6
const PAGE = 1 << PAGE_BITS
/** Marks of 32 bits wrap round. Past and future stay apart while each page is swept once in this many ticks. */
const SWEEP_EVERY = 2 ** 29
/** Marks of 64 bits do not wrap; their pages are swept so often only to have room. */
const SWEEP_WIDE_EVERY = 2 ** 40
/** How many buckets are swept to find room before a key is evicted. */
const SWEEP_FOR_ROOM = 16

/**
 * A table for very many keys, which it does not keep: eight bytes a slot, or twelve where marks need 64 bits.
 *
 *     bucket   0                   1
 *     prints   | p p p p p p p p | p p p p p p p p | ...     which key (32 bits of its hash; 0 is free)
 *     marks    | m m m m m m m m | m m m m m m m m | ...     until which tick
 *
 * A key lives in one of two buckets, and either can be computed from the other and the fingerprint, so a key can be
 * moved to make room without knowing it (B. Fan et al., "Cuckoo filter: practically better than Bloom", 2014).
 *
 * **Odds.** A new key is taken for another when one of the 16 slots it looks at holds its 32-bit fingerprint: at most
 * 16 * 0.88 / 2^32 = 3.3e-9. With a million keys held that is 0.3 % for any mix-up among all of them. Two keys mixed
 * up share one limit; nothing else happens.
 *
 * **Wrap.** Narrow marks are kept modulo 2^32. Before a page of buckets is read it is swept if that was not done for
 * 2^29 ticks, so that a passed mark is gone long before it could look like a coming one. No timer is needed: a page
 * that is not read does not matter.
 */
export class CompactTable implements KeyTable {
  readonly #hash = new KeyHash()
  readonly #wide: boolean
  readonly #capacity: number
  readonly #buckets: number
  // Signed, so that a fingerprint is a small integer to the engine and is never boxed.
  readonly #prints: Int32Array
  readonly #marks: Uint32Array | Float64Array
  /** At which tick each page was swept. */
  readonly #swept: Float64Array
  /** Where the key that was found last lies. */
  #found = 0
  #size = 0
  /** Which bucket was swept last to find room. */
  #broom = 0

  /**
   * @param capacity the most keys held
   * @param wide keep marks in 64 bits, for lines too long or too fine for 32
   * @param tick the present
   */
  constructor(capacity: number, wide: boolean, tick: number) {
    this.#capacity = capacity
    this.#wide = wide
    // A small table needs more to spare: a handful of keys may happen to want the same two buckets.
    this.#buckets = Math.ceil(capacity / FILL / SLOTS + Math.sqrt(capacity) / 4)
    this.#prints = new Int32Array(this.#buckets * SLOTS)
    this.#marks = wide
      ? new Float64Array(this.#buckets * SLOTS)
      : new Uint32Array(this.#buckets * SLOTS)
    this.#swept = new Float64Array(Math.ceil(this.#buckets / PAGE)).fill(tick)
  }

  get size(): number {
    return this.#size
  }

  get bytes(): number {
    return this.#prints.byteLength + this.#marks.byteLength + this.#swept.byteLength
  }

  find(key: string, tick: number): number {
    if (!this.#hash.of(key)) {
      const slot = this.#found
      this.#sweepIfDue(slot >> SLOT_BITS, tick)
      if (this.#prints[slot] === this.#hash.print) return slot
    }
    const first = this.#spread(this.#hash.home)
    let slot = this.#within(first, tick)
    if (slot < 0) slot = this.#within(this.#other(first, this.#hash.print), tick)
    if (slot >= 0) this.#found = slot
    return slot
  }

  ahead(slot: number, tick: number): number {
    const ticks = (this.#marks[slot] as number) - tick
    return this.#wide ? ticks : ticks | 0
  }

  farthest(tick: number): number {
    for (let page = 0; page < this.#swept.length; page++) this.#sweepPage(page, tick)
    let farthest = 0
    for (let slot = 0; slot < this.#prints.length; slot++) {
      if (this.#prints[slot] !== 0) farthest = Math.max(farthest, this.ahead(slot, tick))
    }
    return farthest
  }

  mark(slot: number, at: number): void {
    this.#marks[slot] = at
  }

  remove(slot: number): void {
    if (this.#prints[slot] === 0) return
    this.#size -= 1
    this.#prints[slot] = 0
  }

  admits(tick: number, precious: number): boolean {
    return this.#size < this.#capacity || this.ahead(this.#nearest(tick), tick) <= precious
  }

  insert(tick: number, at: number, precious: number): Inserted {
    for (let i = 0; i < SWEEP_FOR_ROOM && this.#size >= this.#capacity; i++) this.#sweepNext(tick)
    const slot = this.#size < this.#capacity ? this.#room(tick) : -1
    if (slot >= 0) {
      this.#put(slot, at)
      return FREE
    }
    const nearest = this.#nearest(tick)
    const ahead = this.ahead(nearest, tick)
    if (ahead > precious) return REFUSED
    this.remove(nearest)
    // A slot of this key's own buckets is free now, if only the one that was cleared.
    this.#put(this.#room(tick), at)
    return ahead <= 0 ? FREE : EVICTED
  }

  rebase(ticks: number): void {
    for (let page = 0; page < this.#swept.length; page++) {
      this.#swept[page] = (this.#swept[page] as number) - ticks
    }
    // Narrow marks are kept modulo 2^32: the multiple changes nothing of them.
    if (!this.#wide) return
    for (let slot = 0; slot < this.#marks.length; slot++) {
      this.#marks[slot] = (this.#marks[slot] as number) - ticks
    }
  }

  translated(to: Translation): CompactTable {
    const { wide, tick, next } = to
    for (let page = 0; page < this.#swept.length; page++) this.#sweepPage(page, tick)
    const table = new CompactTable(this.#capacity, wide, next)
    table.#prints.set(this.#prints)
    table.#size = this.#size
    for (let slot = 0; slot < this.#prints.length; slot++) {
      if (this.#prints[slot] !== 0) {
        table.#marks[slot] = translatedMark(this.ahead(slot, tick), to)
      }
    }
    return table
  }

  /** The slot of the key at hand in `bucket`, or -1. */
  #within(bucket: number, tick: number): number {
    this.#sweepIfDue(bucket, tick)
    const print = this.#hash.print
    const prints = this.#prints
    const start = bucket << SLOT_BITS
    for (let slot = start; slot < start + SLOTS; slot++) if (prints[slot] === print) return slot
    return -1
  }

  #put(slot: number, at: number): void {
    if (this.#prints[slot] === 0) this.#size += 1
    this.#prints[slot] = this.#hash.print
    this.#marks[slot] = at
    this.#found = slot
  }

  /** A hash spread over the buckets, however many there are: the high half of a 32 by 32 bit product. */
  #spread(hash: number): number {
    return ((hash >>> 0) * this.#buckets * 2 ** -32) | 0
  }

  /** The other bucket of a key; the other of the other is the first again. */
  #other(bucket: number, print: number): number {
    const other = this.#spread(mixed(print)) - bucket
    return other < 0 ? other + this.#buckets : other
  }

  /** A slot for the key at hand, after moving others to their other bucket if need be. */
  #room(tick: number): number {
    const first = this.#spread(this.#hash.home)
    const second = this.#other(first, this.#hash.print)
    for (let moves = 0; moves <= DEEPEST; moves++) {
      let slot = this.#roomIn(first, tick, moves)
      if (slot < 0) slot = this.#roomIn(second, tick, moves)
      if (slot >= 0) return slot
    }
    return -1
  }

  /** A slot of `bucket` that is free, or whose mark has been passed, or that can be freed in `moves`. */
  #roomIn(bucket: number, tick: number, moves: number): number {
    this.#sweepIfDue(bucket, tick)
    const start = bucket << SLOT_BITS
    for (let slot = start; slot < start + SLOTS; slot++) {
      if (this.#prints[slot] === 0 || this.ahead(slot, tick) <= 0) return slot
    }
    if (moves === 0) return -1
    for (let slot = start; slot < start + SLOTS; slot++) {
      const to = this.#roomIn(this.#other(bucket, this.#prints[slot] as number), tick, moves - 1)
      if (to < 0) continue
      this.#move(slot, to)
      return slot
    }
    return -1
  }

  #move(from: number, to: number): void {
    this.remove(to)
    this.#prints[to] = this.#prints[from] as number
    this.#marks[to] = this.#marks[from] as number
    this.#prints[from] = 0
  }

  /**
   * The key with the nearest mark in the buckets of the current key, or, when these are empty, in the next bucket that has keys.
   */
  #nearest(tick: number): number {
    const first = this.#spread(this.#hash.home)
    let nearest = this.#nearestIn(first, -1, tick)
    nearest = this.#nearestIn(this.#other(first, this.#hash.print), nearest, tick)
    for (let bucket = first; nearest < 0; bucket = (bucket + 1) % this.#buckets) {
      nearest = this.#nearestIn(bucket, nearest, tick)
    }
    return nearest
  }

  #nearestIn(bucket: number, nearest: number, tick: number): number {
    this.#sweepIfDue(bucket, tick)
    const start = bucket << SLOT_BITS
    for (let slot = start; slot < start + SLOTS; slot++) {
      if (this.#prints[slot] === 0) continue
      if (nearest < 0 || this.ahead(slot, tick) < this.ahead(nearest, tick)) nearest = slot
    }
    return nearest
  }

  #sweepIfDue(bucket: number, tick: number): void {
    const page = bucket >> PAGE_BITS
    const every = this.#wide ? SWEEP_WIDE_EVERY : SWEEP_EVERY
    if (tick - (this.#swept[page] as number) > every) this.#sweepPage(page, tick)
  }

  #sweepPage(page: number, tick: number): void {
    // After so long even the farthest mark has been passed, and narrow marks cannot be told apart any more.
    const all = !this.#wide && tick - (this.#swept[page] as number) > SWEEP_EVERY + FARTHEST
    const end = Math.min((page + 1) * PAGE, this.#buckets) << SLOT_BITS
    for (let slot = (page * PAGE) << SLOT_BITS; slot < end; slot++) {
      if (all || this.ahead(slot, tick) <= 0) this.remove(slot)
    }
    this.#swept[page] = tick
  }

  #sweepNext(tick: number): void {
    this.#broom = this.#broom + 1 < this.#buckets ? this.#broom + 1 : 0
    this.#sweepIfDue(this.#broom, tick)
    const start = this.#broom << SLOT_BITS
    for (let slot = start; slot < start + SLOTS; slot++) {
      if (this.ahead(slot, tick) <= 0) this.remove(slot)
    }
  }
}
