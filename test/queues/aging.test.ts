import { LimiterFactory, QueueFactory } from 'aioflux'
import { ManualClock } from 'aioflux/testing'
import { describe, expect, it } from 'vitest'

describe('a queue whose priorities grow keeps what it ranked by to its own order', () => {
  it('a job that is to be tried again is not lost with another one that was due then', async () => {
    const clock = new ManualClock()
    const begun: string[] = []
    const queue = QueueFactory.priority<string>({
      clock,
      aging: '1s',
      workers: 2,
      retry: { attempts: 2, baseDelay: 7, maxDelay: 7, jitter: 'none' },
      handler: (item, { attempt }) => {
        begun.push(item)
        if (attempt === 1) throw new Error('again')
      },
    }).start()
    // Not at once: what they were ranked by is another number than when they are due.
    clock.advance('3s')
    const [, last] = await queue.putMany(['a', 'b'])
    expect(queue.stats()).toMatchObject({ waiting: 2 })
    last?.cancel()
    // It is due together with the one that has left.
    await queue.put('c')
    clock.advance('7s')
    await queue.onIdle()
    expect(begun).toEqual(['a', 'b', 'c', 'a', 'c'])
    await queue.stop()
  })

  it('jobs that are to be tried again come due in their order', async () => {
    const clock = new ManualClock()
    const begun: string[] = []
    const queue = QueueFactory.priority<string>({
      clock,
      aging: '1s',
      retry: { attempts: 2, baseDelay: 10, maxDelay: 10, jitter: 'none' },
      handler: (item, { attempt }) => {
        begun.push(item)
        if (attempt === 1) throw new Error('again')
      },
    }).start()
    const first = await queue.put('a')
    await queue.put('b')
    clock.advance('5s')
    const late = await queue.putMany(['c', 'd'])
    late[0]?.cancel()
    expect(first.state).toBe('delayed')
    clock.advance('5s')
    await new Promise(setImmediate)
    expect(begun).toEqual(['a', 'b', 'c', 'd', 'a', 'b'])
    await queue.stop({ mode: 'drop' })
  })

  it('the jobs of a key are ranked as all jobs are while they wait for the limiter', async () => {
    const clock = new ManualClock()
    const begun: string[] = []
    const queue = QueueFactory.priority<string>({
      clock,
      aging: '1s',
      limiter: LimiterFactory.tokenBucket({ rate: 0.1, burst: 1, clock }),
      limiterKey: () => 'all',
      handler: (item) => {
        begun.push(item)
      },
    }).start()
    await queue.putMany(['a', 'b', 'c'])
    clock.advance('5s')
    // By now it counts as three: less than c, which has waited for five seconds.
    await queue.put('d', { priority: 3 })
    await clock.advanceAsync('1m')
    expect(begun).toEqual(['a', 'b', 'c', 'd'])
    await queue.stop()
  })

  it('a job that waits for the limiter runs by its new priority', async () => {
    const clock = new ManualClock()
    const begun: string[] = []
    const queue = QueueFactory.priority<string>({
      clock,
      aging: '1s',
      limiter: LimiterFactory.tokenBucket({ rate: 1, burst: 1, clock }),
      limiterKey: (item) => item.charAt(0),
      handler: (item) => {
        begun.push(item)
      },
    }).start()
    queue.offer('a0')
    queue.offer('b0')
    const low = await queue.put('a1')
    queue.offer('b1', { priority: 2 })
    low.setPriority(5)
    queue.pause()
    await clock.advanceAsync('2s')
    queue.resume()
    await clock.advanceAsync('2s')
    expect(begun).toEqual(['a0', 'b0', 'a1', 'b1'])
    await queue.stop()
  })
})

it('priorities of puts mean nothing to a fifo queue, also while its jobs wait for a limiter', async () => {
  const clock = new ManualClock()
  const begun: string[] = []
  const queue = QueueFactory.fifo<string>({
    clock,
    limiter: LimiterFactory.tokenBucket({ rate: 1, burst: 1, clock }),
    limiterKey: () => 'all',
    handler: (item) => {
      begun.push(item)
    },
  }).start()
  for (const [i, item] of ['a', 'b', 'c', 'd'].entries()) await queue.put(item, { priority: i })
  await clock.advanceAsync('9s')
  expect(begun).toEqual(['a', 'b', 'c', 'd'])
  await queue.stop()
})
