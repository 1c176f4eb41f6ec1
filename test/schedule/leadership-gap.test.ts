import { Coordinator, MemoryStorage, Scheduler, slotKeeper } from 'aioflux'
import { ManualClock } from 'aioflux/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

const START = Date.parse('2026-01-01T00:00:00Z')

function clockAtStart(): ManualClock {
  const clock = new ManualClock(7)
  clock.setWall(START)
  return clock
}

const schedules = {
  cron: (scheduler: Scheduler, run: (slot: Date) => void, misfire: 'once' | 'skip') =>
    scheduler.cron('* * * * *', ({ slot }) => run(slot), { name: 'job', misfire }),
  every: (scheduler: Scheduler, run: (slot: Date) => void, misfire: 'once' | 'skip') =>
    scheduler.every('1m', ({ slot }) => run(slot), { name: 'job', misfire }),
}

describe.each(Object.entries(schedules))('a fleet with a storage and a leader, %s', (_, add) => {
  it('runs each slot once or tells of it, whoever leads and whenever nobody does', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom<'once' | 'skip'>('once', 'skip'),
        fc.constantFrom<'run' | 'skip'>('run', 'skip'),
        // Who leads, if anybody, for how many seconds.
        fc.array(fc.tuple(fc.integer({ min: -1, max: 2 }), fc.integer({ min: 1, max: 200 })), {
          minLength: 1,
          maxLength: 12,
        }),
        async (misfire, afterCrash, terms) => {
          const clock = clockAtStart()
          const storage = new MemoryStorage({ clock })
          const leads = [0, 1, 2].map(() => ({ isLeader: false }))
          const ran: number[] = []
          const told: [first: number, slot: number, run: boolean][] = []
          const fleet = leads.map((coordinator) => {
            const slots = slotKeeper(storage, { afterCrash })
            const scheduler = new Scheduler({ clock, timezone: 'UTC', slots, coordinator })
            add(scheduler, (slot) => ran.push(slot.getTime()), misfire)
            scheduler.on('misfire', ({ first, slot, run }) =>
              told.push([first.getTime(), slot.getTime(), run]),
            )
            return scheduler.start()
          })
          for (const [leader, seconds] of [...terms, [0, 130] as const]) {
            for (const [i, lead] of leads.entries()) lead.isLeader = i === leader
            await clock.advanceAsync(seconds)
          }
          await Promise.all(fleet.map((scheduler) => scheduler.stop()))
          expect(new Set(ran).size).toBe(ran.length)
          for (let slot = START + 60_000; slot <= clock.wall(); slot += 60_000) {
            const known = told.some(([first, last]) => first <= slot && slot <= last)
            expect(ran.includes(slot) || known, new Date(slot).toISOString()).toBe(true)
          }
          // What a misfire promises to make up for is made up for by the run of its last slot.
          for (const [, slot, run] of told) if (run) expect(ran).toContain(slot)
        },
      ),
      { numRuns: 60 },
    )
  })
})

it('a slot between two leaders is run late by the next one', async () => {
  const clock = clockAtStart()
  const storage = new MemoryStorage({ clock })
  const fleet = ['a', 'b'].map((name) => {
    const coordinator = new Coordinator({ storage, clock, ttl: '10s' })
    const scheduler = new Scheduler({ clock, timezone: 'UTC', storage, coordinator })
    return { name, coordinator, scheduler }
  })
  const ran: string[] = []
  const misfires: unknown[] = []
  for (const { name, scheduler } of fleet) {
    scheduler.cron(
      '0 * * * *',
      ({ slot, late }) => ran.push(`${name} ${slot.toISOString().slice(11, 16)} ${late}`),
      { name: 'hourly' },
    )
    scheduler.on('misfire', ({ first, slot, count, run }) =>
      misfires.push([name, first.getUTCHours(), slot.getUTCHours(), count, run]),
    )
  }
  fleet[0]?.scheduler.start()
  await clock.advanceAsync('2h')
  // The leader goes before the hour, and the next one comes after it.
  await clock.advanceAsync('50m')
  await fleet[0]?.scheduler.stop()
  const waiting = { isLeader: false }
  const watcher = new Scheduler({ clock, timezone: 'UTC', storage, coordinator: waiting })
  watcher.cron('0 * * * *', () => ran.push('watcher'), { name: 'hourly' })
  watcher.start()
  await clock.advanceAsync('20m')
  await watcher.stop()
  fleet[1]?.scheduler.start()
  await clock.advanceAsync('1h')
  expect(ran).toEqual(['a 01:00 false', 'a 02:00 false', 'b 03:00 true', 'b 04:00 false'])
  expect(misfires).toEqual([['b', 3, 3, 1, true]])
  await fleet[1]?.scheduler.stop()
})

it('a job that is due once and falls between two leaders is run when there is one again', async () => {
  const clock = clockAtStart()
  const coordinator = { isLeader: true }
  const storage = new MemoryStorage({ clock })
  const scheduler = new Scheduler({ clock, storage, coordinator })
  const ran: boolean[] = []
  scheduler.at(new Date(START + 3_600_000), ({ late }) => ran.push(late), { name: 'once' })
  scheduler.start()
  await clock.advanceAsync('59m')
  coordinator.isLeader = false
  await clock.advanceAsync('1h')
  expect(ran).toEqual([])
  coordinator.isLeader = true
  await clock.advanceAsync('10s')
  expect(ran).toEqual([true])
  await clock.advanceAsync('1h')
  expect(ran).toEqual([true])
  await scheduler.stop()
})

it('one that has stopped takes no slot over, though the answer about it came after the end', async () => {
  const clock = clockAtStart()
  const storage = new MemoryStorage({ clock })
  const values = Object.create(storage, {
    get: {
      async value(key: string) {
        const answer = await storage.get(key)
        await new Promise<void>((resolve) => clock.after(2000, resolve))
        return answer
      },
    },
    incr: { value: (key: string, by?: number) => storage.incr(key, by) },
    set: { value: (key: string, value: unknown, ttl?: number) => storage.set(key, value, ttl) },
    exists: { value: (key: string) => storage.exists(key) },
    delete: { value: (key: string) => storage.delete(key) },
  }) as MemoryStorage
  // A process that took a slot, and died.
  await slotKeeper(storage).claim('job', START - 60_000)
  const scheduler = new Scheduler({ clock, timezone: 'UTC', storage: values })
  const ran: Date[] = []
  scheduler.cron('* * * * *', ({ slot }) => ran.push(slot), { name: 'job' })
  scheduler.start()
  await clock.advanceAsync('1s')
  await scheduler.stop()
  await clock.advanceAsync('10m')
  expect(ran).toEqual([])
  expect(clock.timers).toBe(0)
})
