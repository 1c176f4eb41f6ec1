import {
  type JobOptions,
  type JobRun,
  MemoryStorage,
  Scheduler,
  type SchedulerOptions,
  type SlotClaim,
  type SlotKeeperOptions,
  slotKeeper,
  type Values,
} from 'aioflux'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { ManualClock } from '../../src/testing/manual-clock.ts'

function clockAt(date = '2026-01-01T00:00:00Z') {
  const clock = new ManualClock(7)
  clock.setWall(date)
  return clock
}

it('five schedulers over one storage run each slot once', async () => {
  const clock = clockAt()
  const storage = new MemoryStorage({ clock })
  const runs: string[] = []
  const by = new Set<number>()
  const schedulers = Array.from({ length: 5 }, (_, i) => {
    const scheduler = new Scheduler({ clock, timezone: 'UTC', storage })
    const note = (name: string) => (run: { slot: Date }) => {
      runs.push(`${name} ${run.slot.toISOString()}`)
      by.add(i)
    }
    scheduler.cron('* * * * *', note('cron'), { name: 'cron', jitter: '10s' })
    scheduler.every('7s', note('every'), { name: 'every' })
    return scheduler.start()
  })
  await clock.advanceAsync('1h')
  await clock.advanceAsync('10s')
  const cron = runs.filter((run) => run.startsWith('cron'))
  expect(cron).toHaveLength(60)
  expect(new Set(runs).size).toBe(runs.length)
  const first = Date.parse('2026-01-01T00:00:00Z')
  const slots = Math.floor((first + 3_610_000) / 7000) - Math.floor(first / 7000)
  expect(runs.length - cron.length).toBe(slots)
  expect(by.size).toBeGreaterThan(1)
  await Promise.all(schedulers.map((scheduler) => scheduler.stop()))
})

it('a moment that a sum of fractions falls just short of has come', async () => {
  // 60000.002 + 10000 is the smallest bit more than the 70000.002 that the clock can tell.
  const clock = new ManualClock(2e-6)
  clock.setWall('2026-01-01T00:00:00Z')
  const storage = new MemoryStorage({ clock })
  const runs: string[] = []
  for (let i = 0; i < 2; i++) {
    const scheduler = new Scheduler({ clock, timezone: 'UTC', storage })
    scheduler.cron('* * * * *', ({ slot }) => runs.push(slot.toISOString()), { name: 'cron' })
    scheduler.start()
  }
  await clock.advanceAsync('2m')
  expect(runs).toEqual(['2026-01-01T00:01:00.000Z', '2026-01-01T00:02:00.000Z'])
})

it('schedulers that were started at different moments agree on the slots of every', async () => {
  const clock = clockAt('2026-01-01T00:00:03Z')
  const storage = new MemoryStorage({ clock })
  const slots: number[] = []
  for (let i = 0; i < 2; i++) {
    const scheduler = new Scheduler({ clock, storage })
    scheduler.every('10s', ({ slot }) => slots.push(slot.getUTCSeconds()), { name: 'job' })
    scheduler.start()
    await clock.advanceAsync('4s')
  }
  await clock.advanceAsync('20s')
  expect(slots).toEqual([10, 20, 30])
})

it('what was missed between two lives of a process is made up for once', async () => {
  const clock = clockAt()
  const storage = new MemoryStorage({ clock })
  const slots: string[] = []
  const live = () => {
    const scheduler = new Scheduler({ clock, timezone: 'UTC', storage })
    scheduler.cron('0 * * * *', ({ slot }) => slots.push(slot.toISOString()), { name: 'hourly' })
    scheduler.start()
    return scheduler
  }
  const first = live()
  await clock.advanceAsync('1h')
  await first.stop()
  await clock.advanceAsync('3.25h')
  const misfires: number[] = []
  const second = [live(), live()]
  for (const scheduler of second) scheduler.on('misfire', ({ count }) => misfires.push(count))
  await clock.advanceAsync('30m')
  expect(slots).toEqual(['2026-01-01T01:00:00.000Z', '2026-01-01T04:00:00.000Z'])
  expect(misfires).toEqual([3, 3])
})

it('a storage that cannot be asked is an event, and the slot is not run', async () => {
  const clock = clockAt()
  const storage = new MemoryStorage({ clock })
  const scheduler = new Scheduler({ clock, timezone: 'UTC', storage })
  const [job, errors, skipped] = [vi.fn(), vi.fn(), vi.fn()]
  scheduler.on('error', errors)
  scheduler.on('skipped', ({ reason }) => skipped(reason))
  scheduler.cron('* * * * *', job)
  scheduler.start()
  await clock.advanceAsync('1m')
  expect(job).toHaveBeenCalledTimes(1)
  vi.spyOn(storage, 'incr').mockRejectedValueOnce(new Error('storage down'))
  await clock.advanceAsync('1m')
  expect(job).toHaveBeenCalledTimes(1)
  expect(errors).toHaveBeenCalledWith(expect.objectContaining({ error: new Error('storage down') }))
  expect(skipped).toHaveBeenCalledWith('unknown')
  await clock.advanceAsync('1m')
  expect(job).toHaveBeenCalledTimes(2)
})

it('a slot older than the storage remembers is run by nobody', async () => {
  const clock = clockAt('2026-01-01T00:30:00Z')
  const slots = slotKeeper(new MemoryStorage({ clock }), { ttl: '1h' })
  const scheduler = new Scheduler({ clock, timezone: 'UTC', slots })
  const [job, skipped] = [vi.fn(), vi.fn()]
  scheduler.on('skipped', ({ reason }) => skipped(reason))
  scheduler.cron('0 1 * * *', job)
  scheduler.start()
  await clock.advanceAsync(0)
  clock.setWall('2026-01-01T02:30:00Z')
  await clock.advanceAsync('1m')
  expect(job).not.toHaveBeenCalled()
  expect(skipped).toHaveBeenCalledWith('forgotten')
})

it('only the leader runs, and a change of leader in the middle of a slot runs it once', async () => {
  const clock = clockAt()
  const storage = new MemoryStorage({ clock })
  const leaders = [{ isLeader: true }, { isLeader: false }]
  const runs: string[] = []
  leaders.forEach((coordinator, i) => {
    const options: SchedulerOptions = { clock, timezone: 'UTC', storage, coordinator }
    const scheduler = new Scheduler(options)
    scheduler.cron('* * * * *', ({ slot }) => runs.push(`${i} ${slot.getUTCMinutes()}`), {
      name: 'job',
      jitter: i === 1 ? '1ms' : 0,
    })
    scheduler.start()
  })
  await clock.advanceAsync('2m')
  expect(runs).toEqual(['0 1', '0 2'])
  // Both believe to lead at the moment of the change.
  ;(leaders[1] as { isLeader: boolean }).isLeader = true
  await clock.advanceAsync('1m')
  ;(leaders[0] as { isLeader: boolean }).isLeader = false
  await clock.advanceAsync('61s')
  expect(runs).toEqual(['0 1', '0 2', '0 3', '1 4'])
})

it('names and slots cannot be mistaken for one another, and a claim outlives the next', async () => {
  const storage = new MemoryStorage({ clock: clockAt() })
  const slots = slotKeeper(storage)
  expect(await slots.claim('a:1', 2)).toBeTruthy()
  expect(await slots.claim('a', 12)).toBeTruthy()
  expect(await slots.claim('1:a', 2)).toBeTruthy()
  expect(await slots.claim('a', 12)).toBe(false)
  expect(await slots.claim('a', 11)).toBeTruthy()
  expect(await slots.last('a')).toBe(12)
})

it('slots are forgotten after their time to live', async () => {
  const clock = clockAt()
  const storage = new MemoryStorage({ clock })
  const slots = slotKeeper(storage, { ttl: '1h' })
  for (let slot = 1; slot <= 100; slot++) await slots.claim('job', slot)
  clock.advance('1h')
  expect(await storage.exists('schedule:slot:100:job')).toBe(false)
})

describe('a process dies with a slot that it has taken', () => {
  /** A storage as a process uses it that will be killed: from then on, nothing it says arrives. */
  function mortal(storage: MemoryStorage) {
    let alive = true
    const dead = () => new Promise<never>(() => {})
    const values: Values = {
      get: (key) => (alive ? storage.get(key) : dead()),
      set: (key, value, ttl) => (alive ? storage.set(key, value, ttl) : dead()),
      incr: (key, by) => (alive ? storage.incr(key, by) : dead()),
      decr: (key, by) => (alive ? storage.decr(key, by) : dead()),
      delete: (key) => (alive ? storage.delete(key) : dead()),
      exists: (key) => (alive ? storage.exists(key) : dead()),
    }
    return {
      values,
      kill() {
        alive = false
      },
    }
  }

  const lines: string[] = []
  beforeEach(() => {
    lines.length = 0
  })

  function start(
    name: string,
    clock: ManualClock,
    storage: Values,
    run: (run: JobRun) => unknown = () => {},
    options: SlotKeeperOptions = {},
    job: JobOptions = {},
  ) {
    const slots = slotKeeper(storage, options)
    const scheduler = new Scheduler({ clock, timezone: 'UTC', slots })
    scheduler.cron(
      '* * * * *',
      (one) => {
        const late = one.late ? ', late' : ''
        lines.push(`${name}: ${one.slot.getUTCMinutes()}${late}`)
        return run(one)
      },
      { name: 'job', ...job },
    )
    scheduler.on('aborted', ({ error }) => lines.push(`${name}: ${(error as Error)?.name}`))
    return scheduler.start()
  }
  const forever = () => new Promise<never>(() => {})

  it('another one runs it late, once, and none runs it again', async () => {
    const clock = clockAt()
    const storage = new MemoryStorage({ clock })
    const doomed = mortal(storage)
    start('a', clock, doomed.values, forever)
    await clock.advanceAsync(0)
    const others = [start('b', clock, storage), start('c', clock, storage)]
    await clock.advanceAsync('1m')
    expect(lines).toEqual(['a: 1'])
    doomed.kill()
    await clock.advanceAsync('9s')
    expect(lines).toEqual(['a: 1'])
    await clock.advanceAsync('20s')
    expect(lines).toEqual(['a: 1', 'b: 1, late'])
    await clock.advanceAsync('31s')
    expect(lines).toEqual(['a: 1', 'b: 1, late', 'b: 2'])
    await clock.advanceAsync('5m')
    expect(lines.filter((line) => line.includes('late'))).toHaveLength(1)
    await Promise.all(others.map((one) => one.stop()))
  })

  it('the heir dies too: the next one runs it', async () => {
    const clock = clockAt()
    const storage = new MemoryStorage({ clock })
    const doomed = [mortal(storage), mortal(storage)]
    for (const [i, { values }] of doomed.entries()) start('ab'[i] as string, clock, values, forever)
    await clock.advanceAsync(0)
    const last = start('c', clock, storage)
    await clock.advanceAsync('1m')
    doomed[0]?.kill()
    await clock.advanceAsync('20s')
    doomed[1]?.kill()
    await clock.advanceAsync('30s')
    expect(lines).toEqual(['a: 1', 'b: 1, late', 'c: 1, late'])
    await last.stop()
  })

  it('a run that takes long is left to who is alive', async () => {
    const clock = clockAt()
    const storage = new MemoryStorage({ clock })
    const long = () => new Promise<void>((resolve) => clock.after(50_000, () => resolve()))
    const all = [start('a', clock, storage, long), start('b', clock, storage, long)]
    await clock.advanceAsync('1m')
    await clock.advanceAsync('59s')
    expect(lines).toEqual(['a: 1'])
    clock.advance('1m')
    await Promise.all(all.map((one) => one.stop({ deadline: 0 })))
  })

  it('a failure is an end: it is not run again', async () => {
    const clock = clockAt()
    const storage = new MemoryStorage({ clock })
    const fail = () => Promise.reject(new Error('no'))
    const all = [start('a', clock, storage, fail), start('b', clock, storage, fail)]
    for (const one of all) one.on('failed', () => {})
    await clock.advanceAsync('1m')
    await clock.advanceAsync('50s')
    expect(lines).toEqual(['a: 1'])
    await Promise.all(all.map((one) => one.stop()))
  })

  it('all have died: whoever starts next runs the last slot, late', async () => {
    const clock = clockAt()
    const storage = new MemoryStorage({ clock })
    const doomed = mortal(storage)
    start('a', clock, doomed.values, forever)
    await clock.advanceAsync('1m')
    doomed.kill()
    await clock.advanceAsync('15s')
    const next = start('b', clock, storage)
    await clock.advanceAsync('15s')
    expect(lines).toEqual(['a: 1', 'b: 1, late'])
    await next.stop()
  })

  it('whoever could not renew it is told, as another one may run it', async () => {
    const clock = clockAt()
    const storage = new MemoryStorage({ clock })
    const cutOff = mortal(storage)
    start(
      'a',
      clock,
      cutOff.values,
      ({ signal }) =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason))
        }),
    )
    await clock.advanceAsync('1m')
    cutOff.kill()
    await clock.advanceAsync('15s')
    expect(lines).toEqual(['a: 1', 'a: LeaseLostError'])
  })

  it('nobody runs it where slots are to be begun once at most, or late ones not at all', async () => {
    for (const [options, job] of [
      [{ afterCrash: 'skip' }, {}],
      [{}, { misfire: 'skip' }],
    ] as const) {
      lines.length = 0
      const clock = clockAt()
      const storage = new MemoryStorage({ clock })
      const doomed = mortal(storage)
      start('a', clock, doomed.values, forever, options, job)
      await clock.advanceAsync(0)
      const other = start('b', clock, storage, () => {}, options, job)
      await clock.advanceAsync('1m')
      doomed.kill()
      await clock.advanceAsync('50s')
      expect(lines).toEqual(['a: 1'])
      await other.stop()
    }
  })
})

it('a claim that is given up is for whoever looks next', async () => {
  const clock = clockAt()
  const slots = slotKeeper(new MemoryStorage({ clock }))
  const claim = (await slots.claim('job', 60_000)) as SlotClaim
  expect(await slots.heirs?.inherit('job', 60_000)).toBe('held')
  await claim.giveUp()
  const next = (await slots.heirs?.inherit('job', 60_000)) as SlotClaim
  expect(await slots.heirs?.inherit('job', 60_000)).toBe('held')
  await next.finish()
  expect(await slots.heirs?.inherit('job', 60_000)).toBe('done')
})

it('bad options of a slot keeper are told', () => {
  const storage = new MemoryStorage()
  expect(() => slotKeeper(storage, { afterCrash: 'maybe' as never })).toThrow('afterCrash')
  expect(() => slotKeeper(storage, { lease: 0 })).toThrow('lease')
  expect(() => slotKeeper(storage, { leaze: 1 } as never)).toThrow('leaze')
})
