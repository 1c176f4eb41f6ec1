import type { Counter, Histogram, Meter } from '../core/meter.ts'
import { PartSeries } from '../core/part-series.ts'

/** What limiters count in the `metrics` they were given. */
export interface LimiterMeter {
  readonly allowed: Counter
  readonly denied: Counter
  readonly waits: Histogram
  /** All series it counts in. */
  readonly series: PartSeries
}

/** What knows keys. Shared by limiters, it counts once. */
interface Keys {
  readonly size: number
  readonly evicted: number
}

/**
 * @param part the limiter, followed as long as it lives
 * @param waiting how many are in line there now
 * @param keys knows its keys, where it keeps them itself
 */
export function limiterMeter<Part extends { readonly name: string }>(
  metrics: Meter,
  part: Part,
  waiting: (part: Part) => number,
  keys?: Keys,
): LimiterMeter {
  const limiter = part.name
  const series = new PartSeries(metrics, part)
  const decisions = series.counter('aioflux_limiter_decisions_total', {
    help: 'Calls allowed and denied.',
  })
  const line = series.gauge('aioflux_limiter_waiting', { help: 'Calls in line now.' })
  series.follow(line.with({ limiter }), part, waiting)
  if (keys !== undefined) {
    const kept = series.gauge('aioflux_limiter_keys', { help: 'Keys remembered now.' })
    series.follow(kept.with({ limiter }), keys, ({ size }) => size)
    const evicted = series.counter('aioflux_limiter_evicted_keys_total', {
      help: 'Keys forgotten for want of room.',
    })
    series.follow(evicted.with({ limiter }), keys, (known) => known.evicted)
  }
  return {
    allowed: decisions.with({ limiter, outcome: 'allowed' }),
    denied: decisions.with({ limiter, outcome: 'denied' }),
    waits: series
      .histogram('aioflux_limiter_wait_seconds', { help: 'How long calls waited.' })
      .with({ limiter }),
    series,
  }
}
