import { type Job, LimiterFactory, type LocalQueue, QueueFactory } from 'aioflux'
import { ManualClock } from 'aioflux/testing'
import { describe, expect, it } from 'vitest'

const turns = async (count = 10) => {
  for (let i = 0; i < count; i++) await new Promise<void>((resolve) => setImmediate(resolve))
}

type Item = `${'a' | 'b'}${number}`

/** A queue with a bucket for all of its jobs, or one for each key. */
function limited(keyed: boolean, burst: number, batchSize?: number) {
  const clock = new ManualClock()
  const limiter = LimiterFactory.tokenBucket({ rate: 1, burst, clock })
  const ran: Item[] = []
  const queue = QueueFactory.fifo<Item, void>({
    clock,
    limiter,
    ...(keyed && { limiterKey: ([key]: string) => key as string }),
    ...(batchSize === undefined
      ? { handler: (item: Item) => void ran.push(item) }
      : { batchSize, batchTimeout: 0.01, batchFn: (items: Item[]) => void ran.push(...items) }),
  })
  const left = (key: string) => limiter.peek(keyed ? key : '').then(({ remaining }) => remaining)
  return { clock, limiter, ran, queue, left }
}

describe.each([true, false])('a listener of the limiter, with a key for each job: %s', (keyed) => {
  const calls: Record<string, (queue: LocalQueue<Item, void>, job: Job<void>) => unknown> = {
    cancels: (_, job) => job.cancel(),
    clears: (queue) => queue.clear(),
  }

  it.each(Object.entries(calls))(
    'that %s the only job: nothing begins, no token is lost',
    async (_, act) => {
      const { ran, limiter, queue, left } = limited(keyed, 5)
      const job = await queue.put('a0')
      limiter.on('allowed', () => act(queue, job))
      queue.start()
      await turns()
      expect(ran).toEqual([])
      expect(job.state).not.toBe('waiting')
      expect(queue.stats()).toMatchObject({ waiting: 0, running: 0 })
      expect(await left('a')).toBe(5)
    },
  )

  it('that takes the only job: the job leaves once, for one token', async () => {
    const { ran, limiter, queue, left } = limited(keyed, 5)
    const taken: Item[] = []
    await queue.put('a0')
    limiter.on('allowed', () => {
      const item = queue.tryGet()
      if (item !== undefined) taken.push(item)
    })
    queue.start()
    await turns()
    expect([...ran, ...taken]).toEqual(['a0'])
    expect(queue.stats()).toMatchObject({ waiting: 0, running: 0, completed: 1 })
    expect(await left('a')).toBe(4)
  })

  it('that cancels the job that was let go: the others run, each once', async () => {
    const { ran, limiter, queue } = limited(keyed, 5)
    const jobs = await queue.putMany(['a0', 'b1', 'a2', 'b3'])
    limiter.on('allowed', () => jobs[0]?.cancel())
    queue.start()
    await turns()
    expect(ran).toEqual(['b1', 'a2', 'b3'])
    expect(jobs.map(({ state }) => state)).toEqual([
      'cancelled',
      'completed',
      'completed',
      'completed',
    ])
    await expect(jobs[0]?.result).rejects.toMatchObject({ code: 'JOB_CANCELLED' })
  })

  it('that cancels the job that was denied: it does not come back', async () => {
    const { clock, ran, limiter, queue } = limited(keyed, 1)
    const jobs = await queue.putMany(['a0', 'a1', 'a2'])
    limiter.on('denied', () => jobs[1]?.cancel())
    queue.start()
    for (let i = 0; i < 3; i++) await clock.advanceAsync(1)
    expect(ran).toEqual(['a0', 'a2'])
    expect(jobs[1]?.state).toBe('cancelled')
    await queue.stop()
    expect(clock.timers).toBe(0)
  })

  it('that cancels a job of the batch that is put together: its result says so, the others run', async () => {
    const { clock, ran, limiter, queue } = limited(keyed, 5, 3)
    const jobs = await queue.putMany(['a0', 'a1', 'a2'])
    let allowed = 0
    limiter.on('allowed', () => {
      allowed += 1
      if (allowed === 2) jobs[1]?.cancel()
    })
    queue.start()
    await clock.advanceAsync(1)
    expect(ran).toEqual(['a0', 'a2'])
    expect(jobs.map(({ state }) => state)).toEqual(['completed', 'cancelled', 'completed'])
  })

  it('that cancels a job which is in the batch already: the batch goes without it', async () => {
    const { clock, ran, limiter, queue } = limited(keyed, 6, 3)
    const jobs = await queue.putMany(['a0', 'a1', 'a2', 'a3', 'a4', 'a5'])
    let allowed = 0
    limiter.on('allowed', () => {
      allowed += 1
      if (allowed === 2) jobs[0]?.cancel()
      if (allowed === 6) for (const job of jobs) job.cancel()
    })
    queue.start()
    await clock.advanceAsync(1)
    expect(ran).toEqual(['a1', 'a2'])
    expect(jobs.map(({ state }) => state)).toEqual([
      'cancelled',
      'completed',
      'completed',
      'cancelled',
      'cancelled',
      'cancelled',
    ])
    expect(queue.stats()).toMatchObject({ waiting: 0, running: 0, abandoned: 0 })
  })

  const halts: Record<string, (queue: LocalQueue<Item, void>) => void> = {
    pauses: (queue) => queue.pause(),
    'takes the workers from': (queue) => {
      queue.workers = 0
    },
  }

  it.each(Object.entries(halts))(
    'that %s the queue: the job that was let go waits on, and no token is lost',
    async (_, halt) => {
      const { ran, limiter, queue, left } = limited(keyed, 5)
      await queue.putMany(['a0', 'a1'])
      limiter.on('allowed', () => halt(queue))
      queue.start()
      await turns()
      expect(ran).toEqual([])
      expect(queue.stats()).toMatchObject({ waiting: 2, running: 0 })
      expect(await left('a')).toBe(5)
    },
  )

  it('that stops the queue: what was let go is dropped, and is in the report', async () => {
    const { ran, limiter, queue } = limited(keyed, 5)
    const job = await queue.put('a0')
    let stopped: ReturnType<typeof queue.stop> | undefined
    limiter.on('allowed', () => {
      stopped ??= queue.stop({ mode: 'drop' })
    })
    queue.start()
    await turns()
    expect((await stopped)?.notStarted).toMatchObject([{ item: 'a0' }])
    expect(ran).toEqual([])
    expect(job.state).toBe('dropped')
  })
})

it('a listener of the limiter that puts a job before the one that was let go: each takes its own permit', async () => {
  const clock = new ManualClock()
  const limiter = LimiterFactory.concurrency({ limit: 1, clock })
  const ran: string[] = []
  const queue = QueueFactory.priority<string, void>({
    clock,
    limiter,
    workers: 5,
    limiterKey: ([key]) => key as string,
    handler: (item) => {
      ran.push(item)
      return turns(1)
    },
  })
  let first = true
  limiter.on('allowed', () => {
    if (first) void queue.put('b-urgent', { priority: 9 })
    first = false
  })
  await queue.putMany(['a0', 'a1', 'b0', 'b1'])
  queue.start()
  expect(ran).toEqual(['b-urgent', 'a0'])
  await queue.onIdle()
  expect(ran.toSorted()).toEqual(['a0', 'a1', 'b-urgent', 'b0', 'b1'])
  expect([limiter.allow('a'), limiter.allow('b')]).toEqual([true, true])
})

it('a limiter that throws after the job was cancelled from inside: it fails no job', async () => {
  const limiter = LimiterFactory.tokenBucket({ rate: 1, burst: 5 })
  const queue = QueueFactory.fifo<string, void>({
    limiter,
    limiterKey: (item) => item,
    handler: () => {},
  })
  const failed: unknown[] = []
  queue.on('failed', ({ item }) => failed.push(item))
  const job = await queue.put('a')
  limiter.allow = () => {
    job.cancel()
    throw new Error('out of order')
  }
  queue.start()
  await turns()
  expect(failed).toEqual([])
  expect(job.state).toBe('cancelled')
  expect(queue.stats()).toMatchObject({ waiting: 0, failed: 0 })
})

describe.each([true, false])(
  'a limit that no job fits in, with a key for each job: %s',
  (keyed) => {
    it.each(['handler', 'batchFn', 'claim'] as const)(
      'fails each job, by %s, and the queue goes on',
      async (by) => {
        const clock = new ManualClock()
        // Half a token at most: a job costs one.
        const limiter = LimiterFactory.tokenBucket({ rate: 0.5, burst: 0.5, clock })
        const failed: unknown[] = []
        const ran: string[] = []
        const queue = QueueFactory.fifo<string>({
          clock,
          limiter,
          ...(keyed && { limiterKey: (item: string) => item }),
          ...(by === 'handler' && { handler: (item: string) => ran.push(item) }),
          ...(by === 'batchFn' && {
            batchSize: 2,
            batchTimeout: 0.01,
            batchFn: (items: string[]) => void ran.push(...items),
          }),
        }).start()
        queue.on('failed', ({ item, error }) =>
          failed.push([item, (error as { code?: string }).code]),
        )
        const jobs = [await queue.put('a'), await queue.put('b')]
        if (by === 'claim') {
          const claimed = queue.claim({ timeout: 1 })
          await clock.advanceAsync(1)
          expect(await claimed).toEqual([])
        }
        await clock.advanceAsync(1)
        expect(failed).toEqual([
          ['a', 'COST_TOO_LARGE'],
          ['b', 'COST_TOO_LARGE'],
        ])
        expect(jobs.map(({ state }) => state)).toEqual(['failed', 'failed'])
        expect(ran).toEqual([])
        await limiter.reconfigure({ rate: 2, burst: 2 })
        const job = await queue.put('c')
        if (by === 'claim') await (await queue.claim())[0]?.complete()
        await clock.advanceAsync(1)
        expect(job.state).toBe('completed')
        await queue.stop()
      },
    )
  },
)
