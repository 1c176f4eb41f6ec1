import { LimiterFactory, type LocalQueue, QueueFactory } from 'aioflux'
import { ManualClock } from 'aioflux/testing'
import { describe, expect, it } from 'vitest'
import { queuePullExam } from '../exams/queue-pull-exam.ts'

const tryGet = (queue: unknown) => (queue as LocalQueue<string>).tryGet()

describe('items taken by hand, in memory', () => {
  queuePullExam((options) => QueueFactory.fifo<string, string>(options), { tryGet })

  it('the limiter is not asked', async () => {
    const clock = new ManualClock()
    const limiter = LimiterFactory.tokenBucket({ rate: 1, per: '1h', clock })
    const queue = QueueFactory.fifo<string>({ clock, limiter })
    await queue.putMany(['a', 'b'])
    expect([await queue.get(), await queue.get()]).toEqual(['a', 'b'])
    expect(limiter.allow()).toBe(true)
    await queue.stop()
  })

  it('a get that waited counts its job as completed', async () => {
    const queue = QueueFactory.fifo<string>()
    const got = queue.get()
    const job = await queue.put('a')
    expect(await got).toBe('a')
    expect(job.state).toBe('completed')
    expect(queue.stats()).toMatchObject({ completed: 1, running: 0 })
    await queue.stop()
  })

  it('a job that is cancelled in the turn in which get takes it ends once', async () => {
    const queue = QueueFactory.fifo<string>()
    const ends: string[] = []
    for (const end of ['completed', 'cancelled'] as const) queue.on(end, () => ends.push(end))
    const job = await queue.put('a')
    const got = queue.get()
    const cancelled = job.cancel()
    await got
    expect(ends).toEqual([cancelled ? 'cancelled' : 'completed'])
    expect(queue.stats()).toMatchObject({ completed: cancelled ? 0 : 1, abandoned: 0, running: 0 })
    await queue.stop()
  })
})
