import type { Micros } from '../../core/duration.ts'
import type { Verdict } from './judge.ts'
import type { Limit } from './limit.ts'

/** So many keys are counted one by one. */
export const MOST_KEYS = 100_000

export interface KeyCount {
  readonly key: string
  requests: number
  denied: number
}

interface Entry extends KeyCount {
  at: Micros
  /** For each limit: what stands in a bucket of its rate that denies nothing, in units of its `Debt`. */
  readonly levels: number[]
}

/** The burst that a token bucket would have needed to deny nothing. */
export interface NeededBurst {
  readonly burst: number
  /** The key that needed it; `undefined` when there was no request. */
  readonly key: string | undefined
}

/**
 * A bucket of unlimited size, for one limit: every token adds `cost`, every microsecond takes `pace`. Its highest level is
 * the burst that was needed.
 */
interface Debt {
  readonly cost: number
  readonly pace: number
  peak: number
  key: string | undefined
}

/**
 * Counts by key, in bounded memory: when there are more than `mostKeys`, the half that was denied least is added up
 * in `others` and counted from 0 should it come back. Counts are exact until then; afterwards the counts of a key
 * that came back are too low, and so may be the burst it needed.
 */
export class KeyTally {
  /** What the keys that are not counted one by one any more make together. */
  readonly others: { keys: number; requests: number; denied: number } = {
    keys: 0,
    requests: 0,
    denied: 0,
  }
  readonly #entries = new Map<string, Entry>()
  readonly #debts: readonly Debt[]
  readonly #mostKeys: number

  constructor(limits: readonly Limit[], mostKeys: number = MOST_KEYS) {
    this.#debts = limits.map(debtOf)
    this.#mostKeys = mostKeys
  }

  /** How many keys were seen; when `others` is not empty, at most so many. */
  get seen(): number {
    return this.#entries.size + this.others.keys
  }

  add({ key, time, cost, allowed }: Verdict): void {
    const now = Math.round(time * 1000)
    const entry = this.#entries.get(key) ?? this.#newcomer(key, now)
    entry.requests += 1
    if (!allowed) entry.denied += 1
    const elapsed = now - entry.at
    entry.at = now
    for (let i = 0; i < this.#debts.length; i++) {
      const debt = this.#debts[i] as Debt
      const left = (entry.levels[i] as number) - elapsed * debt.pace
      const level = Math.max(0, left) + debt.cost * cost
      entry.levels[i] = level
      if (level > debt.peak) {
        debt.peak = level
        debt.key = key
      }
    }
  }

  /** The worst hit: most denied first, then most requests. */
  top(count: number): KeyCount[] {
    return [...this.#entries.values()].sort(worseHit).slice(0, count)
  }

  /** For each limit, in whole tokens. */
  neededBursts(): NeededBurst[] {
    return this.#debts.map(({ peak, cost, key }) => ({ burst: Math.ceil(peak / cost), key }))
  }

  #newcomer(key: string, at: Micros): Entry {
    if (this.#entries.size >= this.#mostKeys) this.#makeRoom()
    const entry = { key, requests: 0, denied: 0, at, levels: this.#debts.map(() => 0) }
    this.#entries.set(key, entry)
    return entry
  }

  #makeRoom(): void {
    // Only the middle is looked for, so numbers are sorted and not entries.
    const scores = Float64Array.from(this.#entries.values(), score).sort()
    const middle = scores[scores.length >> 1] as number
    let left = scores.length - (scores.length >> 1)
    for (const entry of this.#entries.values()) {
      if (left === 0) return
      if (score(entry) > middle) continue
      left -= 1
      this.#entries.delete(entry.key)
      this.others.keys += 1
      this.others.requests += entry.requests
      this.others.denied += entry.denied
    }
  }
}

/** The higher, the worse hit: denials first, then requests. */
function score({ denied, requests }: KeyCount): number {
  return denied * 2 ** 20 + Math.min(requests, 2 ** 20 - 1)
}

function worseHit(a: KeyCount, b: KeyCount): number {
  return b.denied - a.denied || b.requests - a.requests || (a.key < b.key ? -1 : 1)
}

/** In whole numbers wherever the rate is one, so that no sum rounds: a token is `per` units, `rate` drain a microsecond. */
function debtOf({ rate, per }: Limit): Debt {
  const common = Number.isSafeInteger(rate) ? divisor(per, rate) : 1
  return { cost: per / common, pace: rate / common, peak: 0, key: undefined }
}

function divisor(a: number, b: number): number {
  return b === 0 ? a : divisor(b, a % b)
}
