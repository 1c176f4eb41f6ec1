import type { Meter } from '../../core/meter.ts'

/** What a broadcast knows of itself is read when somebody looks. */
export function followBroadcast<
  Part extends {
    readonly name: string
    readonly dropped: number
    readonly subscribers: number
    size(): number
  },
>(metrics: Meter, broadcast: Part): void {
  const labels = { broadcast: broadcast.name }
  metrics
    .counter('aioflux_broadcast_dropped_total', {
      help: 'Deliveries dropped, over all subscribers.',
    })
    .with(labels)
    .follow(broadcast, ({ dropped }) => dropped)
  metrics
    .gauge('aioflux_broadcast_subscribers', { help: 'How many subscribe now.' })
    .with(labels)
    .follow(broadcast, ({ subscribers }) => subscribers)
  metrics
    .gauge('aioflux_broadcast_unread', { help: 'The most that any subscriber has unread.' })
    .with(labels)
    .follow(broadcast, (part) => part.size())
}
