import { LimiterFactory } from 'aioflux'
import { ManualClock } from 'aioflux/testing'
import { describe, expect, it } from 'vitest'
import { PromisedStorage } from './queues/model/promised-storage.ts'
import { LateStorage, SharedStates } from './support/late-storage.ts'

// A sum of fractions and its difference need not agree: 1016.667 + 100 is 1116.667, and 1116.667 - 100 is less than 1016.667. What a timer
// takes for due, the code that it calls has to take for due: else the timer is set again at once, without end on a clock that stands still.

describe('what a timer takes for due is due', () => {
  it.each([1016.667, 0.1, 33.333, 4503.599])(
    'claims that no worker begins, claimed at %s ms',
    async (ms) => {
      const clock = new ManualClock(ms / 1000)
      const storage = new PromisedStorage(clock, {}, undefined)
      const queue = storage.queue<number, void>('fifo', {
        name: 'stale',
        clock,
        workers: 1,
        // Short jobs make a process claim ahead; then one does not end.
        handler: (n) => (n < 60 ? undefined : new Promise(() => {})),
      })
      for (let n = 0; n < 90; n++) void queue.put(n)
      void queue.start()
      const counting = () => queue.counts()
      await clock.advanceAsync(0)
      for (let i = 0; i < 50; i++) await clock.advanceAsync(0.000001)
      const ahead = counting()
      for (let i = 0; i < 10; i++) await clock.advanceAsync(0)
      expect((await ahead).running).toBeGreaterThan(1)
      for (let i = 0; i < 5; i++) await clock.advanceAsync(0.1)
      const after = counting()
      for (let i = 0; i < 10; i++) await clock.advanceAsync(0)
      expect((await after).running).toBe(1)
      void queue.stop({ mode: 'drop', deadline: 0 })
      await clock.advanceAsync(60)
    },
  )

  it('the end of a wait for a permit elsewhere, begun at any time', async () => {
    for (let i = 0; i < 400; i++) {
      const clock = new ManualClock((i * 7.013) / 1000)
      const storage = new LateStorage(new SharedStates(clock), clock)
      const limiter = LimiterFactory.concurrency({ limit: 1, ttl: 3600, storage, clock })
      expect(await limiter.acquire('k')).toBe(true)
      const wait = limiter.wait('k', { timeout: 0.1 + i / 1000 })
      const outcome = expect(wait).rejects.toMatchObject({ code: 'WAIT_TIMEOUT' })
      await clock.advanceAsync(2)
      await outcome
      await limiter.close()
    }
  })
})
