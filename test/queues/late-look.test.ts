import { QueueFactory } from 'aioflux'
import { ManualClock } from 'aioflux/testing'
import { expect, it } from 'vitest'

/** A clock whose time has come further than its timers know. */
class AheadClock extends ManualClock {
  ahead = 0

  override now(): number {
    return super.now() + this.ahead
  }
}

it('a claim that lets a worker do the last job does not keep stop from its end', async () => {
  const clock = new AheadClock()
  const done: number[] = []
  const queue = QueueFactory.fifo<number>({ clock, handler: (n) => void done.push(n) }).start()
  await queue.put(1, { delay: 0.01 })
  const stopped = queue.stop()
  // The job has come due, and its timer has not rung: the claim finds that out.
  clock.ahead = 20
  await expect(queue.claim()).rejects.toMatchObject({ code: 'CLOSED' })
  expect(done).toEqual([1])
  expect(await stopped).toMatchObject({ completed: 1 })
})
