import { Scheduler } from 'aioflux'
import { RedisStorage } from 'aioflux/redis'
import { createClient } from 'redis'
import { afterAll, beforeAll, expect, inject, it, vi } from 'vitest'
import { ManualClock } from '../../src/testing/manual-clock.ts'

const client = createClient({ url: inject('redisUrl') })
beforeAll(async () => {
  await client.connect()
})
afterAll(() => client.close())

it('maxRuns and runAtStart hold for all processes that share a Redis', async () => {
  const clock = new ManualClock(50)
  clock.setWall('2026-01-01T00:00:20Z')
  const storage = new RedisStorage({ client, clock, prefix: `schedule:${process.pid}` })
  let decided = 0
  const slots: string[] = []
  const fleet = [1, 2, 3].map(() => {
    const scheduler = new Scheduler({ clock, storage, timezone: 'UTC' })
    const decide = () => {
      decided += 1
    }
    scheduler.on('completed', decide)
    scheduler.on('skipped', decide)
    scheduler.cron('* * * * *', ({ slot }) => slots.push(slot.toISOString().slice(11, 19)), {
      name: 'job',
      runAtStart: true,
      maxRuns: 3,
    })
    return scheduler.start()
  })
  const all = (number: number) => vi.waitFor(() => expect(decided).toBeGreaterThanOrEqual(number))
  await all(3)
  for (let minute = 1; minute <= 2; minute++) {
    clock.advance('1m')
    await all(3 * (minute + 1))
  }
  // Whoever has not begun the last run learns it with the next slot.
  clock.advance('1m')
  await vi.waitFor(() => {
    for (const scheduler of fleet) expect(scheduler.listJobs()[0]?.nextRun).toBeUndefined()
  })
  expect(slots).toEqual(['00:00:20', '00:01:00', '00:02:00'])
  const late = new Scheduler({ clock, storage, timezone: 'UTC' })
  late.cron('* * * * *', () => slots.push('again'), { name: 'job', runAtStart: true, maxRuns: 3 })
  late.start()
  await vi.waitFor(() => expect(late.listJobs()[0]).toMatchObject({ runsLeft: 0 }))
  for (const scheduler of [...fleet, late]) await scheduler.stop()
  expect(slots).toHaveLength(3)
})
