import { ManualClock } from 'aioflux/testing'
import { describe, expect, it } from 'vitest'
import { Scheduler } from '../../src/schedule/scheduler.ts'

const NEVER = new Date(8.64e15)

/** A scheduler whose job waits for `finish`. */
function scene(overlap: 'skip' | { parallel: number } = 'skip') {
  const clock = new ManualClock()
  const scheduler = new Scheduler({ clock })
  const open: (() => void)[] = []
  scheduler.every('1m', () => new Promise<void>((resolve) => open.push(resolve)), {
    name: 'job',
    overlap,
  })
  const outcomes = () => scheduler.listJobs()[0]?.recent.map(({ outcome }) => outcome)
  return { clock, scheduler, outcomes, finish: () => open.shift()?.() }
}

describe('what a scheduler tells of its jobs', () => {
  it('runs a job now, where there is room', async () => {
    const { scheduler, outcomes, finish } = scene()
    expect(scheduler.run('job')).toBe(true)
    expect(scheduler.run('job')).toBe(false)
    expect(scheduler.run('nobody')).toBe(false)
    expect(outcomes()).toEqual(['running'])
    finish()
    await scheduler.stop()
    expect(outcomes()).toEqual(['completed'])
  })

  it('remembers the latest runs and the slots that were skipped', async () => {
    const { clock, scheduler, outcomes, finish } = scene()
    scheduler.start()
    await clock.advanceAsync('150s')
    expect(outcomes()).toEqual(['skipped', 'running'])
    finish()
    await clock.advanceAsync('50s')
    const [job] = scheduler.listJobs()
    expect(job?.recent.map(({ outcome }) => outcome)).toEqual(['skipped', 'completed', 'running'])
    expect(job?.recent[1]?.seconds).toBeCloseTo(90, 0)
    expect(job?.overlap).toBe('skip')
    finish()
    await scheduler.stop()
  })

  it('remembers twenty of them', async () => {
    const clock = new ManualClock()
    const scheduler = new Scheduler({ clock })
    scheduler.every('1s', () => {}, { name: 'job' })
    scheduler.start()
    await clock.advanceAsync('30s')
    expect(scheduler.listJobs()[0]?.recent).toHaveLength(20)
    await scheduler.stop()
  })

  it('tells the slots to come, and changes none of them', async () => {
    const { clock, scheduler } = scene()
    expect(scheduler.upcoming('job', NEVER)).toEqual([])
    scheduler.start()
    await clock.advanceAsync('10s')
    const first = scheduler.listJobs()[0]?.nextRun as Date
    const slots = scheduler.upcoming('job', NEVER, 3)
    expect(slots.map((slot) => slot.getTime() - first.getTime())).toEqual([0, 60_000, 120_000])
    expect(scheduler.upcoming('job', new Date(first.getTime() + 60_000))).toHaveLength(2)
    expect(scheduler.listJobs()[0]?.nextRun).toEqual(first)
    await scheduler.stop()
    expect(scheduler.upcoming('job', NEVER)).toEqual([])
  })

  it('tells the zone of a cron expression', () => {
    const scheduler = new Scheduler({ timezone: 'Europe/Berlin' })
    scheduler.cron('0 5 * * *', () => {}, { name: 'berlin' })
    scheduler.cron('0 5 * * *', () => {}, { name: 'tokyo', timezone: 'Asia/Tokyo' })
    scheduler.every('1s', () => {}, { name: 'none' })
    expect(scheduler.listJobs().map(({ timezone }) => timezone)).toEqual([
      'Europe/Berlin',
      'Asia/Tokyo',
      undefined,
    ])
  })
})
