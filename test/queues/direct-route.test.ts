import { type Job, type LocalQueue, QueueFactory } from 'aioflux'
import { Metrics } from 'aioflux/metrics'
import { ManualClock } from 'aioflux/testing'
import { afterEach, describe, expect, it, vi } from 'vitest'

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

afterEach(() => {
  vi.restoreAllMocks()
})

/** The ways in of an item without options, which begins at once where a worker is free. */
const WAYS = {
  put: (queue: LocalQueue<number>, item: number) => queue.put(item).then(({ result }) => result),
  submit: (queue: LocalQueue<number>, item: number) => queue.submit(item),
  offer: (queue: LocalQueue<number>, item: number) => queue.offer(item),
}

describe.each(['put', 'submit', 'offer'] as const)('a %s that begins at once', (way) => {
  it('begins behind the first part of the handler that puts it, though another worker is free', async () => {
    const told: string[] = []
    const queue: LocalQueue<number> = QueueFactory.fifo<number>({
      workers: Infinity,
      handler: (item) => {
        told.push(`begin ${item}`)
        if (item < 3) void WAYS[way](queue, item + 1)
        told.push(`end ${item}`)
      },
    }).start()
    void WAYS[way](queue, 1)
    expect(told).toEqual(['begin 1', 'end 1', 'begin 2', 'end 2', 'begin 3', 'end 3'])
    expect(queue.stats()).toMatchObject({ completed: 3, running: 0, waiting: 0 })
    await queue.stop()
  })

  it('frees its worker, however its handler ends', async () => {
    const queue = QueueFactory.fifo<number>({
      workers: 1,
      handler: (item) => {
        if (item === 1) throw new Error('at once')
        if (item === 2) return Promise.reject(new Error('later'))
        return item === 3 ? Promise.resolve() : undefined
      },
    }).start()
    queue.on('failed', () => {})
    for (const item of [0, 1, 2, 3, 0]) {
      await Promise.resolve(WAYS[way](queue, item)).catch(() => {})
      await turn()
    }
    expect(queue.stats()).toMatchObject({ completed: 3, failed: 2, running: 0, waiting: 0 })
    await queue.onIdle()
  })

  it('tells its handler what each handler is told', () => {
    const told: unknown[] = []
    const queue = QueueFactory.fifo<number>({
      handler: (_, { id, attempt, delivery, signal }) => {
        told.push({ id, attempt, delivery, aborted: signal.aborted })
      },
    }).start()
    void WAYS[way](queue, 1)
    void WAYS[way](queue, 2)
    expect(told).toEqual([
      { id: '1', attempt: 1, delivery: 1, aborted: false },
      { id: '2', attempt: 1, delivery: 1, aborted: false },
    ])
  })

  it('is counted and timed: it has not waited, and its run is measured', async () => {
    const clock = new ManualClock()
    const metrics = new Metrics({ clock })
    const queue = QueueFactory.fifo<number>({
      name: 'timed',
      clock,
      metrics,
      handler: (item) => {
        clock.advance(item)
        if (item === 2) throw new Error('after 2 s')
        return item === 4 ? Promise.resolve() : undefined
      },
    }).start()
    queue.on('failed', () => {})
    for (const item of [1, 2, 4]) {
      await Promise.resolve(WAYS[way](queue, item)).catch(() => {})
      await turn()
    }
    const { histograms } = metrics.getStats()
    expect(histograms['aioflux_queue_wait_seconds{queue="timed"}']).toMatchObject({
      count: 3,
      mean: 0,
    })
    expect(histograms['aioflux_queue_job_seconds{queue="timed"}']?.count).toBe(3)
    expect(histograms['aioflux_queue_job_seconds{queue="timed"}']?.mean).toBeCloseTo(7 / 3, 5)
  })
})

it('a submit whose handler throws at once rejects once, and is not written to the console', async () => {
  const written = vi.spyOn(console, 'error').mockImplementation(() => {})
  const queue = QueueFactory.fifo<number>({
    handler: (item) => {
      throw new Error(`item ${item}`)
    },
  }).start()
  const rejected: unknown[] = []
  queue.submit(1).catch((error: unknown) => rejected.push(error))
  await turn()
  expect(rejected).toEqual([new Error('item 1')])
  expect(written).not.toHaveBeenCalled()
  // A failure without a reader is.
  queue.offer(2)
  expect(written).toHaveBeenCalledOnce()
})

describe('the numbers of jobs', () => {
  it('that callers have given away are passed over, also in the middle of a turn', async () => {
    const queue = QueueFactory.fifo<number>()
    // One after the other without a turn of the event loop between them.
    const jobs = await Promise.all([
      queue.put(0),
      queue.put(1),
      queue.put(2, { id: '4' }),
      queue.put(3),
      queue.put(4),
    ])
    expect(jobs.map(({ id }) => id)).toEqual(['1', '2', '4', '5', '6'])
  })

  it.each(['begins', 'waits'])('are found after many look-ups, of a job that %s', async (what) => {
    let end = () => {}
    const queue = QueueFactory.fifo<number, void>({
      handler: () =>
        new Promise<void>((resolve) => {
          end = resolve
        }),
    }).start()
    // After some of them, the ids of all jobs are written down as they come.
    for (let i = 0; i < 100; i++) expect(await queue.job('1000')).toBeUndefined()
    const jobs: Job<void>[] = [await queue.put(1)]
    if (what === 'waits') jobs.push(await queue.put(2))
    const job = jobs.at(-1) as Job<void>
    expect((await queue.job(job.id))?.state).toBe(what === 'begins' ? 'running' : 'waiting')
    expect(await queue.cancel(job.id)).toBe(true)
    expect(job.state).toBe('cancelled')
    end()
    await turn()
    expect(await queue.job(job.id)).toBeUndefined()
  })

  it('tell when a job was put, in each turn of the event loop anew', async () => {
    const queue = QueueFactory.fifo<number>()
    const first = await queue.put(1)
    const between = performance.now()
    // The clock of the process itself is the one that is read once a turn.
    while (performance.now() < between + 20) await turn()
    const second = await queue.put(2)
    const [one, two] = await Promise.all([queue.job(first.id), queue.job(second.id)])
    expect(Number(two?.createdAt) - Number(one?.createdAt)).toBeGreaterThanOrEqual(15)
  })
})
