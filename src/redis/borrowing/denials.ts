import type { Millis } from '../../core/duration.ts'
import type { Verdict } from '../../core/storage.ts'
import { LruMap } from './lru-map.ts'

interface Denial {
  readonly cost: number
  readonly verdict: Verdict
  /** When the call was sent that was denied. */
  readonly at: Millis
  /** Until when the storage need not be asked again. */
  readonly until: Millis
}

/**
 * Remembers denials: until its `retryAfter`, the same cost for the same key is denied without asking the storage. Another cost may have
 * another wait, so the storage is asked about it. A remembered denial is wrong only when another process gives tokens back, so none is
 * kept longer than `longest`. `drop` is called when this process gives tokens back, `outdate` when it takes some. Bounded, without a timer.
 */
export class Denials {
  readonly #kept: LruMap<Denial>
  readonly #longest: Millis
  /** How often `drop` was called: the answer to a question that was sent before a drop is not kept after it. */
  drops = 0

  constructor(most: number, longest: Millis) {
    this.#kept = new LruMap(most)
    this.#longest = longest
  }

  get size(): number {
    return this.#kept.size
  }

  /** @param asked when the question was sent: counted from then, no call that comes back at its `retryAfter` is denied */
  keep(key: string, cost: number, verdict: Verdict, asked: Millis): void {
    // The wait is not known: the next call asks the storage.
    if (verdict.wait === -Infinity) return
    // A microsecond less: rounding must not deny a call that comes at exactly the moment it was told.
    const wait = Math.min((-verdict.wait - 1) / 1000, this.#longest)
    this.#kept.put(key, { cost, verdict, at: asked, until: asked + wait })
  }

  /** The answer to this cost, if it is known. */
  find(key: string, cost: number, clock: { now(): Millis }): Verdict | undefined {
    const denial = this.#kept.get(key)
    if (denial === undefined || cost !== denial.cost) return undefined
    const now = clock.now()
    if (now >= denial.until) {
      this.#kept.delete(key)
      return undefined
    }
    const { wait, remaining, idleAfter } = denial.verdict
    const passed = Math.floor(Math.max(0, now - denial.at) * 1000)
    return {
      wait: Math.min(-1, wait + passed),
      remaining,
      idleAfter: Math.max(0, idleAfter - passed),
    }
  }

  /** Tokens were taken, so a denied cost may have to wait longer than remembered: the storage is asked again. */
  outdate(key: string): void {
    this.#kept.delete(key)
  }

  drop(key: string): void {
    this.drops += 1
    this.#kept.delete(key)
  }

  clear(): void {
    this.drops += 1
    this.#kept.clear()
  }
}
