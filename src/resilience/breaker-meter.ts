import type { Micros } from '../core/duration.ts'
import { Sampling } from '../core/sampling.ts'
import type { BreakerMachine } from './breaker-machine.ts'
import type { BreakerSeries } from './breaker-series.ts'
import { FAILED, NO_FAILURE, type Outcome, SLOW } from './outcome.ts'

/** What a breaker with `metrics` counts. */
export class BreakerMeter {
  readonly sampling: Sampling = new Sampling()
  readonly #series: BreakerSeries
  readonly #stop: () => void
  /** Calls that have ended since the last timed one. The next timed call is counted once for each of them. */
  #untimed = 0

  constructor(series: BreakerSeries, machine: BreakerMachine) {
    this.#series = series
    this.#stop = series.follow(machine)
  }

  refused(): void {
    this.#series.refused.inc()
  }

  /** A call that was not timed has ended well. */
  passed(): void {
    this.#series.succeeded.inc()
    this.#untimed += 1
  }

  /** @param took where the call was timed */
  ended(outcome: Outcome, stale: boolean, took: Micros | undefined): void {
    const series = this.#series
    if (stale) series.stale.inc()
    else if (outcome & FAILED) series.failed.inc()
    else if (outcome & NO_FAILURE) series.ignored.inc()
    else series.succeeded.inc()
    if (!stale && outcome & SLOW) series.slow.inc()
    this.#untimed += 1
    if (took === undefined) return
    series.seconds.observe(Math.max(0, took) / 1e6, this.#untimed)
    this.#untimed = 0
  }

  /** Ends the gauges of the state. */
  end(): void {
    this.#stop()
  }
}
