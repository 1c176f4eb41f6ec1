import { Coordinator, LimiterFactory, type LimiterStorage, Scheduler } from 'aioflux'
import { ManualClock } from 'aioflux/testing'
import { describe, expect, it } from 'vitest'
import { LateStorage, SharedStates } from '../support/late-storage.ts'

// What is granted while its owner closes goes back before the close is over, so that the storage may be closed right after it.

interface Owner {
  /** Begins to ask. */
  ask(): Promise<unknown>
  close(): Promise<unknown>
  /** Can another process have it? */
  free(): Promise<boolean>
}
type Make = (late: LateStorage, prompt: LateStorage, clock: ManualClock) => Owner

const locks =
  (ask: (a: Coordinator) => Promise<unknown>): Make =>
  (late, prompt, clock) => {
    const a = new Coordinator({ storage: late, clock, ttl: '1h', lockName: 'x' })
    const b = new Coordinator({ storage: prompt, clock, ttl: '1h', lockName: 'x' })
    return {
      ask: () => ask(a),
      close: () => a.close(),
      free: async () => (await b.tryLock('x')) !== undefined,
    }
  }

const owners: Readonly<Record<string, Make>> = {
  'lock()': locks((a) => a.lock('x')),
  'lock() of several': locks((a) => a.lock(['x', 'y'])),
  'tryLock()': locks((a) => a.tryLock('x')),
  'withLock()': locks((a) => a.withLock('x', () => new Promise(() => {}))),
  'acquireLeadership()': locks((a) => a.acquireLeadership()),
  'waitForLeadership()': locks((a) => a.waitForLeadership()),
  'lead()': locks((a) =>
    a.lead(
      ({ signal }) =>
        new Promise((done) => {
          signal.addEventListener('abort', done)
        }),
    ),
  ),
  'the campaign of a scheduler': (late, prompt, clock) => {
    const coordinator = new Coordinator({ storage: late, clock, ttl: '1h', lockName: 'x' })
    const scheduler = new Scheduler({ clock, coordinator })
    const b = new Coordinator({ storage: prompt, clock, ttl: '1h', lockName: 'x' })
    return {
      ask: async () => scheduler.start(),
      close: () => scheduler.stop(),
      free: async () => (await b.tryLock('x')) !== undefined,
    }
  },
  ...Object.fromEntries(
    (['permit', 'acquire', 'tryPermit', 'wait'] as const).map((verb): [string, Make] => [
      `${verb}() of permits`,
      (late, prompt, clock) => {
        const make = (storage: LateStorage) =>
          LimiterFactory.concurrency({
            limit: 1,
            ttl: '1h',
            clock,
            scope: 'c',
            storage: storage as LimiterStorage,
          })
        const a = make(late)
        const b = make(prompt)
        return {
          ask: () => a[verb]('x') as Promise<unknown>,
          close: () => a.close(),
          free: async () => (await b.tryPermit('x')) !== undefined,
        }
      },
    ]),
  ),
}

describe.each(Object.entries(owners))('%s', (_, make) => {
  // Before it is answered, just when it is, and when it has been.
  it.each([0, 0.4, 0.999, 1, 1.2])(
    'closed %s s after it was asked for what takes 1 s',
    async (seconds) => {
      const clock = new ManualClock('1h')
      const shared = new SharedStates(clock)
      const late = new LateStorage(shared, clock)
      const { ask, close, free } = make(late, new LateStorage(shared, clock), clock)
      late.delay = 1000
      const asked = ask().catch(() => {})
      await clock.advanceAsync(seconds)
      let closed = false
      const closing = close().then(() => {
        closed = true
      })
      for (let i = 0; i < 100 && !closed; i++) await clock.advanceAsync('0.1s')
      await closing
      expect(await free()).toBe(true)
      late.delay = 0
      await clock.advanceAsync('1m')
      void asked
      // Nothing is renewed for one who is gone.
      expect(await free()).toBe(false)
    },
  )
})
