import type { Clock } from '../../core/clock.ts'
import { type Duration, toMillis } from '../../core/duration.ts'
import { thousandths } from '../../rules/law.ts'
import type { ReadAdaptive } from './adaptive-options.ts'
import type { Learner } from './learner.ts'
import { Outcomes } from './outcomes.ts'

/** The reports of one adaptive limiter to the law of its rate, and the rate that the law has returned. */
export class RateReports {
  rate: number
  readonly #outcomes: Outcomes
  readonly #clock: Clock
  readonly #targetLatency: number
  readonly #learner: Learner
  /** True when a call was denied since the last report. */
  #turnedAway = false

  /** @param learns makes what the reports go to; that calls `learn` */
  constructor(
    { initialRate, window, targetLatency }: ReadAdaptive,
    clock: Clock,
    learns: (reports: RateReports) => Learner,
  ) {
    this.rate = initialRate
    this.#clock = clock
    this.#targetLatency = targetLatency
    this.#outcomes = new Outcomes(window, clock.now())
    this.#learner = learns(this)
  }

  /** Reads what other limiters have learnt. */
  refresh(): void {
    this.#learner.refresh()
  }

  /** The rate that is to hold from now on. */
  learn(rate: number): void {
    if (rate < this.rate) this.#outcomes.decreased()
    this.rate = rate
  }

  /** A call was let through, or turned away: that says the rate is needed, and nothing about the other side. */
  decided(allowed: boolean): void {
    if (allowed) this.#outcomes.admit(this.#clock.now())
    else this.#turnedAway = true
  }

  /** A call that was let through was not made after all. */
  retract(): void {
    this.#outcomes.retract()
  }

  success(latency: Duration | undefined): void {
    const late = latency !== undefined && toMillis('latency', latency) / 1000 > this.#targetLatency
    this.#ended(!late)
  }

  error(): void {
    this.#ended(false)
  }

  #ended(good: boolean): void {
    if (!this.#outcomes.told()) return
    const amount = this.#turnedAway ? 1 : 0
    this.#turnedAway = false
    const level = thousandths(this.rate)
    this.#learner.report({ level, count: good ? 1 : 0, amount, bad: good ? 0 : 1 })
  }
}
