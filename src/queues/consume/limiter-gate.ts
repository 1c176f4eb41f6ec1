import { answersAtOnce, type Limiter } from '../../limiters/limiter.ts'
import type { AttemptPermit } from './attempt.ts'

/**
 * A limiter of this process, or one that the store cannot ask, before the claims of a queue that is elsewhere. It is asked
 * before a claim, without a key; what is not claimed goes back to it.
 */
export class LimiterGate {
  readonly #limiter: Limiter
  readonly #closing = new AbortController()

  constructor(limiter: Limiter) {
    this.#limiter = limiter
  }

  /** Resolves with how many of `want` jobs may be claimed, at least one, as soon as one may; 0 when it was closed. */
  async ask(want: number): Promise<number> {
    const limiter = this.#limiter
    if (this.#closing.signal.aborted) return 0
    try {
      await limiter.wait('', { signal: this.#closing.signal })
    } catch (error) {
      if (this.#closing.signal.aborted) return 0
      throw error
    }
    if (answersAtOnce(limiter)) {
      let granted = 1
      while (granted < want && limiter.allow()) granted += 1
      return granted
    }
    const more = await Promise.all(Array.from({ length: want - 1 }, () => limiter.acquire()))
    return 1 + more.filter(Boolean).length
  }

  /** So many of what was granted were not needed. */
  unused(granted: number): void {
    if (granted > 0) this.#limiter.release('', granted).catch(() => {})
  }

  /** For one job that was claimed. */
  permit(): AttemptPermit {
    return { leave: () => this.#limiter.leave?.('', 1) }
  }

  close(): void {
    this.#closing.abort()
  }
}
