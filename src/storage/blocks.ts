import type { Micros } from '../core/duration.ts'

/** Keys that are denied until a given time. Bounded; a block that is over is forgotten when it is next met. */
export class Blocks {
  readonly #until = new Map<string, Micros>()
  readonly #capacity: number
  /** Is anything blocked? Asked first, so that limits without blocks pay one branch. */
  any = false

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  /** Blocks `key` until then; a longer block stays, unless this one replaces it. A block that is over ends it. */
  set(key: string, now: Micros, until: Micros, replace = false): void {
    if (!replace && this.left(key, now) > until - now) return
    if (until <= now) return this.remove(key)
    this.#until.delete(key)
    if (this.#until.size >= this.#capacity) this.#makeRoom(now)
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

  #makeRoom(now: Micros): void {
    for (const [key, until] of this.#until) if (until <= now) this.#until.delete(key)
    // All of them still hold: the one that was set first has served longest.
    const [oldest] = this.#until.keys()
    if (this.#until.size >= this.#capacity) this.#until.delete(oldest as string)
  }
}
