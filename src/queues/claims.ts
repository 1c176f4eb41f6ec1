import type { Clock } from '../core/clock.ts'
import type { Millis } from '../core/duration.ts'
import { describe, OptionTypeError } from '../core/errors.ts'
import type { Storage } from '../core/storage.ts'
import { LimiterFactory } from '../limiters/factory.ts'
import type { Limiter } from '../limiters/limiter.ts'
import type { OutagePolicy } from '../limiters/outage.ts'

export interface ClaimsOptions {
  storage: Storage
  scope: string
  onStorageError: OutagePolicy
  ttl: Millis
  clock: Clock
}

/** A key that was free. */
export interface Claim {
  /** Makes the key free again, unless its time is over: then it may be somebody else's. */
  release(): void
}

/** Keys that are taken once in a while, whoever asks: a limit of one in each window, in a storage that all of them share. */
export class Claims {
  readonly #limiter: Limiter
  readonly #ttl: Millis
  readonly #clock: Clock

  constructor({ storage, scope, onStorageError, ttl, clock }: ClaimsOptions) {
    const per = ttl / 1000
    this.#limiter = LimiterFactory.fixedWindow({
      rate: 1,
      per,
      storage,
      scope,
      onStorageError,
      clock,
    })
    this.#ttl = ttl
    this.#clock = clock
  }

  /** `undefined` where somebody has the key. */
  async take(key: unknown): Promise<Claim | undefined> {
    const name = nameOf(key)
    const until = this.#clock.now() + this.#ttl
    if (!(await this.#limiter.acquire(name))) return undefined
    let held = true
    return {
      release: () => {
        if (!held) return
        held = false
        // A storage that is down keeps the key for the rest of its time, and no longer.
        if (this.#clock.now() < until) this.#limiter.reset(name).catch(() => {})
      },
    }
  }
}

/** 1 is not '1', in Redis either. */
function nameOf(key: unknown): string {
  if (
    key === null ||
    (typeof key !== 'object' && typeof key !== 'function' && typeof key !== 'symbol')
  ) {
    return `${typeof key}:${String(key)}`
  }
  throw new OptionTypeError(
    'key',
    `key must be a string, a number, or another plain value to be known in a storage, got ${describe(key)}`,
  )
}
