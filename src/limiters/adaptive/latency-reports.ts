import type { Clock } from '../../core/clock.ts'
import { type Duration, type Millis, toMillis } from '../../core/duration.ts'
import type { Work } from '../scheduled.ts'
import type { ReadAdaptiveConcurrency } from './adaptive-concurrency-options.ts'
import type { Learner } from './learner.ts'

/** Reports how long the calls of one limiter took to the law of its limit. */
export class LatencyReports {
  readonly #clock: Clock
  readonly #learner: Learner
  readonly #isOverload: (error: unknown) => boolean
  /** The most calls at once since the last report. */
  #busiest = 0

  constructor({ isOverload }: ReadAdaptiveConcurrency, clock: Clock, learner: Learner) {
    this.#clock = clock
    this.#learner = learner
    this.#isOverload = isOverload
  }

  /** Notes how many calls run at once. */
  busy(inside: number): void {
    if (inside > this.#busiest) this.#busiest = inside
  }

  success(latency: Duration): void {
    this.#took(toMillis('latency', latency))
  }

  error(): void {
    this.#report(0, 0, 1)
  }

  /** Begins to measure. Call the returned function when the work has succeeded. */
  begin(): () => void {
    const started = this.#clock.now()
    return () => this.#took(this.#clock.now() - started)
  }

  /** The function, measured. */
  measured<T>(fn: Work<T>): Work<T> {
    return async (signal) => {
      const end = this.begin()
      try {
        const result = await fn(signal)
        end()
        return result
      } catch (error) {
        if (!signal.aborted && this.#isOverload(error)) this.error()
        throw error
      }
    }
  }

  #took(latency: Millis): void {
    this.#report(1, Math.round(latency * 1000), 0)
  }

  #report(count: number, amount: number, bad: number): void {
    const level = this.#busiest
    this.#busiest = 0
    this.#learner.report({ level, count, amount, bad })
  }
}
