import type { Counter, Histogram, Meter } from '../core/meter.ts'
import { PartSeries } from '../core/part-series.ts'

/** What limiters count, for whoever gave them `metrics`. */
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
 * @param keys who knows its keys, where anybody does
 */
export function limiterMeter<Part extends { readonly name: string }>(
  metrics: Meter,
  part: Part,
  waiting: (part: Part) => number,
  keys?: Keys,
): LimiterMeter {
  const limiter = part.name
  const series = new PartSeries(part)
  const decisions = metrics.counter('aioflux_limiter_decisions_total', {
    help: 'Calls allowed and denied.',
  })
  const line = metrics.gauge('aioflux_limiter_waiting', { help: 'Calls in line now.' })
  series.until(series.of(line, { limiter }).follow(part, waiting))
  if (keys !== undefined) {
    const kept = metrics.gauge('aioflux_limiter_keys', { help: 'Keys remembered now.' })
    series.until(series.of(kept, { limiter }).follow(keys, ({ size }) => size))
    const evicted = metrics.counter('aioflux_limiter_evicted_keys_total', {
      help: 'Keys forgotten for want of room.',
    })
    series.until(series.of(evicted, { limiter }).follow(keys, (known) => known.evicted))
  }
  return {
    allowed: series.of(decisions, { limiter, outcome: 'allowed' }),
    denied: series.of(decisions, { limiter, outcome: 'denied' }),
    waits: series.of(
      metrics.histogram('aioflux_limiter_wait_seconds', { help: 'How long calls waited.' }),
      { limiter },
    ),
    series,
  }
}
