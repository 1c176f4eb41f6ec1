import type { Meter } from '../../core/meter.ts'
import { PartSeries } from '../../core/part-series.ts'

/** The sizes of a broadcast are read when the metrics are read, until the returned series end. */
export function followBroadcast<
  Part extends {
    readonly name: string
    readonly dropped: number
    readonly subscribers: number
    size(): number
  },
>(metrics: Meter, broadcast: Part): PartSeries {
  const series = new PartSeries(metrics, broadcast)
  const labels = { broadcast: broadcast.name }
  const dropped = series.counter('aioflux_broadcast_dropped_total', {
    help: 'Deliveries dropped, over all subscribers.',
  })
  series.follow(dropped.with(labels), broadcast, (part) => part.dropped)
  const subscribers = series.gauge('aioflux_broadcast_subscribers', {
    help: 'How many subscribe now.',
  })
  series.follow(subscribers.with(labels), broadcast, (part) => part.subscribers)
  const unread = series.gauge('aioflux_broadcast_unread', {
    help: 'The most that any subscriber has unread.',
  })
  series.follow(unread.with(labels), broadcast, (part) => part.size())
  return series
}
