import { type LocalQueue, QueueFactory } from 'aioflux'
import { ManualClock } from 'aioflux/testing'
import { describe, expect, it } from 'vitest'

// Of more than one strip of numbers: the ids are written down strip by strip.
const JOBS = 9000

const kinds = {
  fifo: () => QueueFactory.fifo<number>({ name: 'q', handler: () => {} }),
  priority: () =>
    QueueFactory.priority<number>({ name: 'q', priorityFn: (i) => i % 10, handler: () => {} }),
  'priority, each its own': () =>
    QueueFactory.priority<number>({
      name: 'q',
      priorityFn: (i) => (i * 37) % JOBS,
      handler: () => {},
    }),
  groups: () =>
    QueueFactory.priority<number>({ name: 'q', group: (i) => `g${i % 50}`, handler: () => {} }),
  delay: () => QueueFactory.delay<number>({ name: 'q', handler: () => {} }),
}

describe.each(Object.entries(kinds))('ids that the queue has made: %s', (kind, make) => {
  const put = (queue: ReturnType<typeof make>, items: number[]) =>
    queue.putMany(items, kind === 'delay' ? { delay: '1h' } : {})
  const filled = async () => {
    const queue = make()
    const jobs = await put(queue, [...Array(JOBS).keys()])
    return { queue, ids: jobs.map(({ id }) => id) }
  }

  it('are found wherever the job stands, in the first look-up and after many', async () => {
    const { queue, ids } = await filled()
    for (let round = 0; round < 4; round++) {
      for (let i = 0; i < JOBS; i += 197) {
        expect(await queue.job(ids[i] as string)).toMatchObject({ id: ids[i], item: i })
      }
      expect(await queue.job('none')).toBe(undefined)
      expect(await queue.job(String(JOBS + 1))).toBe(undefined)
    }
    const [late] = await put(queue, [JOBS])
    expect(await queue.job(late?.id as string)).toMatchObject({ item: JOBS })
    await queue.stop({ mode: 'drop' })
  })

  it('are not found any more once the job has ended', async () => {
    const { queue, ids } = await filled()
    const deep = ids.filter((_, i) => i % 397 === 5)
    for (const id of deep) {
      expect(await queue.job(id)).toMatchObject({ id })
      expect(await queue.cancel(id)).toBe(true)
      expect(await queue.job(id)).toBe(undefined)
      expect(await queue.cancel(id)).toBe(false)
      expect(await queue.remove(id)).toBe(false)
    }
    expect(queue.size()).toBe(JOBS - deep.length)
    await queue.stop({ mode: 'drop' })
    for (const id of ids.slice(0, 5)) expect(await queue.job(id)).toBe(undefined)
  })
})

describe('a look-up by id', () => {
  it('finds a job that waits for room, and one that was claimed', async () => {
    const queue = QueueFactory.fifo<string>({ name: 'q', maxSize: 1 })
    const first = await queue.put('a')
    const [, second] = [queue.put('b').catch(() => {}), '2']
    expect(await queue.cancel(second)).toBe(true)
    const [claim] = await queue.claim()
    expect(await queue.job(first.id)).toMatchObject({ state: 'running' })
    await claim?.complete(undefined)
    expect(await queue.job(first.id)).toBe(undefined)
    await queue.stop({ mode: 'drop' })
  })

  it.each([0, 1000, 5000])(
    'keeps no job in memory that has ended (%i expected)',
    async (expected) => {
      const { JobTable } = await import('../../src/queues/store/job-table.ts')
      const { LocalJob } = await import('../../src/queues/store/local-job.ts')
      const owner = { cancel: () => false, reprioritise: () => false, progressed: () => {} }
      const jobs = Array.from({ length: 3000 }, (_, i) => new LocalJob(i, 0, i * 1024, owner))
      const table = new JobTable(expected)
      for (const job of jobs) table.add(job)
      const rounds = () => {
        for (let i = 0; i < 10_000; i++) if (!table.tidy()) return false
        return true
      }
      for (const job of jobs) expect(table.find(job.seq)).toBe(job)
      for (const job of jobs.slice(1)) job.complete(undefined)
      expect(rounds()).toBe(true)
      expect(table.find(0)).toBe(jobs[0])
      expect(table.find(1024)).toBe(undefined)
      jobs[0]?.complete(undefined)
      expect(rounds()).toBe(false)
    },
  )
})

describe.each([
  ['put to a free worker', false],
  ['put before the start', true],
] as const)('a job %s', (_, early) => {
  const run = async (look: (id: string, signal: AbortSignal) => Promise<unknown>) => {
    let looked: Promise<unknown> | undefined
    queue = QueueFactory.fifo<string>({
      handler: (_, { id, signal }) => {
        looked ??= look(id, signal)
        return looked
      },
    })
    if (!early) queue.start()
    const outcome = queue.submit('x').catch((error: { code: string }) => error.code)
    queue.start()
    await outcome
    return { outcome: await outcome, looked: await looked }
  }
  let queue: LocalQueue<string>

  it('is found by its handler before its first await', async () => {
    const { looked } = await run((id) => Promise.all([queue.job(id), queue.jobs(RUNNING)]))
    expect(looked).toMatchObject([{ state: 'running' }, { jobs: [{ item: 'x' }] }])
  })

  it('can be cancelled by its handler before its first await', async () => {
    const { looked, outcome } = await run(async (id, signal) => [
      await queue.cancel(id),
      signal.aborted,
    ])
    expect([looked, outcome]).toEqual([[true, true], 'JOB_CANCELLED'])
    expect(queue.stats()).toMatchObject({ running: 0, completed: 0 })
    await queue.onIdle()
  })

  it('keeps its id from a put of its handler before its first await', async () => {
    const { looked } = await run((id) =>
      queue.put('y', { id }).catch((error: Error) => error.message),
    )
    expect(looked).toMatch(/^id must be of one job alone, got '1'/)
  })

  it('cannot be removed by its handler before its first await', async () => {
    expect((await run((id) => queue.remove(id))).looked).toBe(false)
  })
})

const RUNNING = { state: 'running' } as const

describe('how long the oldest has waited', () => {
  it.each([
    ['fifo', {}],
    ['groups', { group: () => 'all' }],
  ])('is not hidden by a job that is tried again before it: %s', async (_, options) => {
    const clock = new ManualClock()
    const queue = QueueFactory.fifo<string>({ name: 'q', clock, ...options })
    for (const item of ['a', 'b', 'c']) await queue.put(item)
    clock.advance('40s')
    const [claim] = await queue.claim()
    await claim?.release('20s')
    clock.advance('21s')
    const [again] = await queue.claim()
    expect(again?.item).toBe('a')
    await again?.release()
    const { waiting, oldest } = await queue.counts()
    expect([waiting, oldest]).toEqual([3, 61])
    await queue.stop({ mode: 'drop', deadline: 0 })
  })
})

it('reads the stack of a failed attempt only for a look at its job', async () => {
  let reads = 0
  const error = Object.defineProperty(new Error('not yet'), 'stack', {
    get: () => {
      reads += 1
      return 'the stack'
    },
  })
  const clock = new ManualClock()
  const queue = QueueFactory.fifo<number>({
    clock,
    retry: { attempts: 2, baseDelay: '1s', jitter: false },
    handler: (_, { attempt }) => {
      if (attempt === 1) throw error
    },
  }).start()
  const { id } = await queue.put(1)
  clock.advance('0.5s')
  expect(reads).toBe(0)
  const found = await queue.job(id)
  expect(found?.error).toEqual({ name: 'Error', message: 'not yet', stack: 'the stack' })
  expect(found).toMatchObject({
    state: 'delayed',
    startedAt: new Date(0),
    tries: [{ startedAt: new Date(0) }],
  })
  expect(reads).toBeGreaterThan(0)
  clock.advance('2s')
  await queue.stop()
})
