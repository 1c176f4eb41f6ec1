import type { Clock } from '../core/clock.ts'
import type { Millis } from '../core/duration.ts'
import { describe, OptionTypeError } from '../core/errors.ts'
import { isLocal } from '../core/storage.ts'
import type { Limiter, LimiterStorage } from '../limiters/limiter.ts'
import { checkedOptions } from '../limiters/options.ts'
import { checkOutage, type OutagePolicy } from '../limiters/outage.ts'
import { fixedWindow } from '../rules/fixed-window.ts'

export interface ClaimsOptions {
  storage: LimiterStorage
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
  readonly #desk: ClaimDesk
  readonly #ttl: Millis
  readonly #clock: Clock

  constructor(options: ClaimsOptions) {
    this.#desk = deskOf(options)
    this.#ttl = options.ttl
    this.#clock = options.clock
  }

  /** `undefined` where somebody has the key. */
  async take(key: unknown): Promise<Claim | undefined> {
    const name = nameOf(key)
    const until = this.#clock.now() + this.#ttl
    if (!(await this.#desk.acquire(name))) return undefined
    let held = true
    return {
      release: () => {
        if (!held) return
        held = false
        // A storage that is down keeps the key for the rest of its time, and no longer.
        if (this.#clock.now() < until) this.#desk.reset(name).catch(() => {})
      },
    }
  }
}

/** What of a limiter claims need. */
type ClaimDesk = Pick<Limiter, 'acquire' | 'reset'>

function deskOf({ ttl, ...options }: ClaimsOptions): ClaimDesk {
  checkedOptions(options)
  checkOutage(options)
  const { storage, scope, clock } = options
  const rule = fixedWindow({ rate: 1, per: ttl / 1000 })
  const remote = storage.limiters?.rule(storage, rule, options)
  if (remote !== undefined) return remote
  const ledger = storage.open(rule, scope, clock)
  if (!isLocal(ledger)) {
    throw new OptionTypeError('storage', 'storage must be one in memory, or one that has limiters')
  }
  return {
    acquire: async (key = '') => ledger.reserve(key, 1, 0) >= 0,
    reset: async (key = '') => ledger.reset(key),
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
