import type { Clock } from '../../core/clock.ts'
import type { Millis } from '../../core/duration.ts'
import type { Report } from '../../core/rule.ts'
import type { RemoteLedger } from '../../core/storage.ts'
import { ENOUGH } from '../../rules/aimd.ts'
import { type Law, thousandths, UNKNOWN } from '../../rules/law.ts'

const NOTHING: Report = { level: 0, count: 0, amount: 0, bad: 0 }

/** A law that learns from reports: at once in memory, with a delay over a storage. */
export interface Learner {
  report(report: Report): void
  /** Reads what other limiters have learnt. */
  refresh(): void
}

const states = new WeakMap<object, ReturnType<Law['fresh']>>()

/** Learns at once, together with all limiters that count in the same place. */
export class LocalLearner implements Learner {
  readonly #law: Law
  readonly #clock: Clock
  readonly #place: object
  readonly #learnt: (value: number) => void

  /** @param learnt called with what has been learnt after each report */
  constructor(law: Law, clock: Clock, place: object, learnt: (value: number) => void) {
    this.#law = law
    this.#clock = clock
    this.#place = place
    this.#learnt = learnt
    if (!states.has(place)) states.set(place, law.fresh(this.#now()))
  }

  report(report: Report): void {
    const state = states.get(this.#place) as ReturnType<Law['fresh']>
    this.#learnt(this.#law.report(state, this.#now(), report) / 1000)
  }

  refresh(): void {
    const [value = UNKNOWN] = states.get(this.#place) ?? []
    if (value !== UNKNOWN) this.#learnt(thousandths(value) / 1000)
  }

  #now(): number {
    return Math.round(this.#clock.now() * 1000)
  }
}

/** How reports are added up until they are sent. */
export type Sum = (one: Report, other: Report) => Report

/** @param amounts what becomes of the amounts of two reports */
export function summing(amounts: (one: number, other: number) => number): Sum {
  return (one, other) => ({
    // Reports of before and after a decrease are told apart by their level: what is gathered goes by the higher one.
    level: Math.max(one.level, other.level),
    count: one.count + other.count,
    amount: amounts(one.amount, other.amount),
    bad: one.bad + other.bad,
  })
}

/** Gathers reports for a law that is kept in a storage elsewhere, and hears what the fleet has learnt. */
export class RemoteLearner implements Learner {
  readonly #ledger: RemoteLedger
  readonly #clock: Clock
  readonly #pause: Millis
  readonly #sum: Sum
  readonly #open: () => boolean
  readonly #learnt: (value: number) => void
  #gathered = NOTHING
  #sent: Millis
  #busy = false

  /**
   * @param window of the law; what is gathered is sent four times in it, or sooner where it is much
   * @param open true when the storage can be asked now
   */
  constructor(
    ledger: RemoteLedger,
    clock: Clock,
    window: Millis,
    sum: Sum,
    open: () => boolean,
    learnt: (value: number) => void,
  ) {
    this.#ledger = ledger
    this.#clock = clock
    this.#pause = window / 4
    this.#sum = sum
    this.#open = open
    this.#learnt = learnt
    this.#sent = clock.now()
  }

  report(report: Report): void {
    this.#gathered = this.#sum(this.#gathered, report)
    const { count, bad } = this.#gathered
    const now = this.#clock.now()
    if (this.#busy || (count + bad < ENOUGH && now - this.#sent < this.#pause)) return
    if (!this.#open()) return
    this.#send(now)
  }

  /** Asks the storage when nothing was sent for a while. */
  refresh(): void {
    if (this.#clock.now() - this.#sent >= this.#pause) this.report(NOTHING)
  }

  #send(now: Millis): void {
    const { level, count, amount, bad } = this.#gathered
    this.#gathered = NOTHING
    this.#sent = now
    this.#busy = true
    const about = { id: level, with: bad, actual: amount }
    this.#ledger.run('report', '', count, 0, undefined, about).then(
      ({ wait }) => {
        this.#busy = false
        // A storage that knows no reports has learnt nothing.
        if (wait > 0) this.#learnt(wait / 1000)
      },
      () => {
        // What was not heard is not missed: the next outcomes say the same.
        this.#busy = false
      },
    )
  }
}
