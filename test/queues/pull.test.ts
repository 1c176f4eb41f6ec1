import { LimiterFactory, type LocalQueue, QueueFactory } from 'aioflux'
import { ManualClock } from 'aioflux/testing'
import { describe, expect, it } from 'vitest'
import { queuePullExam } from '../exams/queue-pull-exam.ts'
import { LateLimiter } from './model/late-limiter.ts'

const tryGet = (queue: unknown) => (queue as LocalQueue<string>).tryGet()

describe('items taken by hand, in memory', () => {
  queuePullExam((options) => QueueFactory.fifo<string, string>(options), { tryGet })

  it('the limiter is asked for each key, by get and tryGet', async () => {
    const clock = new ManualClock()
    const limiter = LimiterFactory.tokenBucket({ rate: 1, per: '1h', clock })
    const limiterKey = (item: string) => item.charAt(0)
    const queue = QueueFactory.fifo<string>({ clock, limiter, limiterKey, groupConcurrency: 1 })
    for (const item of ['a1', 'a2', 'b1', 'c1']) await queue.put(item, { group: 'g' })
    expect([await queue.get(), queue.tryGet()]).toEqual(['a1', 'b1'])
    const got = [queue.get(), queue.get()]
    expect(await got[0]).toBe('c1')
    expect(queue.tryGet()).toBeUndefined()
    await clock.advanceAsync('1h')
    expect(await got[1]).toBe('a2')
    await queue.stop()
  })

  it('tryGet cannot wait for a limiter that answers with a promise, and get does', async () => {
    const inner = LimiterFactory.concurrency({ limit: 1 })
    const { limiter } = new LateLimiter(inner)
    const queue = QueueFactory.fifo<string>({ limiter })
    await queue.putMany(['a', 'b'])
    expect(() => queue.tryGet()).toThrow(/tryGet.*limiter.*get/)
    expect([await queue.get(), await queue.get()]).toEqual(['a', 'b'])
    await queue.stop()
    expect(await inner.getStats()).toMatchObject({ remaining: 1 })
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
