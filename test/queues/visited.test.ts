import { LimiterFactory, QueueFactory } from 'aioflux'
import { ManualClock } from 'aioflux/testing'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { LocalJob } from '../../src/queues/store/local-job.ts'
import { Line } from '../../src/queues/store/orders/line.ts'
import { RankedOrder } from '../../src/queues/store/orders/ranked.ts'

const JOBS = 5000

/** Counts the jobs that orders hand over one by one. */
function countVisits(): () => number {
  let visits = 0
  for (const kind of [Line, RankedOrder]) {
    const iterate = kind.prototype[Symbol.iterator]
    vi.spyOn(kind.prototype, Symbol.iterator).mockImplementation(function* (this: Line) {
      const jobs = { [Symbol.iterator]: () => iterate.call(this) }
      for (const job of jobs as Iterable<LocalJob>) {
        visits += 1
        yield job
      }
    })
    const { visit } = kind.prototype
    vi.spyOn(kind.prototype, 'visit').mockImplementation(function (this: Line, walk) {
      visits += this.size
      visit.call(this, walk)
    })
  }
  return () => visits
}

afterEach(() => void vi.restoreAllMocks())

describe('a look at a queue visits few of its jobs', () => {
  const clock = new ManualClock()
  const made = {
    fifo: () => QueueFactory.fifo<number>({ name: 'q', clock }),
    priority: () =>
      QueueFactory.priority<number>({ name: 'q', clock, priorityFn: (i) => (i * 37) % JOBS }),
    groups: () => QueueFactory.priority<number>({ name: 'q', clock, group: (i) => `g${i % 50}` }),
    'jobs that wait for the limits of their keys': () =>
      QueueFactory.fifo<number>({
        name: 'q',
        clock,
        limiter: LimiterFactory.tokenBucket({ rate: 1, per: '1h', clock }),
        limiterKey: (i) => `key ${i % 100}`,
        handler: () => {},
      }),
  }

  it.each(Object.entries(made))('%s', async (kind, make) => {
    const queue = make()
    await queue.putMany([...Array(JOBS).keys()])
    if (kind.startsWith('jobs')) {
      queue.start()
      await vi.waitUntil(() => queue.stats().completed === 100)
    }
    clock.advance('10s')
    const visits = countVisits()
    const counts = await queue.counts()
    expect(counts).toMatchObject({ waiting: kind.startsWith('jobs') ? JOBS - 100 : JOBS })
    expect(counts.oldest).toBeGreaterThanOrEqual(10)
    for (const { oldest } of await queue.groups()) expect(oldest).toBeGreaterThanOrEqual(10)
    await queue.jobs({ state: 'waiting', limit: 20 })
    expect(visits()).toBeLessThan(300)
    await queue.stop({ mode: 'drop', deadline: 0 })
  })
})
