import type { Millis } from '../../core/duration.ts'
import type { Verdict } from '../../core/storage.ts'
import { LruMap } from './lru-map.ts'

interface Denial {
  readonly cost: number
  readonly verdict: Verdict
  /** When the cost was denied, or a little before. */
  readonly at: Millis
  /** Until when that need not be asked again. */
  readonly until: Millis
}

/**
 * What was denied, and until when: asked for as much before that, the answer is known. More may have to wait for longer, which only the
 * storage can tell. It can only deny what is denied, but for what others give back meanwhile, so nothing is kept longer than
 * `longest`; what is given back here is said by `drop`, and what is taken by `outdate`. Bounded, without a timer.
 */
export class Denials {
  readonly #kept: LruMap<Denial>
  readonly #longest: Millis
  /** How often something was dropped: an answer that was asked for before a drop is not to be kept after it. */
  drops = 0

  constructor(most: number, longest: Millis) {
    this.#kept = new LruMap(most)
    this.#longest = longest
  }

  get size(): number {
    return this.#kept.size
  }

  /** @param asked when it was asked for: counted from then, no call that came back in time is denied */
  keep(key: string, cost: number, verdict: Verdict, asked: Millis): void {
    // No time can be told: the next one has to ask.
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

  /** Something was taken, so that a denied cost may have to wait for longer. It is denied all the same. */
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
