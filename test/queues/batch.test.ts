import { describe, expect, it, vi } from 'vitest'
import { BatchCollector, LimiterFactory, QueueFactory } from '../../src/index.ts'
import { ManualClock } from '../../src/testing/manual-clock.ts'

const turn = () => new Promise((resolve) => setImmediate(resolve))
const code = (promise: Promise<unknown>) =>
  promise.then(
    (value) => value,
    (error: { code?: string; message?: string } | string) =>
      typeof error === 'string' ? error : (error.code ?? error.message),
  )

describe('a queue in batches', () => {
  const set = (options: Parameters<typeof QueueFactory.fifo<number, number>>[0] = {}) => {
    const clock = new ManualClock()
    const batches: number[][] = []
    const queue = QueueFactory.fifo<number, number>({
      clock,
      batchSize: 3,
      batchTimeout: '1s',
      batchFn: async (items) => {
        batches.push(items)
        return items.map((item) => item * 2)
      },
      ...options,
    }).start()
    return { clock, batches, queue }
  }

  it('goes by size at once, and by time from the first item', async () => {
    const { clock, batches, queue } = set()
    const full = [1, 2, 3].map((item) => queue.submit(item))
    expect(await Promise.all(full)).toEqual([2, 4, 6])
    void queue.submit(4)
    await clock.advanceAsync('0.6s')
    const late = queue.submit(5)
    await clock.advanceAsync('0.3s')
    expect(batches).toHaveLength(1)
    await clock.advanceAsync('0.1s')
    expect(await late).toBe(10)
    expect(batches).toEqual([
      [1, 2, 3],
      [4, 5],
    ])
    expect(clock.timers).toBe(0)
  })

  it('goes at stop', async () => {
    const { batches, queue, clock } = set()
    const result = queue.submit(1)
    expect((await queue.stop()).completed).toBe(1)
    expect(await result).toBe(2)
    expect(batches).toEqual([[1]])
    expect(clock.timers).toBe(0)
  })

  it('waits in the queue, where an item can be called off', async () => {
    const { clock, batches, queue } = set()
    const job = await queue.put(1)
    await queue.put(2)
    expect(job.cancel()).toBe(true)
    await clock.advanceAsync('1s')
    expect(batches).toEqual([[2]])
  })

  it('takes a Map, or nothing, but not too few', async () => {
    const mapped = set({ batchFn: (items) => new Map(items.map((item) => [item, -item])) })
    expect(await Promise.all([1, 2, 3].map((item) => mapped.queue.submit(item)))).toEqual([
      -1, -2, -3,
    ])
    const silent = set({ batchFn: () => {} })
    expect(await Promise.all([1, 2, 3].map((item) => silent.queue.submit(item)))).toEqual([
      undefined,
      undefined,
      undefined,
    ])
    const short = set({ batchFn: () => [1] })
    expect(await Promise.all([1, 2, 3].map((item) => code(short.queue.submit(item))))).toEqual([
      'BATCH_RESULT',
      'BATCH_RESULT',
      'BATCH_RESULT',
    ])
  })

  it('fails one item, or all, or by halves only the poison', async () => {
    const one = set({
      batchFn: (items, { fail }) => {
        fail(1, new Error('that one'))
        return items
      },
    })
    expect(await Promise.all([1, 2, 3].map((item) => code(one.queue.submit(item))))).toEqual([
      1,
      'that one',
      3,
    ])
    const poison = (items: number[]) => {
      if (items.includes(2)) throw new Error('poison')
      return items
    }
    const all = set({ batchFn: poison })
    expect(await Promise.all([1, 2, 3].map((item) => code(all.queue.submit(item))))).toEqual([
      'poison',
      'poison',
      'poison',
    ])
    const halves = set({ batchFn: poison, bisectOnError: true })
    expect(await Promise.all([1, 2, 3].map((item) => code(halves.queue.submit(item))))).toEqual([
      1,
      'poison',
      3,
    ])
  })

  it('settles all, though the function empties its list as it works', async () => {
    const take = (items: number[]) => void items.splice(0)
    const { queue } = set({ batchFn: async (items) => take(items) })
    expect(await Promise.all([1, 2, 3].map((item) => queue.submit(item)))).toEqual([
      undefined,
      undefined,
      undefined,
    ])
    const collector = new BatchCollector<number>({ batchSize: 2, callback: take })
    expect(await Promise.all([collector.add(1), collector.add(2)])).toEqual([undefined, undefined])
    const halves = set({
      bisectOnError: true,
      batchFn: (items) => {
        if (items.splice(0).includes(2)) throw new Error('poison')
      },
    })
    expect(await Promise.all([1, 2, 3].map((item) => code(halves.queue.submit(item))))).toEqual([
      undefined,
      'poison',
      undefined,
    ])
  })

  it('names an index that is none, and fails with whatever reason was given', async () => {
    const beside = set({ batchFn: (_, { fail }) => fail(3, new Error('one too far')) })
    const results = [1, 2, 3].map((item) => code(beside.queue.submit(item)))
    expect(await Promise.all(results)).toEqual(Array(3).fill('INVALID_OPTION'))
    const bare = set({
      batchFn: (_, { fail }) => {
        fail(0, null)
        throw new Error('all')
      },
    })
    const reasons = await Promise.allSettled([1, 2, 3].map((item) => bare.queue.submit(item)))
    expect(reasons[0]).toEqual({ status: 'rejected', reason: null })
  })

  it('ends by the shortest time of a job; the worker goes on if it may', async () => {
    let runs = 0
    const { clock, queue } = set({
      onTimeout: 'release',
      batchFn: async (items) => {
        runs += 1
        return runs === 1 ? new Promise<never>(() => {}) : items
      },
    })
    const stuck = [1, 2, 3].map((item) =>
      code(queue.submit(item, item === 2 ? { timeout: '1s' } : {})),
    )
    const next = [4, 5, 6].map((item) => code(queue.submit(item)))
    await clock.advanceAsync('0.9s')
    expect(queue.stats()).toMatchObject({ running: 3, waiting: 3 })
    await clock.advanceAsync('0.1s')
    expect(await Promise.all(stuck)).toEqual(Array(3).fill('JOB_TIMEOUT'))
    expect(await Promise.all(next)).toEqual([4, 5, 6])
    expect(queue.stats()).toMatchObject({ running: 0, waiting: 0, abandoned: 3 })
    expect((await queue.stop()).stillRunning).toHaveLength(3)
    expect(clock.timers).toBe(0)
  })

  it('an item called off on the way leaves the others; when all are, the signal aborts', async () => {
    let signal: AbortSignal | undefined
    let finish: (items: number[]) => void = () => {}
    const { queue } = set({
      batchFn: (_, context) => {
        signal = context.signal
        return new Promise((resolve) => {
          finish = resolve
        })
      },
    })
    const jobs = await Promise.all([1, 2, 3].map((item) => queue.put(item)))
    const results = jobs.map((job) => code(job.result))
    jobs[0]?.cancel('a')
    expect(signal?.aborted).toBe(false)
    jobs[1]?.cancel('b')
    jobs[2]?.cancel('c')
    expect(signal?.aborted).toBe(true)
    finish([1, 2, 3])
    expect(await Promise.all(results)).toEqual(['a', 'b', 'c'])
    await queue.onIdle()
    expect(queue.stats().abandoned).toBe(0)
  })

  it('fails as a whole when it takes too long, and is retried', async () => {
    let calls = 0
    const { clock, queue } = set({
      timeout: '1s',
      retry: { attempts: 2, backoff: 0, jitter: 'none' },
      onTimeout: 'hold',
      workers: 2,
      batchFn: (items) => {
        calls += 1
        return calls === 1 ? new Promise<never>(() => {}) : items
      },
    })
    const results = [1, 2, 3].map((item) => queue.submit(item))
    await clock.advanceAsync('1s')
    expect(await Promise.all(results)).toEqual([1, 2, 3])
    expect(calls).toBe(2)
  })
})

describe('batches behind a limiter', () => {
  /** A token each 10 s, one in store; what ran when. */
  const slow = (batchTimeout: number) => {
    const clock = new ManualClock()
    const began = clock.now()
    const runs: unknown[][] = []
    const queue = QueueFactory.fifo<string>({
      clock,
      batchSize: 2,
      batchTimeout,
      limiter: LimiterFactory.tokenBucket({ rate: 1, per: 10, burst: 1, clock }),
      batchFn: (items) => {
        runs.push([(clock.now() - began) / 1000, ...items])
      },
    }).start()
    const pass = async (seconds: number) => {
      for (let i = 0; i < seconds; i++) await clock.advanceAsync(1)
    }
    return { clock, queue, runs, pass }
  }

  it('a token that comes before the batch is due is there when it is', async () => {
    const { clock, queue, runs, pass } = slow(12)
    await queue.put('a')
    await queue.put('b')
    await pass(30)
    expect(runs).toEqual([
      [0, 'a'],
      [12, 'b'],
    ])
    await queue.stop()
    expect(clock.timers).toBe(0)
  })

  it('a batch that is due goes as soon as the limiter opens', async () => {
    const { clock, queue, runs, pass } = slow(2)
    await queue.put('a')
    await pass(5)
    await queue.put('b')
    await pass(30)
    expect(runs).toEqual([
      [2, 'a'],
      [12, 'b'],
    ])
    await queue.stop()
    expect(clock.timers).toBe(0)
  })
})

describe('a batch collector', () => {
  it('gives each caller his own result, by size, time, flush and stop', async () => {
    const clock = new ManualClock()
    const batches: string[][] = []
    const collector = new BatchCollector<string, string>({
      clock,
      batchSize: 2,
      timeout: '1s',
      callback: (items) => {
        batches.push(items)
        return items.map((item) => item.toUpperCase())
      },
    })
    expect(await Promise.all([collector.add('a'), collector.add('b')])).toEqual(['A', 'B'])
    const timed = collector.add('c')
    await clock.advanceAsync('1s')
    expect(await timed).toBe('C')
    const flushed = collector.add('d')
    await collector.flush()
    expect(await flushed).toBe('D')
    const last = collector.add('e')
    await collector.stop()
    expect(await last).toBe('E')
    expect(batches).toEqual([['a', 'b'], ['c'], ['d'], ['e']])
    expect(await code(collector.add('f'))).toBe('CLOSED')
    expect(clock.timers).toBe(0)
  })

  it('flush waits for what was there, not for what comes meanwhile', async () => {
    const finish: (() => void)[] = []
    const collector = new BatchCollector<number>({
      batchSize: 1,
      maxInFlight: 1,
      callback: () => new Promise<undefined>((done) => finish.push(() => done(undefined))),
    })
    for (const item of [1, 2]) void collector.add(item)
    const flushed = vi.fn()
    void collector.flush().then(flushed)
    void collector.add(3)
    for (const expected of [0, 1]) {
      await turn()
      expect(flushed).toHaveBeenCalledTimes(0)
      finish[expected]?.()
    }
    await turn()
    expect(flushed).toHaveBeenCalledTimes(1)
    expect(finish).toHaveLength(3)
  })

  it('goes on after a failure, and holds back when enough is under way', async () => {
    const gates: (() => void)[] = []
    let most = 0
    let underWay = 0
    const collector = new BatchCollector<number, number>({
      batchSize: 1,
      maxInFlight: 2,
      callback: async (items) => {
        most = Math.max(most, ++underWay)
        await new Promise<void>((resolve) => gates.push(resolve))
        underWay -= 1
        if (items[0] === 0) throw new Error('zero')
        return items
      },
    })
    const results = [0, 1, 2, 3].map((item) => code(collector.add(item)))
    expect(collector.size).toBe(2)
    for (let i = 0; i < 4; i++) {
      gates.shift()?.()
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(await Promise.all(results)).toEqual(['zero', 1, 2, 3])
    expect(most).toBe(2)
  })
})
