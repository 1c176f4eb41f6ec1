import type { Counter, Histogram, Meter } from '../core/meter.ts'

/** What limiters count, for whoever gave them `metrics`. */
export interface LimiterMeter {
  readonly allowed: Counter
  readonly denied: Counter
  readonly waits: Histogram
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
  const decisions = metrics.counter('aioflux_limiter_decisions_total', {
    help: 'Calls allowed and denied.',
  })
  metrics
    .gauge('aioflux_limiter_waiting', { help: 'Calls in line now.' })
    .with({ limiter })
    .follow(part, waiting)
  if (keys !== undefined) {
    metrics
      .gauge('aioflux_limiter_keys', { help: 'Keys remembered now.' })
      .with({ limiter })
      .follow(keys, ({ size }) => size)
    metrics
      .counter('aioflux_limiter_evicted_keys_total', {
        help: 'Keys forgotten for want of room.',
      })
      .with({ limiter })
      .follow(keys, ({ evicted }) => evicted)
  }
  return {
    allowed: decisions.with({ limiter, outcome: 'allowed' }),
    denied: decisions.with({ limiter, outcome: 'denied' }),
    waits: metrics
      .histogram('aioflux_limiter_wait_seconds', { help: 'How long calls waited.' })
      .with({ limiter }),
  }
}
