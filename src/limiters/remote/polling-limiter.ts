import { at, isDue } from '../../core/clock.ts'
import type { Decision } from '../../core/decision.ts'
import type { Millis } from '../../core/duration.ts'
import type { Watch } from '../../core/storage.ts'
import type { Terms } from '../calls/terms.ts'
import { late } from '../late.ts'
import { AsyncLimiter, LONGEST_PAUSE, type Waits } from './async-limiter.ts'

/** How soon a waiting call asks again when the time is unknown and the storage cannot wake it. */
const UNTOLD: Millis = 50
/** How soon a waiting call asks again when the storage wakes it: a message may be lost. */
const BACKSTOP: Millis = 1000

/**
 * A limiter that cannot reserve ahead: waiting calls ask again and again. Within this process calls of one key are served in their order:
 * only the head of a line asks.
 */
export abstract class PollingLimiter extends AsyncLimiter {
  /** For each key and each share of its limit: a promise that resolves when the last call in line was served. */
  readonly #lines = new Map<string, Map<number, Promise<void>>>()

  /** Calls `freed` when tokens of `key` were given back. `undefined` when the storage cannot tell. */
  protected watch(_key: string, _freed: () => void): Watch | undefined {
    return undefined
  }

  /** Gives back everything that `decision` took for a call that has left. Does not throw. */
  protected abstract undo(
    key: string,
    cost: number,
    terms: Terms | undefined,
    decision: Decision,
  ): Promise<void>

  protected override async take(key: string, cost: number, terms?: Terms): Promise<Decision> {
    // A new call does not pass calls in line with the same or a larger share.
    return this.#busy(key, terms?.share ?? 1)
      ? { ...(await this.decide('peek', key, cost, terms)), allowed: false }
      : this.decide('reserve', key, cost, terms)
  }

  protected async serve(key: string, cost: number, waits: Waits, terms?: Terms): Promise<Decision> {
    const { deadline, signal } = waits
    for (;;) {
      const decision = await this.#inLine(key, cost, waits, terms)
      if (decision.allowed) return decision
      // The limit is too small for the call: other calls do not wait behind it until the limit changes.
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

  /** Asks until the call is granted, or the limit is too small for it: at the time that the answer told, when woken, and at intervals. */
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
        // The limit may be too small for the call now. Without this check the call would pass in an empty window.
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
          // Tokens that were given back between the request and the watch were not heard: asks once more.
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
