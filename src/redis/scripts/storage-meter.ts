import type { Clock } from '../../core/clock.ts'
import type { Millis } from '../../core/duration.ts'
import type { Counter, Histogram, Meter } from '../../core/meter.ts'
import { PartSeries } from '../../core/part-series.ts'

/** The metrics of a storage: counts and times of its trips to the server. */
export class StorageMeter {
  readonly #series: PartSeries
  readonly #clock: Clock
  readonly #seconds: Histogram
  readonly #errors: Counter

  constructor(metrics: Meter, part: object, storage: string, clock: Clock) {
    const series = new PartSeries(metrics, part)
    this.#series = series
    this.#clock = clock
    this.#seconds = series
      .histogram('aioflux_storage_call_seconds', {
        help: 'How long the server took to answer; one call carries all that was asked in a turn of the event loop.',
      })
      .with({ storage })
    this.#errors = series
      .counter('aioflux_storage_errors_total', {
        help: 'Calls that the server did not answer in time, or refused.',
      })
      .with({ storage })
  }

  begin(): Millis {
    return this.#clock.now()
  }

  answered(began: Millis): void {
    this.#seconds.observe(Math.max(0, this.#clock.now() - began) / 1000)
  }

  failed(): void {
    this.#errors.inc()
  }

  /** The storage is closed. */
  end(): void {
    this.#series.end()
  }
}
