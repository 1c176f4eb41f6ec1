import {
  isAioFluxError,
  type JobRun,
  OptionRangeError,
  OptionTypeError,
  Scheduler,
  type SchedulerEvents,
  type SchedulerOptions,
} from 'aioflux'
import { describe, expect, it, vi } from 'vitest'
import { ManualClock } from '../../src/testing/manual-clock.ts'

function make(options: SchedulerOptions = {}, date = '2026-01-01T00:00:00Z') {
  const clock = new ManualClock(50)
  clock.setWall(date)
  const scheduler = new Scheduler({ clock, timezone: 'UTC', ...options })
  const told: [string, Record<string, unknown>][] = []
  for (const event of ['failed', 'retry', 'aborted', 'skipped', 'misfire', 'error'] as const) {
    scheduler.on(event, (payload: SchedulerEvents[typeof event]) =>
      told.push([event, payload as unknown as Record<string, unknown>]),
    )
  }
  return { clock, scheduler, told }
}

/** A job whose runs stay under way until the test ends them. */
function held() {
  const runs: { run: JobRun; end: () => void; fail: (error: unknown) => void }[] = []
  const fn = (run: JobRun) =>
    new Promise<void>((end, fail) => {
      runs.push({ run, end, fail })
    })
  return { fn, runs }
}

const seconds = (date: Date | undefined) => (date as Date).getTime() / 1000

describe('every', () => {
  it('does not drift: 10,000 ticks are 10,000 periods', async () => {
    const { clock, scheduler } = make()
    const at: number[] = []
    scheduler.every(0.1, () => at.push(clock.now()))
    scheduler.start()
    await clock.advanceAsync(1000)
    expect(at).toHaveLength(10_000)
    const worst = Math.max(...at.map((time, i) => Math.abs(time - (50_000 + (i + 1) * 100))))
    expect(worst).toBeLessThan(0.002)
    await scheduler.stop()
  })

  it('keeps its phase when the event loop was late, and counts what it missed', async () => {
    const { clock, scheduler, told } = make()
    const at: number[] = []
    scheduler.every('10s', () => at.push(clock.now() / 1000 - 50))
    scheduler.start()
    const timer = vi.spyOn(clock, 'after')
    await clock.advanceAsync('10s')
    // The machine stands still for 34 s: the clock goes on, and timers run afterwards.
    const run = timer.mock.calls.at(-1)?.[1] as () => void
    const { now } = clock
    clock.now = () => 94_500
    run()
    clock.now = now
    expect(at).toEqual([10, 44.5])
    expect(told).toEqual([['misfire', expect.objectContaining({ count: 3, run: true })]])
    expect(seconds(scheduler.listJobs()[0]?.nextRun) % 10).toBe(0)
  })

  it('takes seconds, strings and parts', () => {
    const { clock, scheduler } = make()
    const next: number[] = []
    scheduler.every(90, () => {})
    scheduler.every('90s', () => {})
    scheduler.every({ minutes: 1, seconds: 30 }, () => {})
    scheduler.every({ days: 1, hours: 1 }, () => {})
    scheduler.start()
    for (const job of scheduler.listJobs()) next.push(seconds(job.nextRun) - clock.wall() / 1000)
    expect(next).toEqual([90, 90, 90, 90_000])
  })

  it('goes by the monotonic clock: setting the date does not move it', async () => {
    const { clock, scheduler } = make()
    const job = vi.fn()
    scheduler.every('1m', job)
    scheduler.start()
    clock.setWall('2031-01-01T00:00:00Z')
    await clock.advanceAsync('59s')
    expect(job).toHaveBeenCalledTimes(0)
    clock.setWall('2020-01-01T00:00:00Z')
    await clock.advanceAsync('1s')
    expect(job).toHaveBeenCalledTimes(1)
  })
})

describe('dates', () => {
  it('waits for more than 24.8 days, and not a moment longer', async () => {
    const { clock, scheduler } = make()
    const job = vi.fn()
    scheduler.at(new Date('2026-02-10T12:00:00Z'), job)
    scheduler.start()
    await clock.advanceAsync(40.5 * 86_400 - 0.001)
    expect(job).not.toHaveBeenCalled()
    await clock.advanceAsync(0.001)
    expect(job).toHaveBeenCalledTimes(1)
    expect(clock.timers).toBe(0)
  })

  it('after a suspend of 8 hours: one run for all that was missed, within 30 seconds, then as usual', async () => {
    const { clock, scheduler, told } = make({}, '2026-01-01T20:00:30Z')
    const slots: string[] = []
    scheduler.cron('0 * * * *', ({ slot }) => slots.push(slot.toISOString()))
    scheduler.start()
    await clock.advanceAsync('10s')
    clock.setWall('2026-01-02T04:00:40Z')
    await clock.advanceAsync('30s')
    expect(slots).toEqual(['2026-01-02T04:00:00.000Z'])
    expect(told).toEqual([
      [
        'misfire',
        {
          name: '0 * * * *',
          first: new Date('2026-01-01T21:00:00Z'),
          slot: new Date('2026-01-02T04:00:00Z'),
          count: 8,
          more: false,
          run: true,
        },
      ],
    ])
    await clock.advanceAsync('1h')
    expect(slots).toHaveLength(2)
    expect(scheduler.listJobs()[0]).toMatchObject({ missed: 8, completed: 2 })
  })

  it("with misfire: 'skip' what was missed is told, and not run", async () => {
    const { clock, scheduler, told } = make({}, '2026-01-01T20:00:30Z')
    const job = vi.fn()
    scheduler.cron('0 * * * *', job, { misfire: 'skip' })
    scheduler.start()
    clock.setWall('2026-01-02T04:00:40Z')
    await clock.advanceAsync('30s')
    expect(job).not.toHaveBeenCalled()
    expect(told).toEqual([['misfire', expect.objectContaining({ count: 8, run: false })]])
  })

  it('fires no slot twice when the date is set back an hour', async () => {
    const { clock, scheduler } = make()
    const slots: number[] = []
    scheduler.cron('*/10 * * * *', ({ slot }) => slots.push(slot.getTime()))
    scheduler.start()
    await clock.advanceAsync('2h')
    expect(slots).toHaveLength(12)
    clock.setWall('2026-01-01T01:00:00Z')
    await clock.advanceAsync('2h')
    expect(slots).toHaveLength(18)
    expect(new Set(slots).size).toBe(18)
  })

  it('a date that has passed before the start is run at once, or not at all', async () => {
    for (const [misfire, runs] of [
      ['once', 1],
      ['skip', 0],
    ] as const) {
      const { clock, scheduler, told } = make()
      const job = vi.fn()
      scheduler.at(new Date('2025-12-31T00:00:00Z'), job, { misfire })
      scheduler.start()
      await clock.advanceAsync(0)
      expect(job).toHaveBeenCalledTimes(runs)
      expect(told.map(([event]) => event)).toEqual(['misfire'])
    }
  })
})

describe('overlap', () => {
  it('skip: a slot that comes while a run has not ended is not run', async () => {
    const { clock, scheduler, told } = make()
    const { fn, runs } = held()
    scheduler.every('10s', fn, { name: 'job' })
    scheduler.start()
    await clock.advanceAsync('35s')
    expect(runs).toHaveLength(1)
    expect(told.map(([, { reason }]) => reason)).toEqual(['overlap', 'overlap'])
    expect(scheduler.listJobs()[0]).toMatchObject({ running: 1, skipped: 2 })
    runs[0]?.end()
    await clock.advanceAsync('5s')
    expect(runs).toHaveLength(2)
  })

  it('queue: one slot waits, and runs when the run has ended', async () => {
    const { clock, scheduler, told } = make()
    const { fn, runs } = held()
    scheduler.every('10s', fn, { overlap: 'queue' })
    scheduler.start()
    await clock.advanceAsync('35s')
    expect(runs).toHaveLength(1)
    expect(told).toHaveLength(1)
    runs[0]?.end()
    await clock.advanceAsync(0)
    expect(runs).toHaveLength(2)
    expect((runs[1]?.run.slot.getTime() as number) - (runs[0]?.run.slot.getTime() as number)).toBe(
      10_000,
    )
    runs[1]?.end()
    await clock.advanceAsync(0)
    expect(runs).toHaveLength(2)
  })

  it('replace: aborts the run, waits until it has ended, then runs the newest slot', async () => {
    const { clock, scheduler, told } = make()
    const { fn, runs } = held()
    scheduler.every('10s', fn, { overlap: 'replace' })
    scheduler.start()
    await clock.advanceAsync('35s')
    expect(runs).toHaveLength(1)
    expect(runs[0]?.run.signal.aborted).toBe(true)
    runs[0]?.fail(runs[0].run.signal.reason)
    await clock.advanceAsync(0)
    expect(runs).toHaveLength(2)
    expect(runs[1]?.run.signal.aborted).toBe(false)
    expect((runs[1]?.run.slot.getTime() as number) - (runs[0]?.run.slot.getTime() as number)).toBe(
      20_000,
    )
    expect(told.map(([event]) => event)).toEqual(['skipped', 'aborted'])
  })

  it('replace: a run that is aborted is not tried again', async () => {
    const { clock, scheduler, told } = make()
    const { fn, runs } = held()
    scheduler.every('10s', fn, { overlap: 'replace', retry: 5 })
    scheduler.start()
    await clock.advanceAsync('20s')
    runs[0]?.fail(runs[0].run.signal.reason)
    await clock.advanceAsync(0)
    expect(runs.map(({ run }) => run.attempt)).toEqual([1, 1])
    expect(told.map(([event]) => event)).toEqual(['aborted'])
  })

  it('parallel: so many runs at once, however they end', async () => {
    const { clock, scheduler, told } = make()
    const { fn, runs } = held()
    scheduler.every('10s', fn, { overlap: { parallel: 2 } })
    scheduler.start()
    await clock.advanceAsync('35s')
    expect(runs).toHaveLength(2)
    runs[0]?.end()
    await clock.advanceAsync('10s')
    expect(runs).toHaveLength(3)
    await clock.advanceAsync('10s')
    expect(runs).toHaveLength(3)
    expect(told).toHaveLength(2)
  })
})

describe('a run', () => {
  it('that fails is an event, and the job goes on', async () => {
    const { clock, scheduler, told } = make()
    scheduler.every('10s', () => {
      throw new Error('broken')
    })
    scheduler.start()
    await clock.advanceAsync('20s')
    expect(told).toHaveLength(2)
    expect(told[0]).toEqual([
      'failed',
      expect.objectContaining({ error: new Error('broken'), attempts: 1 }),
    ])
    expect(scheduler.listJobs()[0]).toMatchObject({ failed: 2, lastError: new Error('broken') })
  })

  it('that fails is written to the console while nobody listens', async () => {
    const report = vi.spyOn(console, 'error').mockImplementation(() => {})
    const clock = new ManualClock()
    const scheduler = new Scheduler({ clock })
    scheduler.every('10s', () => Promise.reject(undefined), { name: 'j' })
    scheduler.start()
    await clock.advanceAsync('10s')
    expect(report).toHaveBeenCalledWith("aioflux: job 'j' failed", undefined)
  })

  it('is tried again as told, and fails for good in the end', async () => {
    const { clock, scheduler, told } = make()
    const attempts: number[] = []
    scheduler.cron(
      '0 * * * *',
      ({ attempt }) => {
        attempts.push(attempt)
        throw new Error('down')
      },
      { retry: { attempts: 3, baseDelay: '1s', jitter: 'none' } },
    )
    scheduler.start()
    await clock.advanceAsync('1h')
    expect(attempts).toEqual([1])
    await clock.advanceAsync('1s')
    expect(attempts).toEqual([1, 2])
    await clock.advanceAsync('2s')
    expect(attempts).toEqual([1, 2, 3])
    expect(told.map(([event]) => event)).toEqual(['retry', 'retry', 'failed'])
    expect(told[2]?.[1]).toMatchObject({ attempts: 3, seconds: 3 })
  })

  it('that takes longer than its timeout has failed, and holds its place until it has ended', async () => {
    const { clock, scheduler, told } = make()
    const { fn, runs } = held()
    scheduler.every('10s', fn, { timeout: '3s' })
    scheduler.start()
    await clock.advanceAsync('13s')
    expect(runs[0]?.run.signal.aborted).toBe(true)
    expect(isAioFluxError(runs[0]?.run.signal.reason, 'JOB_TIMEOUT')).toBe(true)
    await clock.advanceAsync('7s')
    expect(told.map(([event]) => event)).toEqual(['skipped'])
    runs[0]?.end()
    await clock.advanceAsync(0)
    expect(told[1]?.[0]).toBe('failed')
    expect(told[1]?.[1]).toMatchObject({ error: { code: 'JOB_TIMEOUT' } })
    await clock.advanceAsync('10s')
    expect(runs).toHaveLength(2)
    expect(runs[1]?.run.signal.aborted).toBe(false)
  })

  it('that ends in time leaves no timer', async () => {
    const { clock, scheduler } = make()
    scheduler.at(new Date('2026-01-01T00:00:10Z'), () => {}, { timeout: '1h' })
    scheduler.start()
    await clock.advanceAsync('10s')
    expect(clock.timers).toBe(0)
  })

  it('begins up to jitter after its slot, and the next slot does not move', async () => {
    const random = vi.fn().mockReturnValueOnce(0.5).mockReturnValueOnce(0.999).mockReturnValue(0)
    const { clock, scheduler } = make({ random })
    const at: number[] = []
    scheduler.every('10s', () => at.push(clock.now() - 50_000), { jitter: '4s' })
    scheduler.start()
    await clock.advanceAsync('30s')
    expect(at).toEqual([12_000, 23_996, 30_000])
  })
})

describe('listJobs', () => {
  it('tells the last and the next run of each job', async () => {
    const { clock, scheduler } = make()
    scheduler.cron('0 * * * *', async function hourly() {})
    scheduler.every('40m', () => {}, { name: 'often' })
    scheduler.at(new Date('2026-01-01T00:30:00Z'), () => {})
    // What counts from the start cannot be told before.
    expect(scheduler.listJobs().map(({ nextRun }) => nextRun)).toEqual([
      new Date('2026-01-01T01:00:00Z'),
      undefined,
      new Date('2026-01-01T00:30:00Z'),
    ])
    scheduler.start()
    await clock.advanceAsync('1h')
    expect(scheduler.listJobs()).toMatchObject([
      {
        name: 'hourly',
        kind: 'cron',
        schedule: '0 * * * *',
        lastRun: new Date('2026-01-01T01:00:00Z'),
        nextRun: new Date('2026-01-01T02:00:00Z'),
        completed: 1,
      },
      {
        name: 'often',
        kind: 'every',
        schedule: 'every 2400 s',
        lastRun: new Date('2026-01-01T00:40:00Z'),
        nextRun: new Date('2026-01-01T01:20:00Z'),
      },
      { kind: 'at', lastRun: new Date('2026-01-01T00:30:00Z'), nextRun: undefined },
    ])
  })

  it('knows a job no more that was cancelled', async () => {
    const { clock, scheduler } = make()
    const job = vi.fn()
    const { cancel } = (() => {
      const scheduled = scheduler.every('10s', job)
      return { cancel: () => scheduled.cancel() }
    })()
    scheduler.start()
    await clock.advanceAsync('10s')
    cancel()
    cancel()
    await clock.advanceAsync('1m')
    expect(job).toHaveBeenCalledTimes(1)
    expect(scheduler.listJobs()).toEqual([])
    expect(clock.timers).toBe(0)
  })

  it('a job that was cancelled leaves its name, and does not cancel who takes it', async () => {
    const { scheduler } = make()
    const first = scheduler.every('10s', () => {}, { name: 'job' })
    first.cancel()
    scheduler.every('20s', () => {}, { name: 'job' })
    first.cancel()
    expect(scheduler.listJobs()).toMatchObject([{ name: 'job', schedule: 'every 20 s' }])
  })

  it('a job may cancel itself, and one that is added later begins at once', async () => {
    const { clock, scheduler } = make()
    scheduler.start()
    const job = scheduler.every('10s', () => job.cancel())
    await clock.advanceAsync('1m')
    expect(job.info()).toMatchObject({ completed: 1, nextRun: undefined })
  })
})

describe('stop', () => {
  it('waits for what runs, begins nothing, and reports', async () => {
    const { clock, scheduler } = make()
    const { fn, runs } = held()
    scheduler.every('10s', fn, { name: 'job', overlap: 'queue' })
    scheduler.start()
    await clock.advanceAsync('25s')
    const stopped = vi.fn()
    const stopping = scheduler.stop()
    void stopping.then(stopped)
    expect(scheduler.stop()).toBe(stopping)
    await clock.advanceAsync('1m')
    expect(stopped).not.toHaveBeenCalled()
    runs[0]?.end()
    expect(await stopping).toEqual({
      completed: 1,
      failed: 0,
      notStarted: [{ name: 'job', slot: new Date('2026-01-01T00:00:20Z') }],
      aborted: [],
      stillRunning: [],
    })
    expect(runs).toHaveLength(1)
    expect(clock.timers).toBe(0)
  })

  it('aborts at the deadline, and tells who did not listen', async () => {
    const { clock, scheduler } = make()
    const deaf = held()
    scheduler.every('10s', deaf.fn, { name: 'deaf' })
    scheduler.every(
      '10s',
      ({ signal }) =>
        new Promise((_, no) => signal.addEventListener('abort', () => no(signal.reason))),
      { name: 'good' },
    )
    scheduler.start()
    await clock.advanceAsync('10s')
    const stopping = scheduler.stop({ deadline: '5s', grace: '2s' })
    await clock.advanceAsync('7s')
    const slot = new Date('2026-01-01T00:00:10Z')
    expect(await stopping).toEqual({
      completed: 0,
      failed: 0,
      notStarted: [],
      aborted: [{ name: 'good', slot }],
      stillRunning: [{ name: 'deaf', slot }],
    })
    expect(isAioFluxError(deaf.runs[0]?.run.signal.reason, 'CLOSED')).toBe(true)
  })

  it('a job without a name or a date that is one is refused', () => {
    const { scheduler } = make()
    const nameless = () => scheduler.every('10s', () => {}, { name: '' })
    expect(nameless).toThrow('name must not be empty')
    const never = () => scheduler.at(new Date(Number.NaN), () => {})
    expect(never).toThrow('date must be a valid Date, got Invalid Date')
    expect(scheduler.listJobs()).toEqual([])
  })

  it('stop with bad options rejects, is not thrown, and stops nothing', async () => {
    const { clock, scheduler } = make()
    let runs = 0
    scheduler.every('10s', () => void runs++, { name: 'a' })
    scheduler.start()
    const misspelt = scheduler.stop({ dedline: '5s' } as object)
    await expect(misspelt).rejects.toMatchObject({ code: 'INVALID_OPTION', option: 'dedline' })
    const endless = scheduler.stop({ deadline: Number.NaN })
    await expect(endless).rejects.toMatchObject({ code: 'INVALID_OPTION', option: 'deadline' })
    await clock.advanceAsync('10s')
    expect(runs).toBe(1)
    await scheduler.stop()
  })

  it("mode 'drop' aborts at once; a retry that waits is given up; jitter is not waited for", async () => {
    const { clock, scheduler } = make({ random: () => 0.5 })
    scheduler.every('10s', () => Promise.reject(new Error('down')), { name: 'a', retry: 5 })
    scheduler.every('10s', () => {}, { name: 'b', jitter: '1m' })
    scheduler.start()
    await clock.advanceAsync('10s')
    const report = await scheduler.stop({ mode: 'drop' })
    expect(report.notStarted.map(({ name }) => name)).toEqual(['b'])
    expect(report.aborted.map(({ name }) => name)).toEqual(['a'])
    expect(clock.timers).toBe(0)
  })

  it('may be followed by a start, which fires no slot again and misses none', async () => {
    const { clock, scheduler, told } = make()
    const slots: number[] = []
    scheduler.cron('* * * * *', ({ slot }) => slots.push(slot.getTime()))
    scheduler.start().start()
    await clock.advanceAsync('1m')
    await scheduler.stop()
    await clock.advanceAsync('10m')
    clock.setWall('2026-01-01T00:00:30Z')
    scheduler.start()
    await clock.advanceAsync('2m')
    expect(slots.map((slot) => (slot / 60_000) % 60)).toEqual([1, 2])
    expect(told).toEqual([])
  })

  it('is done by await using, and of a scheduler that never started', async () => {
    const { clock, scheduler } = make()
    {
      await using own = scheduler
      own.every('10s', () => {})
      own.start()
      expect(clock.timers).toBe(1)
    }
    expect(clock.timers).toBe(0)
    expect(await new Scheduler().stop()).toMatchObject({ completed: 0, stillRunning: [] })
  })
})

describe('options', () => {
  it('refuses what cannot work, naming the option', () => {
    const scheduler = new Scheduler()
    const fn = () => {}
    const bad: [() => unknown, string, typeof OptionRangeError | typeof OptionTypeError][] = [
      [() => scheduler.every(0, fn), 'period', OptionRangeError],
      [() => scheduler.every('soon' as never, fn), 'period', OptionTypeError],
      [() => scheduler.every({ hours: '1h' as never }, fn), 'period.hours', OptionTypeError],
      [() => scheduler.every({ hours: -1, days: 1 }, fn), 'period.hours', OptionRangeError],
      [() => scheduler.every({ days: 1e9 }, fn), 'period', OptionRangeError],
      [() => scheduler.every({ weeks: 1 } as never, fn), 'weeks', OptionTypeError],
      [() => scheduler.every(1, 'fn' as never), 'fn', OptionTypeError],
      [() => scheduler.every(1, fn, { overlap: 'run' as never }), 'overlap', OptionRangeError],
      [
        () => scheduler.every(1, fn, { overlap: { parallel: 0 } }),
        'overlap.parallel',
        OptionRangeError,
      ],
      [() => scheduler.every(1, fn, { misfire: 'all' as never }), 'misfire', OptionRangeError],
      [() => scheduler.every(1, fn, { jitter: -1 }), 'jitter', OptionRangeError],
      [() => scheduler.every(1, fn, { retry: 0 }), 'retry.attempts', OptionRangeError],
      [() => scheduler.every(1, fn, { name: 5 as never }), 'name', OptionTypeError],
      [() => scheduler.at('2030' as never, fn), 'date', OptionTypeError],
      [() => scheduler.at(new Date('x'), fn), 'date', OptionRangeError],
    ]
    for (const [act, option, error] of bad) {
      expect(act, option).toThrow(error)
      expect(act).toThrow(expect.objectContaining({ option }))
    }
    scheduler.every(1, fn, { name: 'one' })
    expect(() => scheduler.every(1, fn, { name: 'one' })).toThrow(/unique/)
  })
})
