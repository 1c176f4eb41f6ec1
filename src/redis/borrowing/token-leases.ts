import type { Millis } from '../../core/duration.ts'
import type { LeaseClock } from '../../core/lease-clock.ts'
import type { Demand } from './demand.ts'
import type { TokenLease } from './token-lease.ts'

/** The next token lease is asked for when this share is left: of the tokens that were held when the last one came, or of its time. */
const LOW = 0.3

/** The token leases that are held for one key: at most one more than is being spent. The oldest is spent first. */
export class TokenLeases {
  readonly #clock: LeaseClock
  readonly #demand: Demand
  #leases: TokenLease[] = []
  /** Token leases whose time is over, and which still have tokens. */
  #dead: TokenLease[] = []
  #held = 0
  #low = 0
  #lateAt: Millis = Infinity
  /** True when something was spent since the last sweep. */
  #used = false

  constructor(clock: LeaseClock, demand: Demand) {
    this.#clock = clock
    this.#demand = demand
  }

  /** How many tokens are left. Right only after a `spend`: before it, some may have expired. */
  get held(): number {
    return this.#held
  }

  /** True when it is time to ask for the next token lease. */
  isLow(now: Millis): boolean {
    return this.#held <= this.#low || now >= this.#lateAt
  }

  get empty(): boolean {
    return this.#leases.length + this.#dead.length === 0
  }

  /** How many tokens have not expired. */
  alive(): number {
    this.#bury()
    return this.#held
  }

  /**
   * Takes `cost`, all or nothing.
   *
   * @param now the time of the steady clock
   */
  spend(cost: number, now: Millis): boolean {
    const first = this.#leases[0]
    if (first === undefined) return false
    // The quick way: the first token lease has more than enough. Emptying one takes more work.
    if (first.left > cost && this.#clock.isBefore(first.until, now)) {
      first.left -= cost
      this.#held -= cost
      this.#used = true
      return true
    }
    return this.#spendAcross(cost)
  }

  add(lease: TokenLease): void {
    this.#leases.push(lease)
    this.#bury()
    this.#low = this.#held * LOW
    const { asked, until } = lease
    this.#lateAt = until.steady - (until.steady - asked.steady) * LOW
    this.#used = true
  }

  /** Token leases to be given back: the expired ones, and all of them when nothing was spent lately. */
  sweep(): TokenLease[] {
    if (!this.#used) return this.surrender()
    this.#used = false
    return this.dead()
  }

  /** The token leases whose time is over; they are held no longer. */
  dead(): TokenLease[] {
    this.#bury()
    const dead = this.#dead
    this.#dead = []
    return dead
  }

  /** All token leases; none is held any longer. */
  surrender(): TokenLease[] {
    const all = [...this.#dead, ...this.#leases]
    this.#leases = []
    this.#dead = []
    this.#held = 0
    return all
  }

  #spendAcross(cost: number): boolean {
    this.#bury()
    if (this.#held < cost) return false
    let rest = cost
    while (rest > 0) {
      const lease = this.#leases[0] as TokenLease
      const part = Math.min(lease.left, rest)
      lease.left -= part
      rest -= part
      if (lease.left > 0) continue
      this.#leases.shift()
      const half = (lease.until.steady - lease.asked.steady) / 2
      if (lease.whole && this.#clock.passed(lease.asked) < half) this.#demand.wasShort()
    }
    this.#count()
    this.#used = true
    return true
  }

  #bury(): void {
    // Looks at all of them, not only the oldest: the wall clock may have been set back between two.
    this.#leases = this.#leases.filter((lease) => {
      if (this.#clock.isBefore(lease.until)) return true
      this.#dead.push(lease)
      if (lease.left > lease.size / 2) this.#demand.wasLong()
      return false
    })
    this.#count()
  }

  /** Adds up all token leases again, so that rounding errors do not add up. */
  #count(): void {
    let held = 0
    for (const lease of this.#leases) held += lease.left
    this.#held = held
  }
}
