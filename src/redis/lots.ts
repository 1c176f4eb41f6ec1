import type { Millis } from '../core/duration.ts'
import type { LeaseClock } from '../core/lease-clock.ts'
import type { Demand } from './demand.ts'
import type { Lot } from './lot.ts'

/** Of what was there when the last lot came, or of its time, this much is left when the next one is asked for. */
const LOW = 0.3

/** The lots that are held for one key: at most one more than is being spent. The oldest is spent first. */
export class Lots {
  readonly #clock: LeaseClock
  readonly #demand: Demand
  #lots: Lot[] = []
  /** Lots whose time is over, with something left. */
  #dead: Lot[] = []
  #held = 0
  #low = 0
  #lateAt: Millis = Infinity
  /** Was anything spent since the last sweep? */
  #used = false

  constructor(clock: LeaseClock, demand: Demand) {
    this.#clock = clock
    this.#demand = demand
  }

  /** How much is left, right after a `spend`; before one, some of it may have died. */
  get held(): number {
    return this.#held
  }

  /** Is it time to ask for more? */
  isLow(now: Millis): boolean {
    return this.#held <= this.#low || now >= this.#lateAt
  }

  get empty(): boolean {
    return this.#lots.length + this.#dead.length === 0
  }

  /** How much of it lives. */
  alive(): number {
    this.#bury()
    return this.#held
  }

  /**
   * Takes `cost`, all or nothing.
   *
   * @param now what the steady clock says
   */
  spend(cost: number, now: Millis): boolean {
    const first = this.#lots[0]
    if (first === undefined) return false
    // Not the last of a lot, which takes more.
    if (first.left > cost && this.#clock.isBefore(first.until, now)) {
      first.left -= cost
      this.#held -= cost
      this.#used = true
      return true
    }
    return this.#spendAcross(cost)
  }

  add(lot: Lot): void {
    this.#lots.push(lot)
    this.#bury()
    this.#low = this.#held * LOW
    const { asked, until } = lot
    this.#lateAt = until.steady - (until.steady - asked.steady) * LOW
    this.#used = true
  }

  /** Lots that are of no use here, to be given back: those whose time is over, and when nothing was spent lately, all. */
  sweep(): Lot[] {
    if (!this.#used) return this.surrender()
    this.#used = false
    return this.dead()
  }

  /** The lots whose time is over; they are held no longer. */
  dead(): Lot[] {
    this.#bury()
    const dead = this.#dead
    this.#dead = []
    return dead
  }

  /** All lots; none is held any longer. */
  surrender(): Lot[] {
    const all = [...this.#dead, ...this.#lots]
    this.#lots = []
    this.#dead = []
    this.#held = 0
    return all
  }

  #spendAcross(cost: number): boolean {
    this.#bury()
    if (this.#held < cost) return false
    let rest = cost
    while (rest > 0) {
      const lot = this.#lots[0] as Lot
      const part = Math.min(lot.left, rest)
      lot.left -= part
      rest -= part
      if (lot.left > 0) continue
      this.#lots.shift()
      const half = (lot.until.steady - lot.asked.steady) / 2
      if (lot.whole && this.#clock.passed(lot.asked) < half) this.#demand.wasShort()
    }
    this.#count()
    this.#used = true
    return true
  }

  #bury(): void {
    // Any of them, and not just the oldest: the wall clock may have been set back between two.
    this.#lots = this.#lots.filter((lot) => {
      if (this.#clock.isBefore(lot.until)) return true
      this.#dead.push(lot)
      if (lot.left > lot.size / 2) this.#demand.wasLong()
      return false
    })
    this.#count()
  }

  /** Counted anew, so that no rounding gathers. */
  #count(): void {
    let held = 0
    for (const lot of this.#lots) held += lot.left
    this.#held = held
  }
}
