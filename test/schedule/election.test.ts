import { Coordinator, MemoryStorage, OptionTypeError, Scheduler } from 'aioflux'
import { expect, it } from 'vitest'
import { ManualClock } from '../../src/testing/manual-clock.ts'

it('three schedulers with a coordinator each: the leader runs, and the next one when it stops', async () => {
  const clock = new ManualClock(7)
  clock.setWall('2026-01-01T00:00:00Z')
  const storage = new MemoryStorage({ clock })
  const runs: number[] = []
  const fleet = [0, 1, 2].map((i) => {
    const coordinator = new Coordinator({ storage, clock })
    const scheduler = new Scheduler({ clock, timezone: 'UTC', coordinator })
    scheduler.cron('* * * * *', () => runs.push(i), { name: 'job' })
    return { coordinator, scheduler: scheduler.start() }
  })
  await clock.advanceAsync('3m')
  expect(runs).toEqual([0, 0, 0])
  await fleet[0]?.scheduler.stop()
  expect(fleet[0]?.coordinator.isLeader).toBe(false)
  await clock.advanceAsync('3m')
  expect(runs).toEqual([0, 0, 0, 1, 1, 1])
  // It dies: its lease ends, and the last one leads.
  await fleet[1]?.coordinator.close()
  await clock.advanceAsync('2m')
  expect(runs.slice(6)).toEqual([2, 2])
  fleet[0]?.scheduler.start()
  await clock.advanceAsync('1m')
  expect(runs.slice(8)).toEqual([2])
  await Promise.all(fleet.map(({ scheduler }) => scheduler.stop()))
  expect(fleet.some(({ coordinator }) => coordinator.isLeader)).toBe(false)
})

it('a job may have a coordinator of its own', async () => {
  const clock = new ManualClock(7)
  const scheduler = new Scheduler({ clock })
  const leadership = { isLeader: false }
  const runs: string[] = []
  scheduler.every('1s', () => runs.push('everybody'))
  scheduler.every('1s', () => runs.push('leader'), { coordinator: leadership })
  scheduler.start()
  await clock.advanceAsync('1s')
  leadership.isLeader = true
  await clock.advanceAsync('1s')
  expect(runs.sort()).toEqual(['everybody', 'everybody', 'leader'])
  await scheduler.stop()
  const coordinator = 'me' as unknown as { isLeader: boolean }
  expect(() => new Scheduler({ coordinator })).toThrow(OptionTypeError)
  expect(() => scheduler.every('1s', () => {}, { coordinator })).toThrow(/coordinator must be/)
})
