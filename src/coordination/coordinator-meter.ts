import type { Events } from '../core/events.ts'
import type { Meter } from '../core/meter.ts'
import { PartSeries } from '../core/part-series.ts'
import type { CoordinatorEvents } from './lease.ts'

/**
 * Counts the events of a coordinator. There is no label for the name of the lock: names such as `invoice-42` have no bound.
 *
 * @returns the series, to be ended together with the coordinator
 */
export function meterCoordinator<
  Part extends { readonly name: string; readonly isLeader: boolean },
>(metrics: Meter, coordinator: Part, events: Events<CoordinatorEvents>): PartSeries {
  const series = new PartSeries(metrics, coordinator)
  const labels = { coordinator: coordinator.name }
  const locks = series.counter('aioflux_coordinator_locks_total', {
    help: 'Locks acquired, and how they ended: released, or lost while they were held.',
  })
  const elections = series.counter('aioflux_coordinator_elections_total', {
    help: 'Times this process was elected, and deposed.',
  })
  const waits = series
    .histogram('aioflux_coordinator_lock_wait_seconds', {
      help: 'From asking for a lock to having it.',
    })
    .with(labels)
  const holds = series
    .histogram('aioflux_coordinator_lock_held_seconds', { help: 'How long locks were held.' })
    .with(labels)
  const errors = series
    .counter('aioflux_coordinator_errors_total', { help: 'Times the storage could not be asked.' })
    .with(labels)
  const acquired = locks.with({ ...labels, outcome: 'acquired' })
  const released = locks.with({ ...labels, outcome: 'released' })
  const lost = locks.with({ ...labels, outcome: 'lost' })
  const elected = elections.with({ ...labels, outcome: 'elected' })
  const deposed = elections.with({ ...labels, outcome: 'deposed' })
  const now = { held: 0 }
  events.on('acquired', ({ waited }) => {
    now.held += 1
    acquired.inc()
    waits.observe(Math.max(0, waited))
  })
  events.on('released', ({ seconds }) => {
    now.held -= 1
    released.inc()
    holds.observe(Math.max(0, seconds))
  })
  events.on('lost', ({ seconds }) => {
    now.held -= 1
    lost.inc()
    holds.observe(Math.max(0, seconds))
  })
  events.on('elected', () => elected.inc())
  events.on('deposed', () => deposed.inc())
  events.on('error', () => errors.inc())
  const leads = series.gauge('aioflux_coordinator_leader', { help: '1 while this process leads.' })
  series.follow(leads.with(labels), coordinator, ({ isLeader }) => (isLeader ? 1 : 0))
  const held = series.gauge('aioflux_coordinator_locks_held', {
    help: 'Locks held now, leadership included.',
  })
  series.follow(held.with(labels), now, (locks) => locks.held)
  return series
}
