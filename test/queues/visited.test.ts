import { LimiterFactory, QueueFactory } from 'aioflux'
import { ManualClock } from 'aioflux/testing'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { LocalJob } from '../../src/queues/store/local-job.ts'
import { Line } from '../../src/queues/store/orders/line.ts'
import { RankedOrder } from '../../src/queues/store/orders/ranked.ts'
import { Ranking } from '../../src/queues/store/orders/ranking.ts'

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

describe('to look up jobs by their ids, the first one each time', () => {
  const clock = new ManualClock()
  const made = {
    fifo: () => QueueFactory.fifo<number>({ clock }),
    priority: () => QueueFactory.priority<number>({ clock, priorityFn: (i) => (i * 37) % JOBS }),
    'with keys': () =>
      QueueFactory.fifo<number>({
        clock,
        limiter: LimiterFactory.concurrency({ limit: 1, clock }),
        limiterKey: (i) => `key ${i % 100}`,
      }),
  }
  /** Counts the entries that rankings hand over in order. */
  function countEntries(): () => number {
    let entries = 0
    const { sorted } = Ranking.prototype
    vi.spyOn(Ranking.prototype, 'sorted').mockImplementation(function* (this: Ranking) {
      for (const entry of sorted.call(this)) {
        entries += 1
        yield entry
      }
    })
    return () => entries
  }

  describe.each(Object.entries(made))('%s', (_, make) => {
    it('costs no look at entries of jobs that have left', async () => {
      const queue = make()
      await queue.putMany([...Array(1000).keys()])
      const ids: string[] = []
      for (let cursor: string | undefined; ids.length === 0 || cursor !== undefined; ) {
        const page = await queue.jobs({ state: 'waiting', ...(cursor !== undefined && { cursor }) })
        ids.push(...page.jobs.map(({ id }) => id))
        cursor = page.cursor
      }
      const entries = countEntries()
      for (const id of ids) expect(await queue.cancel(id)).toBe(true)
      expect(entries()).toBeLessThan(3 * ids.length)
      await queue.stop()
    })

    it('looks at no other job where the id is the own one of a caller', async () => {
      const queue = make()
      await queue.putMany([...Array(1000).keys()], (i) => ({ id: `own ${i}` }))
      const visits = countVisits()
      for (let i = 999; i >= 0; i--) expect(await queue.remove(`own ${i}`)).toBe(true)
      expect(visits()).toBe(0)
      await queue.stop()
    })
  })
})
