import { Coordinator, MemoryStorage } from 'aioflux'
import { dashboard } from 'aioflux/dashboard'
import { ManualClock } from 'aioflux/testing'
import { expect, it } from 'vitest'
import { get } from './client.ts'
import { serve } from './servers.ts'

it('a coordinator tells what it waits for', async () => {
  const clock = new ManualClock()
  const storage = new MemoryStorage({ clock })
  const coordinator = new Coordinator({ storage, clock })
  expect(coordinator.awaited()).toEqual([])
  await coordinator.lock('a')
  const leaves = new AbortController()
  const { signal } = leaves
  const waits = [coordinator.lock('a', { signal }), coordinator.lock(['a', 'b'], { signal })]
  clock.advance('2s')
  waits.push(coordinator.lock('a', { signal }))
  expect(coordinator.awaited()).toEqual([
    { name: 'a', waiting: 3, longest: 2 },
    { name: 'b', waiting: 1, longest: 2 },
  ])
  leaves.abort()
  await Promise.allSettled(waits)
  expect(coordinator.awaited()).toEqual([])
  await coordinator.close()
})

it('the dashboard shows who would lead next, and how many wait for a lock', async () => {
  const storage = new MemoryStorage()
  const [leads, follows] = ['x', 'y'].map(
    (name) => new Coordinator({ storage, lockName: 'billing', name }),
  ) as [Coordinator, Coordinator]
  await leads.acquireLeadership()
  const campaign = follows.campaign()
  const held = await leads.lock('invoice')
  const waits = [follows.lock('invoice'), follows.lock('invoice')]
  await using server = await serve(
    dashboard({ coordinators: [leads, follows], access: () => 'read' }),
  )
  const { leaders, locks, processes } = await get(server.url, 'api/state')
  const [self] = Object.keys(processes)
  expect(leaders.billing).toMatchObject({ here: true, follow: [self] })
  expect(locks.invoice).toMatchObject({ waiting: 2, longest: expect.any(Number) })
  await held.release()
  for (const wait of waits) await (await wait).release()
  await campaign.end()
  await leads.close()
  await follows.close()
})
