import type { Counter } from '../core/meter.ts'
import type { PartSeries } from '../core/part-series.ts'
import type { LoopLoad } from './loop-load.ts'

/** The metrics of a pool, besides those of its queue. */
export class PoolMeter {
  readonly #grown: Counter
  readonly #shrunk: Counter

  constructor(series: PartSeries, pool: string, load: LoopLoad) {
    const resizes = series.counter('aioflux_pool_resizes_total', {
      help: 'Times the number of workers was changed, by direction.',
    })
    this.#grown = resizes.with({ pool, direction: 'up' })
    this.#shrunk = resizes.with({ pool, direction: 'down' })
    const busy = series.gauge('aioflux_pool_loop_utilization', {
      help: 'Share of the time in which the event loop was busy at the last check, from 0 to 1.',
    })
    series.follow(busy.with({ pool }), load, ({ last }) => last)
  }

  resized(up: boolean): void {
    if (up) this.#grown.inc()
    else this.#shrunk.inc()
  }
}
