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
  /** Sets the mark of `slot`. */
  mark(slot: number, at: number): void
  /** Forgets the key of `slot`. */
  remove(slot: number): void
  /** Would `insert` find a place? */
  admits(tick: number, precious: number): boolean
  /**
   * Puts in the key that `find` did not find.
   *
   * When there is no room, a key whose mark is near gives way, unless every mark around lies further than `precious`
   * ticks ahead: then nothing is given up and the result is `REFUSED`.
   */
  insert(tick: number, at: number, precious: number): Inserted
  /**
   * The same keys with marks on another line of ticks: `next` is now on that line, as `tick` is on this one, and one
   * tick of this line is `scale` of that one.
   */
  translated(wide: boolean, tick: number, next: number, scale: number): KeyTable
}

/** There was room. */
export const FREE = 0
/** Another key had to give way. */
export const EVICTED = 1
/** There was no room, and nobody to give way. */
export const REFUSED = -1
export type Inserted = typeof FREE | typeof EVICTED | typeof REFUSED
