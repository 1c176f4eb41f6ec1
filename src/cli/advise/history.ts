import type { Micros, Millis } from '../../core/duration.ts'
import type { LogRecord } from '../formats/record.ts'

/** So many requests are kept, at 12 bytes each; and so many keys. */
export const MOST_REQUESTS = 12_000_000
export const MOST_KEYS = 2_000_000

/** A column of numbers grows by pieces of this size, so that nothing is ever copied to make room. */
const PIECE = 1 << 18

/** A key with more than this share of all that is kept is always kept, because it alone can decide the advice. */
const BUSY = 1 / 1024

/** Leaving out keys was worth it when no more than this share of the requests is left. */
const WORTH = 3 / 4

/**
 * When each key asked, in bounded memory.
 *
 * Up to {@link MOST_REQUESTS} requests and {@link MOST_KEYS} keys all are kept. Beyond that half of the keys, chosen by a
 * hash of their names, are left out with all their requests, and each key that is kept stands for two; then for four, and
 * so on. Limits count each key alone, so what is known about a kept key stays exact. The busiest keys are
 * always kept, and stand for no more keys than before.
 *
 * Where a few keys ask for nearly all, leaving out others makes no room. Then requests are kept up to that moment, and
 * later ones are only counted.
 */
export class History {
  /** All requests, those that are left out included. */
  requests = 0
  /** How many times keys have been left out; 0: everything was kept. */
  thinned = 0
  from: Millis | undefined
  to: Millis = 0
  /** Requests are kept up to this time; `undefined`: to the end. */
  keptUntil: Millis | undefined
  /** Keys that are kept. What a key stands for is in `weights`. */
  keys: string[] = []
  weights: number[] = []
  counts: number[] = []
  #ids = new Map<string, number>()
  #pinned = new Set<number>()
  #size = 0
  #idPieces: Uint32Array[] = []
  #timePieces: Float64Array[] = []
  #costPieces: Float64Array[] = []
  readonly #costly: boolean
  readonly #mostRequests: number
  readonly #mostKeys: number

  /** @param costly whether requests have costs of their own */
  constructor(costly: boolean, mostRequests: number = MOST_REQUESTS, mostKeys: number = MOST_KEYS) {
    this.#costly = costly
    this.#mostRequests = mostRequests
    this.#mostKeys = mostKeys
  }

  /** @param record not before the records before it, or it is taken as if it came with the last of them */
  add({ key, time, cost }: LogRecord): void {
    this.requests += 1
    this.from ??= time
    if (time > this.to) this.to = time
    if (this.keptUntil !== undefined) return
    const id = this.#ids.get(key) ?? this.#newcomer(key)
    if (id < 0) return
    const at = this.#size % PIECE
    if (at === 0) this.#grow()
    const piece = this.#idPieces.length - 1
    ;(this.#idPieces[piece] as Uint32Array)[at] = id
    ;(this.#timePieces[piece] as Float64Array)[at] = Math.round((this.to - this.from) * 1000)
    if (this.#costly) (this.#costPieces[piece] as Float64Array)[at] = cost
    this.counts[id] = (this.counts[id] as number) + 1
    this.#size += 1
    if (this.#size < this.#mostRequests) return
    this.#thin()
    if (this.#size > this.#mostRequests * WORTH) this.keptUntil = this.to
  }

  /** The requests of each key in a row. Empties the history. */
  grouped(): Requests {
    const starts = new Uint32Array(this.keys.length + 1)
    for (const [id, count] of this.counts.entries()) {
      starts[id + 1] = (starts[id] as number) + count
    }
    const next = starts.slice()
    const times = new Float64Array(this.#size)
    const costs = this.#costly ? new Float64Array(this.#size) : undefined
    this.#each((id, time, cost) => {
      const at = next[id] as number
      next[id] = at + 1
      times[at] = time
      if (costs !== undefined) costs[at] = cost
    })
    this.#idPieces = []
    this.#timePieces = []
    this.#costPieces = []
    return { times, costs, starts, weights: Float64Array.from(this.weights) }
  }

  #newcomer(key: string): number {
    if (!this.#chosen(key)) return -1
    if (this.keys.length >= this.#mostKeys) {
      this.#thin()
      if (!this.#chosen(key)) return -1
    }
    const id = this.keys.length
    this.#ids.set(key, id)
    this.keys.push(key)
    this.counts.push(0)
    this.weights.push(2 ** this.thinned)
    return id
  }

  #chosen(key: string): boolean {
    return this.thinned === 0 || hash(key) % 2 ** this.thinned === 0
  }

  /** Leaves out half of the keys. */
  #thin(): void {
    const busy = this.#size * BUSY
    for (const [id, count] of this.counts.entries()) if (count > busy) this.#pinned.add(id)
    this.thinned += 1
    const moved = new Int32Array(this.keys.length).fill(-1)
    const kept: number[] = []
    for (const [id, key] of this.keys.entries()) {
      if (!this.#pinned.has(id) && !this.#chosen(key)) continue
      moved[id] = kept.length
      kept.push(id)
    }
    this.#keepOnly(kept, moved)
  }

  #keepOnly(kept: readonly number[], moved: Int32Array): void {
    const pinned = this.#pinned
    const old = { ids: this.#idPieces, times: this.#timePieces, costs: this.#costPieces }
    const size = this.#size
    this.weights = kept.map(
      (id) => (pinned.has(id) ? this.weights[id] : 2 ** this.thinned) as number,
    )
    this.keys = kept.map((id) => this.keys[id] as string)
    this.counts = kept.map((id) => this.counts[id] as number)
    this.#ids = new Map(this.keys.map((key, id) => [key, id]))
    this.#pinned = new Set([...pinned].map((id) => moved[id] as number))
    // In place: what is kept moves to the front.
    let to = 0
    for (let from = 0; from < size; from++) {
      const [piece, at] = [Math.floor(from / PIECE), from % PIECE]
      const id = moved[(old.ids[piece] as Uint32Array)[at] as number] as number
      if (id < 0) continue
      const [toPiece, toAt] = [Math.floor(to / PIECE), to % PIECE]
      ;(old.ids[toPiece] as Uint32Array)[toAt] = id
      ;(old.times[toPiece] as Float64Array)[toAt] = (old.times[piece] as Float64Array)[at] as number
      if (this.#costly) {
        ;(old.costs[toPiece] as Float64Array)[toAt] = (old.costs[piece] as Float64Array)[
          at
        ] as number
      }
      to += 1
    }
    this.#size = to
    const pieces = Math.ceil(to / PIECE)
    for (const column of [old.ids, old.times, old.costs])
      column.length = Math.min(column.length, pieces)
  }

  #grow(): void {
    this.#idPieces.push(new Uint32Array(PIECE))
    this.#timePieces.push(new Float64Array(PIECE))
    if (this.#costly) this.#costPieces.push(new Float64Array(PIECE))
  }

  #each(visit: (id: number, time: Micros, cost: number) => void): void {
    for (const [piece, ids] of this.#idPieces.entries()) {
      const times = this.#timePieces[piece] as Float64Array
      const costs = this.#costPieces[piece]
      const end = Math.min(PIECE, this.#size - piece * PIECE)
      for (let at = 0; at < end; at++) {
        visit(
          ids[at] as number,
          times[at] as number,
          costs === undefined ? 1 : (costs[at] as number),
        )
      }
    }
  }
}

/** Requests by key: those of key `id` stand from `starts[id]` up to `starts[id + 1]`, in the order of their times. */
export interface Requests {
  /** Microseconds since the first request of the log. */
  readonly times: Float64Array
  /** `undefined`: each costs 1. */
  readonly costs: Float64Array | undefined
  readonly starts: Uint32Array
  /** How many keys each key stands for. */
  readonly weights: Float64Array
}

/** FNV-1a with a last mix, because its low bits alone are poor. */
function hash(text: string): number {
  let value = 0x811c9dc5
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193)
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b)
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35)
  return (value ^ (value >>> 16)) >>> 0
}
