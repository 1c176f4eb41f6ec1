import type { Verdict } from './judge.ts'

/** So many keys are counted one by one. */
const MOST_KEYS = 100_000

export interface ComparedKey {
  readonly key: string
  requests: number
  /** Denied by the first limits, and by the others. */
  denied: number
  otherDenied: number
}

/** Two verdicts on each record, added up in bounded memory. */
export class Comparison {
  agree = 0
  /** Denied by the second limits and not by the first. */
  stricter = 0
  /** Denied by the first limits and not by the second. */
  looser = 0
  allowed = 0
  denied = 0
  /** True when there were too many keys to count each. The keys on which both agreed were forgotten. */
  partial = false
  readonly #keys = new Map<string, ComparedKey>()
  readonly #mostKeys: number

  constructor(mostKeys: number = MOST_KEYS) {
    this.#mostKeys = mostKeys
  }

  /** @param other the verdict of the second limits on the same record */
  add({ key, allowed }: Verdict, other: Verdict): void {
    if (other.allowed) this.allowed += 1
    else this.denied += 1
    if (allowed === other.allowed) this.agree += 1
    else if (allowed) this.stricter += 1
    else this.looser += 1
    const count = this.#keys.get(key) ?? this.#newcomer(key)
    count.requests += 1
    if (!allowed) count.denied += 1
    if (!other.allowed) count.otherDenied += 1
  }

  /** How many keys are hit by both limits, and by one alone. */
  hit(): { both: number; first: number; second: number } {
    const hit = { both: 0, first: 0, second: 0 }
    for (const { denied, otherDenied } of this.#keys.values()) {
      if (denied > 0 && otherDenied > 0) hit.both += 1
      else if (denied > 0) hit.first += 1
      else if (otherDenied > 0) hit.second += 1
    }
    return hit
  }

  /** The keys that the limits treat most differently. */
  top(count: number): ComparedKey[] {
    return [...this.#keys.values()]
      .filter((key) => difference(key) !== 0)
      .sort(
        (a, b) =>
          Math.abs(difference(b)) - Math.abs(difference(a)) ||
          b.requests - a.requests ||
          (a.key < b.key ? -1 : 1),
      )
      .slice(0, count)
  }

  #newcomer(key: string): ComparedKey {
    if (this.#keys.size >= this.#mostKeys) this.#makeRoom()
    const count = { key, requests: 0, denied: 0, otherDenied: 0 }
    this.#keys.set(key, count)
    return count
  }

  #makeRoom(): void {
    this.partial = true
    for (const { key, denied, otherDenied } of this.#keys.values()) {
      if (denied === 0 && otherDenied === 0) this.#keys.delete(key)
    }
    // All of them were hit: those with the least difference go.
    const least = [...this.#keys.values()].sort(
      (a, b) => Math.abs(difference(a)) - Math.abs(difference(b)),
    )
    const surplus = this.#keys.size - this.#mostKeys / 2
    for (const { key } of least.slice(0, Math.max(0, surplus))) this.#keys.delete(key)
  }
}

function difference({ denied, otherDenied }: ComparedKey): number {
  return otherDenied - denied
}
