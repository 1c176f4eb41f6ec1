import {
  MemoryStorage,
  OptionRangeError,
  OptionTypeError,
  Scheduler,
  type SchedulerOptions,
  type SlotKeeper,
  slotKeeper,
} from 'aioflux'
import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { ManualClock } from '../../src/testing/manual-clock.ts'

function clockAt(date = '2026-01-01T00:00:20Z') {
  const clock = new ManualClock(50)
  clock.setWall(date)
  return clock
}

function make(options: SchedulerOptions = {}) {
  const clock = (options.clock as ManualClock | undefined) ?? clockAt()
  const scheduler = new Scheduler({ clock, timezone: 'UTC', ...options })
  const told: string[] = []
  scheduler.on('skipped', ({ reason }) => told.push(reason))
  scheduler.on('misfire', ({ count, run }) => told.push(`misfire ${count} ${run}`))
  scheduler.on('error', ({ error }) => told.push(String(error)))
  return { clock, scheduler, told }
}
const times = () => {
  const slots: string[] = []
  const fn = ({ slot }: { slot: Date }) => slots.push(slot.toISOString().slice(11, 19))
  return { slots, fn }
}

describe('runAtStart', () => {
  it('runs once at the start, and then at its slots, which do not move', async () => {
    const { clock, scheduler } = make()
    const [cron, every, added] = [times(), times(), times()]
    scheduler.cron('* * * * *', cron.fn, { runAtStart: true })
    scheduler.every('45s', every.fn, { runAtStart: true })
    await clock.advanceAsync('10s')
    scheduler.start()
    await clock.advanceAsync('40s')
    scheduler.cron('* * * * *', added.fn, { runAtStart: true })
    await clock.advanceAsync('60s')
    expect(cron.slots).toEqual(['00:00:30', '00:01:00', '00:02:00'])
    expect(every.slots).toEqual(['00:00:30', '00:01:15', '00:02:00'])
    expect(added.slots).toEqual(['00:01:10', '00:02:00'])
    await scheduler.stop()
    scheduler.start()
    expect(cron.slots.at(-1)).toBe('00:02:10')
    await scheduler.stop()
  })

  it('can be a default, and obeys overlap and jitter', async () => {
    const { clock, scheduler, told } = make({
      defaults: { runAtStart: true },
      random: () => 0.5,
    })
    const late: number[] = []
    scheduler.every('30s', () => late.push(clock.now()), { jitter: '10s' })
    let end = () => {}
    scheduler.every('30s', () => new Promise<void>((resolve) => (end = resolve)), { name: 'long' })
    scheduler.start()
    const start = clock.now()
    await clock.advanceAsync('40s')
    expect(late.map((at) => at - start)).toEqual([5000, 35_000])
    expect(told).toEqual(['overlap'])
    end()
    await scheduler.stop()
  })

  it('in a fleet one process runs it for all that start before the same slot', async () => {
    const clock = clockAt()
    const storage = new MemoryStorage({ clock })
    const { slots, fn } = times()
    const start = () => {
      const { scheduler, told } = make({ clock, storage })
      scheduler.cron('*/10 * * * *', fn, { name: 'job', runAtStart: true })
      scheduler.start()
      return { scheduler, told }
    }
    const fleet = [start(), start()]
    await clock.advanceAsync('1m')
    fleet.push(start())
    await clock.advanceAsync('1s')
    expect(slots).toEqual(['00:00:20'])
    expect(fleet.map(({ told }) => told)).toEqual([[], ['taken'], ['taken']])
    await clock.advanceAsync('10m')
    fleet.push(start())
    await clock.advanceAsync('1s')
    expect(slots).toEqual(['00:00:20', '00:10:00', '00:11:21'])
    for (const { scheduler } of fleet) await scheduler.stop()
  })

  it('is the run that makes up for missed slots, where there are some', async () => {
    const clock = clockAt()
    const storage = new MemoryStorage({ clock })
    const { slots, fn } = times()
    const live = () => {
      const { scheduler, told } = make({ clock, storage })
      scheduler.cron('* * * * *', fn, { name: 'job', runAtStart: true })
      return { scheduler: scheduler.start(), told }
    }
    const first = live()
    await clock.advanceAsync('1m')
    await first.scheduler.stop()
    await clock.advanceAsync('3m')
    const second = live()
    await clock.advanceAsync('1s')
    expect(slots).toEqual(['00:00:20', '00:01:00', '00:04:00'])
    expect(second.told).toEqual(['misfire 3 true'])
    await second.scheduler.stop()
  })

  it('is refused with a coordinator, and when it is no boolean', () => {
    const leader = { isLeader: true }
    const bad: [SchedulerOptions, object][] = [
      [{ coordinator: leader }, { runAtStart: true }],
      [{}, { runAtStart: true, coordinator: leader }],
      [{}, { runAtStart: 1 }],
    ]
    for (const [options, job] of bad) {
      const add = () => new Scheduler(options).every('1s', () => {}, job)
      expect(add).toThrow(OptionTypeError)
      expect(add).toThrow(expect.objectContaining({ option: 'runAtStart' }))
    }
  })
})

describe('maxRuns', () => {
  it('ends the job after so many runs, failed ones and the one at the start included', async () => {
    const { clock, scheduler } = make()
    scheduler.on('failed', () => {})
    const runs: number[] = []
    scheduler.every(
      '10s',
      () => {
        runs.push(runs.length)
        if (runs.length === 2) throw new Error('down')
      },
      { name: 'job', maxRuns: 3, runAtStart: true },
    )
    scheduler.start()
    await clock.advanceAsync('5s')
    const info = () => scheduler.listJobs()[0]
    expect(info()).toMatchObject({ runsLeft: 2, nextRun: new Date('2026-01-01T00:00:30Z') })
    expect(scheduler.upcoming('job', new Date('2026-01-02T00:00:00Z'))).toHaveLength(2)
    await clock.advanceAsync('1h')
    expect(runs).toHaveLength(3)
    expect(info()).toMatchObject({ runsLeft: 0, nextRun: undefined, completed: 2, failed: 1 })
    expect(scheduler.upcoming('job', new Date('2026-01-02T00:00:00Z'))).toEqual([])
    // An operator may run it still.
    expect(scheduler.run('job')).toBe(true)
    await scheduler.stop()
    scheduler.start()
    await clock.advanceAsync('1h')
    expect(runs).toHaveLength(4)
    await scheduler.stop()
  })

  it('leaves no timer behind', async () => {
    const { clock, scheduler } = make()
    scheduler.cron('* * * * *', () => {}, { maxRuns: 2, jitter: '5s' })
    scheduler.start()
    expect(clock.timers).toBeGreaterThan(0)
    await clock.advanceAsync('5m')
    expect(clock.timers).toBe(0)
    expect(scheduler.listJobs()[0]).toMatchObject({ completed: 2, running: 0 })
  })

  it('attempts of one run count once, skipped slots not at all', async () => {
    const { clock, scheduler, told } = make()
    const retried = vi.fn(() => Promise.reject(new Error('down')))
    scheduler.on('failed', () => {})
    scheduler.every('1m', retried, {
      maxRuns: 1,
      retry: { attempts: 3, backoff: '1s', jitter: 'none' },
    })
    const ends: (() => void)[] = []
    scheduler.every('10s', () => new Promise<void>((resolve) => ends.push(resolve)), { maxRuns: 2 })
    scheduler.start()
    await clock.advanceAsync('35s')
    expect([ends.length, told]).toEqual([1, ['overlap', 'overlap']])
    ends[0]?.()
    await clock.advanceAsync('5m')
    expect([ends.length, retried.mock.calls.length]).toEqual([2, 3])
    ends[1]?.()
    await scheduler.stop()
  })

  it('a run that waits behind the last one is not begun', async () => {
    const { clock, scheduler } = make()
    const ends: (() => void)[] = []
    scheduler.every('10s', () => new Promise<void>((resolve) => ends.push(resolve)), {
      maxRuns: 2,
      overlap: 'queue',
    })
    scheduler.start()
    for (let i = 0; i < 4; i++) {
      await clock.advanceAsync('25s')
      ends[i]?.()
    }
    await clock.advanceAsync('1m')
    expect(ends).toHaveLength(2)
    await scheduler.stop()
  })

  it('is exact over a fleet, whatever each process is about', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 2, max: 4 }),
        fc.boolean(),
        fc.array(fc.nat(3), { maxLength: 8 }),
        async (maxRuns, size, runAtStart, restarts) => {
          const clock = clockAt()
          const storage = new MemoryStorage({ clock })
          let runs = 0
          const start = () => {
            const { scheduler } = make({ clock, storage })
            const job = { name: 'job', maxRuns, runAtStart, overlap: { parallel: 3 } }
            scheduler.cron('* * * * *', () => runs++, job)
            return scheduler.start()
          }
          const fleet = Array.from({ length: size }, start)
          for (const which of restarts) {
            await clock.advanceAsync('47s')
            await fleet[which % size]?.stop()
            fleet[which % size] = start()
          }
          await clock.advanceAsync('20m')
          expect(runs).toBe(maxRuns)
          for (const scheduler of fleet) {
            expect(scheduler.listJobs()[0]).toMatchObject({ nextRun: undefined, runsLeft: 0 })
          }
          for (const scheduler of fleet) await scheduler.stop()
        },
      ),
      { numRuns: 30 },
    )
  })

  it('a run that another process takes over keeps its number', async () => {
    const clock = clockAt()
    const storage = new MemoryStorage({ clock })
    const keeper = slotKeeper(storage)
    // A process that takes the first slot, counts its run, and dies.
    const slot = Date.parse('2026-01-01T00:01:00Z')
    const { slots, fn } = times()
    const { scheduler, told } = make({ clock, slots: keeper })
    scheduler.cron('* * * * *', fn, { name: 'job', maxRuns: 2 })
    scheduler.start()
    await clock.advanceAsync('35s')
    await keeper.claim('job', slot)
    expect(await keeper.runs?.begin('job', slot)).toBe(1)
    await clock.advanceAsync('10m')
    expect(slots).toEqual(['00:01:00', '00:02:00'])
    expect(told[0]).toBe('taken')
    await scheduler.stop()
  })

  it('is not run while the count cannot be asked', async () => {
    const clock = clockAt()
    const storage = new MemoryStorage({ clock })
    const { slots, fn } = times()
    const { scheduler, told } = make({ clock, storage })
    scheduler.cron('* * * * *', fn, { name: 'job', maxRuns: 2, misfire: 'skip' })
    scheduler.start()
    await clock.advanceAsync('10s')
    vi.spyOn(storage, 'get').mockRejectedValueOnce(new Error('storage down'))
    await clock.advanceAsync('1m')
    expect(told).toEqual(['Error: storage down', 'unknown'])
    await clock.advanceAsync('10m')
    expect(slots).toEqual(['00:02:00', '00:03:00'])
    await scheduler.stop()
  })

  it('refuses what cannot work', () => {
    const silent: SlotKeeper = {
      keeps: 1000,
      claim: async () => true,
      last: async () => undefined,
    }
    const bad: [SchedulerOptions, unknown, typeof OptionRangeError | typeof OptionTypeError][] = [
      [{}, 0, OptionRangeError],
      [{}, 1.5, OptionRangeError],
      [{}, '3', OptionTypeError],
      [{ slots: silent }, 3, OptionTypeError],
    ]
    for (const [options, maxRuns, error] of bad) {
      const job = { maxRuns: maxRuns as number }
      const add = () => new Scheduler(options).every('1s', () => {}, job)
      expect(add).toThrow(error)
      expect(add).toThrow(expect.objectContaining({ option: 'maxRuns' }))
    }
  })
})

it('a scheduler that is stopped before its storage has answered reports no error of that', async () => {
  const errors: unknown[] = []
  let fail: (error: Error) => void = () => {}
  const slots: SlotKeeper = {
    keeps: 1000,
    claim: async () => true,
    last: () =>
      new Promise((_, reject) => {
        fail = reject
      }),
  }
  const scheduler = new Scheduler({ slots, clock: clockAt() })
  scheduler.on('error', ({ error }) => errors.push(error))
  scheduler.every('30s', () => {}, { name: 'job' })
  scheduler.start()
  await scheduler.stop()
  fail(new Error('closed'))
  await new Promise((resolve) => setImmediate(resolve))
  expect(errors).toEqual([])
  // One that goes on does tell.
  scheduler.start()
  fail(new Error('down'))
  await new Promise((resolve) => setImmediate(resolve))
  expect(errors).toEqual([new Error('down')])
  await scheduler.stop()
})
