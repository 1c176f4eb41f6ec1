import type { Millis } from '../../core/duration.ts'
import type { LeaseClock } from '../../core/lease-clock.ts'
import { Demand } from './demand.ts'
import { TokenLeases } from './token-leases.ts'

/** What this process knows about one key. */
export class Account {
  readonly demand: Demand
  readonly leases: TokenLeases
  /** True while a token lease is asked for: one at a time. */
  lending = false
  /** Until when the lender has no token lease for this key. */
  dryUntil: Millis = -Infinity
  /** When the state will be idle, by the latest verdict. */
  idleAt: Millis = -Infinity
  /** Set when another account took over: tokens that still arrive here go `'back'`, or are `'void'` because the key was reset. */
  closed: 'back' | 'void' | undefined

  constructor(clock: LeaseClock, lease: Millis, now: Millis) {
    this.demand = new Demand(lease, now)
    this.leases = new TokenLeases(clock, this.demand)
  }
}

/** How many accounts are looked at to find one that is not in use. */
const TRIES = 8

/** The accounts of one ledger, no more than a given number: one that has not been asked lately makes room. */
export class Accounts {
  readonly #accounts = new Map<string, Account>()
  readonly #most: number
  readonly #clock: LeaseClock
  readonly #lease: Millis
  /** Called with an account before it is dropped. */
  readonly #leave: (key: string, account: Account) => void
  // The account of the last call: calls for one key tend to follow each other.
  #key: string | undefined
  #last: Account | undefined

  constructor(
    most: number,
    clock: LeaseClock,
    lease: Millis,
    leave: (key: string, account: Account) => void,
  ) {
    this.#most = most
    this.#clock = clock
    this.#lease = lease
    this.#leave = leave
  }

  get size(): number {
    return this.#accounts.size
  }

  find(key: string): Account | undefined {
    if (key === this.#key) return this.#last
    const account = this.#accounts.get(key)
    if (account === undefined) return undefined
    this.#key = key
    this.#last = account
    return account
  }

  /** The account of `key`; makes one where there is none. */
  open(key: string, now: Millis): Account {
    const known = this.find(key)
    if (known !== undefined) return known
    if (this.#accounts.size >= this.#most) this.#makeRoom(now)
    const account = new Account(this.#clock, this.#lease, now)
    this.#accounts.set(key, account)
    this.#key = key
    this.#last = account
    return account
  }

  remove(key: string): Account | undefined {
    const account = this.#accounts.get(key)
    this.#accounts.delete(key)
    if (this.#key === key) this.#key = undefined
    return account
  }

  entries(): IterableIterator<[string, Account]> {
    return this.#accounts.entries()
  }

  #makeRoom(now: Millis): void {
    let tries = TRIES
    for (const [key, account] of this.#accounts) {
      this.#accounts.delete(key)
      const busy = now - account.demand.since < 2 * this.#lease
      if (busy && --tries > 0) {
        this.#accounts.set(key, account)
        continue
      }
      if (this.#key === key) this.#key = undefined
      this.#leave(key, account)
      return
    }
  }
}
