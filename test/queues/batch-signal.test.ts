import type { FifoOptions } from 'aioflux'
import { ManualClock } from 'aioflux/testing'
import { expect, it } from 'vitest'
import { PromisedStorage } from './model/promised-storage.ts'

/** A batch of two jobs that runs in one process, and another process that looks at the same queue. */
async function running() {
  const clock = new ManualClock(1)
  const storage = new PromisedStorage(clock, {}, undefined)
  const signals: AbortSignal[] = []
  const options: FifoOptions<number, void> = {
    name: 'batches',
    clock,
    workers: 1,
    lease: 10,
    batchSize: 2,
    batchFn: (_, { signal }) => {
      signals.push(signal)
      return new Promise(() => {})
    },
  }
  const queue = storage.queue<number, void>('fifo', options)
  const other = storage.queue<number, void>('fifo', { name: 'batches', clock })
  const calm = async () => {
    for (let i = 0; i < 30; i++) await clock.advanceAsync(0.001)
  }
  const putting = other.putMany([1, 2])
  void queue.start()
  await calm()
  expect(signals).toHaveLength(1)
  return {
    clock,
    storage,
    queue,
    other,
    calm,
    jobs: await putting,
    signal: signals[0] as AbortSignal,
  }
}

it('the signal of a batch aborts when all of its jobs were cancelled in another process', async () => {
  const { other, calm, jobs, signal } = await running()
  void other.cancel(jobs[0]?.id ?? '')
  await calm()
  expect(signal.aborted).toBe(false)
  void other.cancel(jobs[1]?.id ?? '')
  await calm()
  expect(signal.aborted).toBe(true)
})
