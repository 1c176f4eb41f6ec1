import type { Millis } from '../../core/duration.ts'

/** How many keys are counted. */
const SLOTS = 256
/** The past of a key: one point each 10 s, for half an hour. All slots together take at most 0.4 MB. */
const SPACING: Millis = 10_000
const MOST_POINTS = 180

interface Slot {
  readonly key: string
  /** How often the key was denied. */
  count: number
  /** How much of the count may belong to keys that had the slot before. */
  error: number
  readonly first: Millis
  last: Millis
  retryAfter: number
  /** The count at the tick before, and the rate since. */
  before: number
  rate: number
  /** Denials per second in each past span of {@link SPACING}, the latest last. */
  readonly past: number[]
  /** The count at the beginning of the present span. */
  atSpan: number
}

/** A key that is denied often. */
export interface DeniedKey {
  readonly key: string
  readonly count: number
  readonly rate: number
  readonly first: Millis
  /** When it was denied last, and the `retryAfter` of that denial. */
  readonly last: Millis
  readonly retryAfter: number
  readonly past: readonly number[]
}

/**
 * The keys that are denied most, in bounded memory, whatever the number of keys: Space-Saving (A. Metwally, D. Agrawal, A. El
 * Abbadi, Efficient Computation of Frequent and Top-k Elements in Data Streams, ICDT 2005).
 *
 * A key that is denied more often than `total / 256` is always among them, and no count is too low. A key without a slot takes the slot
 * with the smallest count, and this count is its possible error.
 */
export class DeniedKeys {
  readonly since: Millis
  readonly #slots = new Map<string, Slot>()
  #total = 0
  #rate = 0
  #before = 0
  #tick: Millis
  /** The beginning of the present span. */
  #span: Millis
  /** True when a key has lost its slot: then there are more keys than slots. */
  #more = false
  /** The slots with the smallest count at the last search; most new keys find a slot here. */
  #smallest: Slot[] = []

  constructor(now: Millis) {
    this.since = now
    this.#tick = now
    this.#span = now
  }

  add(key: string, retryAfter: number, now: Millis): void {
    this.#total += 1
    const slot = this.#slots.get(key)
    if (slot !== undefined) {
      slot.count += 1
      slot.last = now
      slot.retryAfter = retryAfter
      return
    }
    const error = this.#slots.size < SLOTS ? 0 : this.#evict()
    const rate = 0
    this.#slots.set(key, {
      key,
      count: error + 1,
      error,
      first: now,
      last: now,
      retryAfter,
      before: error,
      rate,
      past: [],
      atSpan: error,
    })
  }

  /** Computes the rates since the tick before. */
  tick(now: Millis): void {
    const seconds = (now - this.#tick) / 1000
    if (seconds < 0.5) return
    this.#tick = now
    // The first second counts as it is, later ones are smoothed over about 5 s.
    const weight = now - this.since < 2000 ? 1 : Math.min(1, seconds / 5)
    for (const slot of this.#slots.values()) {
      slot.rate += weight * ((slot.count - slot.before) / seconds - slot.rate)
      slot.before = slot.count
    }
    this.#rate += weight * ((this.#total - this.#before) / seconds - this.#rate)
    this.#before = this.#total
    if (now - this.#span >= SPACING) this.#endSpan(now)
  }

  /** The beginning of the present span: the last point of the history of each key ends here. */
  get pastUntil(): Millis {
    return this.#span
  }

  get pastSpacing(): Millis {
    return SPACING
  }

  /** How many different keys were denied; at least this number when `more` is true. */
  get keys(): number {
    return this.#slots.size
  }

  get more(): boolean {
    return this.#more
  }

  /** The largest error of a rate, per second: it may be too high by this. */
  get error(): number {
    let most = 0
    for (const { error } of this.#slots.values()) most = Math.max(most, error)
    return most / Math.max(1, (this.#tick - this.since) / 1000)
  }

  /** Denials per second, of all keys. */
  get rate(): number {
    return this.#rate
  }

  find(key: string): DeniedKey | undefined {
    return this.#slots.get(key)
  }

  top(limit: number): DeniedKey[] {
    return [...this.#slots.values()]
      .filter(({ rate }) => rate >= 0.005)
      .sort((a, b) => b.rate - a.rate || b.count - a.count)
      .slice(0, limit)
  }

  #endSpan(now: Millis): void {
    const seconds = (now - this.#span) / 1000
    this.#span = now
    for (const slot of this.#slots.values()) {
      slot.past.push(Number(((slot.count - slot.atSpan) / seconds).toPrecision(3)))
      slot.atSpan = slot.count
      if (slot.past.length > MOST_POINTS) slot.past.shift()
    }
  }

  /** Frees the slot of the smallest count, and returns that count. */
  #evict(): number {
    this.#more = true
    let slot = this.#smallest.pop()
    while (slot !== undefined && this.#slots.get(slot.key)?.count !== slot.error) {
      slot = this.#smallest.pop()
    }
    if (slot === undefined) {
      let least = Infinity
      for (const { count } of this.#slots.values()) least = Math.min(least, count)
      // The list keeps the count of each slot at the time of the search in `error`.
      this.#smallest = [...this.#slots.values()]
        .filter(({ count }) => count === least)
        .map((one) => ({ ...one, error: one.count }))
      slot = this.#smallest.pop() as Slot
    }
    this.#slots.delete(slot.key)
    return slot.error
  }
}
