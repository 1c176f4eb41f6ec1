import { Coordinator, MemoryStorage, QueueFactory } from 'aioflux'
import { ManualClock } from 'aioflux/testing'
import * as fc from 'fast-check'
import { expect, it } from 'vitest'

// A sum of two times can be the smallest bit more than any clock will tell at that moment. Who then says "not yet" and sets the
// timer again does so for ever.
const micros = fc.integer({ min: 0, max: 200_000_000 })
const start = micros.map((at) => new ManualClock(at / 1e6))
const length = fc.integer({ min: 1, max: 60_000_000 }).map((length) => length / 1e6)

it('a delayed job begins when its time has come, whatever fractions it is made of', async () => {
  await fc.assert(
    fc.asyncProperty(start, length, async (clock, delay) => {
      const queue = QueueFactory.delay({ clock, handler: (item: number) => item }).start()
      const result = queue.submit(1, { delay })
      await clock.advanceAsync(delay)
      expect(await result).toBe(1)
      await queue.stop()
    }),
  )
})

it('so does a batch that is not full', async () => {
  await fc.assert(
    fc.asyncProperty(start, length, async (clock, batchTimeout) => {
      const batchFn = async (items: number[]) => items
      const queue = QueueFactory.fifo({ clock, batchSize: 9, batchTimeout, batchFn }).start()
      const result = queue.submit(1)
      await clock.advanceAsync(batchTimeout)
      expect(await result).toBe(1)
      await queue.stop()
    }),
  )
})

it('and a lease that nobody renews ends', async () => {
  await fc.assert(
    fc.asyncProperty(start, fc.integer({ min: 10_000, max: 60_000_000 }), async (clock, ttl) => {
      const coordinator = new Coordinator({ clock, storage: new MemoryStorage({ clock }) })
      const lease = await coordinator.lock('a', { ttl: ttl / 1e6, renew: false })
      await clock.advanceAsync(ttl / 1e6)
      expect(lease.held).toBe(false)
      await coordinator.close()
    }),
  )
})
