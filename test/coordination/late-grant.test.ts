import {
  Coordinator,
  type Lease,
  LimiterFactory,
  type LimiterStorage,
  Scheduler,
  slotKeeper,
} from 'aioflux'
import { ManualClock } from 'aioflux/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Renewal } from '../../src/core/renewal.ts'
import { LateStorage, SharedStates } from '../support/late-storage.ts'

// A lease is granted for a term that begins when it was asked for. Where the answer comes late, part of the term is over.

interface Scene {
  readonly clock: ManualClock
  /** The storage as the holder sees it, and as another process does. */
  readonly late: LateStorage
  readonly prompt: LateStorage
  /** The term, in milliseconds. */
  readonly term: number
}

/** To take a slot and to remember it as the last one, one after the other. */
const SLOT_TRIPS = 4

/** Takes something for itself alone through `late`; is it still alone? */
type Taking = (scene: Scene) => Promise<{ alone(): Promise<boolean>; end(): Promise<unknown> }>

/** Lets time pass until `asked` is answered. Answers to what is asked later are prompt. */
async function granted<T>({ clock, late, term }: Scene, asked: Promise<T>): Promise<T> {
  let over = false
  void asked.finally(() => {
    over = true
    late.delay = 0
  })
  for (let i = 0; !over && i < 100; i++) await clock.advanceAsync(term / 50_000)
  return asked
}

function locking(take: (a: Coordinator) => Promise<Lease>): Taking {
  return async (scene) => {
    const { clock, late, prompt, term } = scene
    const ttl = term / 1000
    const a = new Coordinator({ storage: late, clock, ttl, lockName: 'x' })
    const b = new Coordinator({ storage: prompt, clock, ttl, lockName: 'x' })
    const lost: unknown[] = []
    a.on('lost', (loss) => lost.push(loss))
    const lease = await granted(scene, take(a))
    return {
      alone: async () => (await b.tryLock('x')) === undefined && lease.held && lost.length === 0,
      end: () => Promise.all([a.close(), b.close()]),
    }
  }
}

const takings: Readonly<Record<string, Taking>> = {
  'a lock': locking((a) => a.lock('x')),
  'a lock of several names': locking((a) => a.lock(['w', 'x', 'y'])),
  'a lock that was tried': locking(async (a) => (await a.tryLock('x')) as Lease),
  leadership: locking((a) => a.waitForLeadership()),
  'a permit': async (scene) => {
    const { clock, late, prompt, term } = scene
    const options = { limit: 1, ttl: term / 1000, clock, scope: 'c' }
    const a = LimiterFactory.concurrency({ ...options, storage: late as LimiterStorage })
    const b = LimiterFactory.concurrency({ ...options, storage: prompt as LimiterStorage })
    await granted(scene, a.permit('x'))
    return {
      alone: async () => (await b.tryPermit('x')) === undefined,
      end: () => Promise.all([a.close(), b.close()]),
    }
  },
  'a permit beside older ones': async (scene) => {
    const { clock, late, prompt, term } = scene
    const options = { limit: 1, ttl: term / 1000, clock, scope: 'c' }
    const a = LimiterFactory.concurrency({ ...options, storage: late as LimiterStorage })
    const b = LimiterFactory.concurrency({ ...options, storage: prompt as LimiterStorage })
    const { delay } = late
    late.delay = 0
    await a.permit('older')
    await clock.advanceAsync((term / 1000) * 0.2)
    late.delay = delay
    await granted(scene, a.permit('x'))
    return {
      alone: async () =>
        (await b.tryPermit('x')) === undefined && (await b.tryPermit('older')) === undefined,
      end: () => Promise.all([a.close(), b.close()]),
    }
  },
  'a slot of a scheduler': async ({ clock, late, prompt, term }) => {
    let runs = 0
    let aborted = false
    const schedulers = [late, prompt].map((storage) => {
      const slots = slotKeeper(storage, { lease: term / 1000 })
      const scheduler = new Scheduler({ clock, timezone: 'UTC', slots })
      const work = ({ signal }: { signal: AbortSignal }) => {
        runs += 1
        signal.addEventListener('abort', () => {
          aborted = true
        })
        return new Promise(() => {})
      }
      scheduler.cron('0 * * * *', work, { name: 'job' })
      return scheduler
    })
    schedulers[0]?.start()
    await clock.advanceAsync('1h')
    await clock.advanceAsync((SLOT_TRIPS * late.delay + 1) / 1000)
    // The other one comes a little later, so that the slot is the first one's.
    late.delay = 0
    schedulers[1]?.start()
    return {
      alone: async () => runs === 1 && !aborted,
      end: () => Promise.all(schedulers.map((one) => one.stop({ mode: 'drop', grace: 0 }))),
    }
  },
}

describe.each(Object.entries(takings))('%s that is granted late', (name, take) => {
  it('is renewed in time, and nobody else has it', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 100, max: 20_000 }),
        // What is left has to do for one more trip, and a lock keeps back 6 % of its term or 7 ms.
        fc.integer({ min: 0, max: 85 }),
        async (term, percent) => {
          const clock = new ManualClock(7)
          clock.setWall('2026-01-01T00:00:00Z')
          const shared = new SharedStates(clock)
          const late = new LateStorage(shared, clock)
          const prompt = new LateStorage(shared, clock)
          late.delay = (term * percent) / 100 / (name === 'a slot of a scheduler' ? SLOT_TRIPS : 1)
          const { alone, end } = await take({ clock, late, prompt, term })
          for (let i = 0; i < 60; i++) {
            await clock.advanceAsync(term / 20_000)
            expect(await alone()).toBe(true)
          }
          await end()
        },
      ),
      { numRuns: 25 },
    )
  })
})

it('a permit whose grant came after its term is given back, and counts as an outage', async () => {
  const clock = new ManualClock('1h')
  const shared = new SharedStates(clock)
  const late = new LateStorage(shared, clock)
  const make = (storage: LateStorage) =>
    LimiterFactory.concurrency({
      limit: 1,
      ttl: '1s',
      clock,
      scope: 'c',
      storage: storage as LimiterStorage,
    })
  const a = make(late)
  const b = make(new LateStorage(shared, clock))
  const errors: string[] = []
  a.on('storageError', ({ error }) => errors.push((error as Error).message))
  late.delay = 1000
  const permit = a.tryPermit('x')
  await clock.advanceAsync('1s')
  late.delay = 0
  expect(await permit).toBeUndefined()
  expect(errors).toEqual(['the storage took longer to answer than the permit would last'])
  await clock.advanceAsync('1ms')
  expect(await b.tryPermit('x')).toBeDefined()
  await clock.advanceAsync('5s')
  expect((await b.peek('x')).remaining).toBe(0)
})

it('the next renewal is due a third of a term after the latest granted request was sent', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 10, max: 1e6 }),
      fc.array(fc.record({ sent: fc.nat(1e6), took: fc.nat(1e5) }), { maxLength: 20 }),
      (term, requests) => {
        const renewal = new Renewal(term, 0)
        const answers = [...requests].sort((a, b) => a.sent + a.took - b.sent - b.took)
        let latest = 0
        for (const { sent } of answers) {
          renewal.sending(sent)
          expect(renewal.due).toBeLessThan(sent + term / 3)
          renewal.answered(sent)
          latest = Math.max(latest, sent)
          expect(renewal.granted).toBe(latest)
          expect(renewal.end).toBe(latest + term)
          if (sent === latest) expect(renewal.due).toBe(latest + term / 3)
        }
      },
    ),
  )
})
