import type { Micros } from '../core/duration.ts'

/** How many blocks are looked at, whenever one is added, for some that are over. */
const SWEEP = 2

/**
 * Keys that are denied until a given time. A block is kept for as long as it holds, however many there are: no key gets free
 * because others were blocked. Blocks that are over are forgotten when they are met, and there are never more of them than of
 * blocks that hold.
 */
export class Blocks {
  readonly #until = new Map<string, Micros>()
  /** Goes round all blocks, a few steps for each that is added. */
  #broom = this.#until.entries()
  /** True when a key is blocked. Asked first, so that limits without blocks pay one branch. */
  any = false

  /** Blocks `key` until then; a longer block stays, unless this one replaces it. A block that is over ends it. */
  set(key: string, now: Micros, until: Micros, replace = false): void {
    if (!replace && this.left(key, now) > until - now) return
    if (until <= now) return this.remove(key)
    for (let i = 0; i < SWEEP; i++) this.#sweepNext(now)
    this.#until.set(key, until)
    this.any = true
  }

  remove(key: string): void {
    this.#until.delete(key)
    this.any = this.#until.size > 0
  }

  /** How long `key` is still blocked; 0 when it is not. */
  left(key: string, now: Micros): Micros {
    if (!this.any) return 0
    const until = this.#until.get(key)
    if (until === undefined) return 0
    if (until > now) return until - now
    this.remove(key)
    return 0
  }

  /** How many are kept. */
  get size(): number {
    return this.#until.size
  }

  #sweepNext(now: Micros): void {
    const next = this.#broom.next()
    if (next.done) this.#broom = this.#until.entries()
    else if (next.value[1] <= now) this.#until.delete(next.value[0])
  }
}
