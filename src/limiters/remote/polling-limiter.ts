import { at, isDue } from '../../core/clock.ts'
import type { Decision } from '../../core/decision.ts'
import type { Millis } from '../../core/duration.ts'
import type { Watch } from '../../core/storage.ts'
import type { Terms } from '../calls/terms.ts'
import { late } from '../late.ts'
import { AsyncLimiter, LONGEST_PAUSE, type Waits } from './async-limiter.ts'

/** How soon a waiter asks again when no time can be told: as it is, and where it is woken when it is worth it. */
const UNTOLD: Millis = 50
const BACKSTOP: Millis = 1000

/**
 * A limiter that cannot reserve a place ahead of time: waiting callers ask again and again. Within this process it is first
 * come, first served for each key: only the head of a line asks.
 */
export abstract class PollingLimiter extends AsyncLimiter {
  /** For each key, and each share of its limit that a caller waits for, when the last in line will have been served. */
  readonly #lines = new Map<string, Map<number, Promise<void>>>()

  /** Has `freed` called when something of `key` has been given back, where the storage can tell. */
  protected watch(_key: string, _freed: () => void): Watch | undefined {
    return undefined
  }

  /** Gives back all of what `decision` took for a caller that has left. Does not throw. */
  protected abstract undo(
    key: string,
    cost: number,
    terms: Terms | undefined,
    decision: Decision,
  ): Promise<void>

  protected override async take(key: string, cost: number, terms?: Terms): Promise<Decision> {
    // No caller gets past callers in line that may fill as large a share.
    return this.#busy(key, terms?.share ?? 1)
      ? { ...(await this.decide('peek', key, cost, terms)), allowed: false }
      : this.decide('reserve', key, cost, terms)
  }

  protected async serve(key: string, cost: number, waits: Waits, terms?: Terms): Promise<Decision> {
    const { deadline, signal } = waits
    for (;;) {
      const decision = await this.#inLine(key, cost, waits, terms)
      if (decision.allowed) return decision
      // The limit is too small for the call: no other caller waits behind it until that has changed.
      waits.aside?.()
      do {
        const now = this.clock.now()
        if (isDue(deadline, now)) throw late(key, decision.retryAfter)
        await this.sleepUntil(Math.min(now + BACKSTOP, deadline), signal)
      } while (!this.fits(cost, false, this.anew(key, terms)))
    }
  }

  /** Waits for its turn and asks until it is granted, or until the limit is too small for the call. */
  async #inLine(
    key: string,
    cost: number,
    waits: Waits,
    terms: Terms | undefined,
  ): Promise<Decision> {
    const share = terms?.share ?? 1
    const lines = this.#lines.get(key) ?? new Map<number, Promise<void>>()
    this.#lines.set(key, lines)
    const before = lines.get(share)
    let served = () => {}
    const turn = new Promise<void>((resolve) => {
      served = resolve
    })
    const line = before === undefined ? turn : before.then(() => turn)
    lines.set(share, line)
    try {
      if (before !== undefined) await this.#happens(key, before, waits)
      return await this.#poll(key, cost, waits, terms)
    } finally {
      served()
      if (lines.get(share) === line) lines.delete(share)
      if (lines.size === 0) this.#lines.delete(key)
    }
  }

  #busy(key: string, share: number): boolean {
    const lines = this.#lines.get(key)
    return lines !== undefined && [...lines.keys()].some((one) => one >= share)
  }

  /** Waits for `event`, until `deadline` at the latest. */
  #happens(key: string, event: Promise<void>, { deadline, signal }: Waits): Promise<void> {
    return this.until(signal, (resolve, reject) => {
      void event.then(resolve)
      return deadline === Infinity ? () => {} : at(this.clock, deadline, () => reject(late(key, 0)))
    })
  }

  /** Asks until it is granted, or until the limit is too small for the call: when it is time to, when it is woken, and now and then. */
  async #poll(
    key: string,
    cost: number,
    { deadline, signal }: Waits,
    terms: Terms | undefined,
  ): Promise<Decision> {
    let watch: Watch | undefined
    let woken = false
    let wake = () => {}
    const freed = () => {
      woken = true
      wake()
    }
    try {
      for (;;) {
        woken = false
        const own = this.anew(key, terms)
        // The limit may have become too small for the call meanwhile; what is asked would still pass once in an empty window.
        this.fits(cost, false, own)
        const answer = this.decide('reserve', key, cost, own)
        const decision = await this.inTime(key, answer, { deadline, signal }, (late) =>
          late.allowed ? this.undo(key, cost, terms, late) : undefined,
        )
        if (decision.allowed) return decision
        const now = this.clock.now()
        const told = decision.retryAfter * 1000
        if (told > 0 ? now + told > deadline : isDue(deadline, now))
          throw late(key, decision.retryAfter)
        if (!decision.degraded && !this.fits(cost, false, own)) return decision
        if (watch === undefined) {
          watch = this.watch(key, freed)
          // What was given back since it was asked has not been heard.
          if (watch?.live) continue
        }
        if (woken) continue
        const pause = told > 0 ? Math.min(told, LONGEST_PAUSE) : watch?.live ? BACKSTOP : UNTOLD
        await this.until(signal, (resolve) => {
          wake = resolve
          return at(this.clock, Math.min(now + pause, deadline), resolve)
        })
      }
    } finally {
      watch?.end()
    }
  }
}
