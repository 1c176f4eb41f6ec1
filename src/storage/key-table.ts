/**
 * A map from keys to marks, where a mark is a point on a line of ticks, and a mark that has been passed means nothing
 * any more: its key may be forgotten. Ticks are handed in; a table knows no time of its own.
 */
export interface KeyTable {
  /** Keys held, some perhaps with marks that have been passed. */
  readonly size: number
  /** Bytes held in buffers. */
  readonly bytes: number
  /** The slot of `key`, or -1. Until the next call this is the key that `insert` and `admits` speak of. */
  find(key: string, tick: number): number
  /** How many ticks from `tick` the mark of `slot` lies ahead; 0 or less when it has been passed. */
  ahead(slot: number, tick: number): number
  /** How many ticks the farthest mark lies ahead of `tick`; 0 where none does. */
  farthest(tick: number): number
  /** Sets the mark of `slot`. */
  mark(slot: number, at: number): void
  /** Forgets the key of `slot`. */
  remove(slot: number): void
  /** True when `insert` would find a place. */
  admits(tick: number, precious: number): boolean
  /**
   * Puts in the key that `find` did not find.
   *
   * When there is no room, a key whose mark is near gives way, unless every mark around lies further than `precious`
   * ticks ahead: then nothing is given up and the result is `REFUSED`.
   */
  insert(tick: number, at: number, precious: number): Inserted
  /** Moves every mark back by `ticks`, a multiple of 2^32, as the line of ticks is moved. */
  rebase(ticks: number): void
  /** The same keys with marks on another line of ticks. */
  translated(to: Translation): KeyTable
}

/** No mark of 32 bits lies further ahead than this. */
export const FARTHEST: number = 2 ** 30

/** From one line of ticks to another. */
export interface Translation {
  /** True when the other line needs 64 bits. */
  readonly wide: boolean
  /** Now, on this line. */
  readonly tick: number
  /** Now, on the other line. */
  readonly next: number
  /** How many ticks of the other line one of this line is. */
  readonly scale: number
  /** How much farther a mark that lies ahead lies on the other line. */
  readonly more: number
  /** The farthest a mark may lie ahead on the other line. */
  readonly most: number
}

/** The mark on the other line for a mark that lies `ahead` on this line. */
export function translatedMark(ahead: number, { next, scale, more, most }: Translation): number {
  return ahead > 0 ? next + Math.min(most, Math.ceil(ahead * scale) + more) : next
}

/** There was room. */
export const FREE = 0
/** Another key had to give way. */
export const EVICTED = 1
/** There was no room, and no key that may be evicted. */
export const REFUSED = -1
export type Inserted = typeof FREE | typeof EVICTED | typeof REFUSED
