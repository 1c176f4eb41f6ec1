import { describe, expect, it } from 'vitest'
import { type Limiter, LimiterFactory, QueueFactory } from '../../src/index.ts'
import { ManualClock } from '../../src/testing/manual-clock.ts'

const turn = () => new Promise((resolve) => setImmediate(resolve))
const settle = async () => {
  for (let i = 0; i < 5; i++) await turn()
}

/** A limiter that cannot answer at once: all it says comes a turn of the event loop later. */
function promised(limiter: Limiter): Limiter {
  return new Proxy(limiter, {
    get(target, name) {
      if (name === 'allow' || name === 'decide') return undefined
      if (name === 'schedule') {
        return async (...args: Parameters<Limiter['schedule']>) => {
          await turn()
          return target.schedule(...args)
        }
      }
      const value: unknown = Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
    has: (target, name) => name !== 'allow' && name !== 'decide' && name in target,
  })
}

describe('an entry belongs to one order', () => {
  it('does not start a job twice that was moved up, failed and waits for its retry', async () => {
    const clock = new ManualClock()
    const begun: string[] = []
    const queue = QueueFactory.priority<string>({
      clock,
      retry: { attempts: 3, baseDelay: '300ms', maxDelay: '300ms', jitter: 'none' },
      handler: async (item, { attempt }) => {
        begun.push(`${item}${attempt}@${clock.now()}`)
        if (item === 'J' && attempt === 1) throw new Error('once')
      },
    })
    const jobs = await Promise.all(['J', 'a', 'b', 'c', 'd'].map((item) => queue.put(item)))
    jobs[0]?.setPriority(10)
    queue.start()
    await settle()
    clock.advance('300ms')
    await settle()
    expect(begun).toEqual(['J1@0', 'a1@0', 'b1@0', 'c1@0', 'd1@0', 'J2@300'])
    expect(jobs.map(({ state }) => state)).toEqual(new Array(5).fill('completed'))
    expect(await queue.stop()).toMatchObject({ completed: 5, notStarted: [], stillRunning: [] })
  })

  it.each(['fifo', 'priority', 'dedupe', 'delay'] as const)(
    'begins each job once before a limiter with keys, sync or promised: %s',
    async (kind) => {
      for (const wrap of [(limiter: Limiter) => limiter, promised]) {
        const clock = new ManualClock()
        const begun: number[] = []
        const make = QueueFactory[kind] as typeof QueueFactory.fifo
        const queue = make<number>({
          clock,
          workers: 3,
          limiter: wrap(LimiterFactory.tokenBucket({ rate: 10, burst: 1, clock })),
          limiterKey: (n) => String(n % 3),
          handler: async (n) => {
            begun.push(n)
            await turn()
          },
        }).start()
        const items = Array.from({ length: 30 }, (_, n) => n)
        const results = Promise.all(items.map((n) => queue.submit(n)))
        for (let i = 0; i < 12; i++) {
          await settle()
          clock.advance('100ms')
        }
        await results
        expect([...begun].sort((a, b) => a - b)).toEqual(items)
        for (const key of [0, 1, 2]) {
          expect(begun.filter((n) => n % 3 === key)).toEqual(items.filter((n) => n % 3 === key))
        }
        expect(queue.size()).toBe(0)
        expect(await queue.stop()).toMatchObject({ completed: 30 })
      }
    },
  )
})

describe('what could run has a worker or a timer', () => {
  it('sends a batch whose moment comes between two readings of the clock', async () => {
    for (const items of [15, 25]) {
      for (const step of [0.001, 0.01, 0.1, 1, 7]) {
        let now = 0
        const timers = new Set<{ due: number; ring: () => void }>()
        const clock = {
          now: () => {
            now += step
            return now
          },
          after: (delay: number, ring: () => void) => {
            const timer = { due: now + delay, ring }
            timers.add(timer)
            return () => timers.delete(timer)
          },
        }
        const queue = QueueFactory.fifo<number>({
          batchSize: 10,
          batchTimeout: '50ms',
          batchFn: async (batch) => batch,
          clock,
        }).start()
        let done = 0
        for (let n = 0; n < items; n++) void queue.submit(n).then(() => (done += 1))
        await settle()
        for (let round = 0; round < 100 && timers.size > 0; round++) {
          const [next] = [...timers].sort((a, b) => a.due - b.due)
          if (next === undefined) break
          timers.delete(next)
          now = Math.max(now, next.due)
          next.ring()
          await settle()
        }
        expect(done, `${items} items, ${step} ms a reading`).toBe(items)
      }
    }
  })
})

describe('stop', () => {
  it('hands back more jobs than a call takes arguments', async () => {
    const queue = QueueFactory.fifo<number>({ maxSize: Infinity, handler: () => {} })
    for (let n = 0; n < 200_000; n++) queue.offer(n)
    const { notStarted } = await queue.stop({ mode: 'drop' })
    expect(notStarted).toHaveLength(200_000)
  })

  it('hands back what is needed to put a job again', async () => {
    const clock = new ManualClock()
    const queue = QueueFactory.priority<string>({ clock })
    await queue.put('plain')
    await queue.put('urgent', { priority: 7, key: 'k' })
    await queue.put('later', { delay: '10s' })
    const at = new Date(clock.wall() + 60_000)
    await queue.put('dated', { at })
    clock.advance('4s')
    expect((await queue.stop()).notStarted).toEqual([
      { id: '2', item: 'urgent', priority: 7, key: 'k' },
      { id: '1', item: 'plain' },
      { id: '3', item: 'later', delay: 6 },
      { id: '4', item: 'dated', at },
    ])
  })
})

describe('what random calls under random options have found', () => {
  const gated = () => {
    const open: (() => void)[] = []
    return { open, wait: () => new Promise<void>((resolve) => open.push(resolve)) }
  }

  it('leaves no timer of a deadline where dropping was all there was to do', async () => {
    const clock = new ManualClock()
    const queue = QueueFactory.fifo<string>({ clock })
    await queue.put('a')
    await queue.stop({ mode: 'drop', deadline: '10s' })
    expect(clock.timers).toBe(0)
  })

  it('returns from stop where a claim that is given back ends at once', async () => {
    const done: string[] = []
    const { open, wait } = gated()
    const queue = QueueFactory.fifo<string>({
      handler: (item) => (item === 'slow' ? wait() : void done.push(item)),
    }).start()
    const puts = await Promise.all(['slow', 'a', 'b'].map((item) => queue.put(item)))
    expect(await queue.claim({ max: 2 })).toHaveLength(2)
    for (const end of open) end()
    await settle()
    expect(await queue.stop()).toMatchObject({ completed: 3, notStarted: [], stillRunning: [] })
    expect(done).toEqual(['a', 'b'])
    await Promise.all(puts.map((job) => job.result))
  })

  it('loses no job where one that is claimed makes room for another', async () => {
    const queue = QueueFactory.fifo<string>({ maxSize: 1, group: () => 'g' })
    const claims = queue.claim()
    const both = [queue.put('a'), queue.put('b')]
    const [claim] = await claims
    expect(claim?.item).toBe('a')
    await Promise.all(both)
    expect(queue.tryGet()).toBe('b')
    await claim?.complete()
    expect(await queue.stop()).toMatchObject({ completed: 1, notStarted: [] })
  })

  it('returns from stop where the last who wanted jobs has had enough', async () => {
    const clock = new ManualClock()
    const queue = QueueFactory.delay<string>({ clock })
    const claims = queue.claim({ timeout: '20ms' })
    await queue.put('later', { delay: '1s' })
    const stopped = queue.stop()
    await clock.advanceAsync('20ms')
    expect(await claims).toEqual([])
    expect((await stopped).notStarted).toMatchObject([{ item: 'later' }])
  })

  it('waits in stop for a job that is claimed meanwhile, and counts it', async () => {
    const { open, wait } = gated()
    const queue = QueueFactory.fifo<string>({ handler: wait }).start()
    await queue.put('a')
    await queue.put('b')
    await queue.claim()
    const late = queue.claim()
    const stopped = queue.stop()
    const [claim] = await late
    expect(claim?.item).toBe('b')
    for (const end of open) end()
    await settle()
    await claim?.complete()
    expect(await stopped).toMatchObject({ completed: 2, stillRunning: [] })
  })

  it('tells other workers of jobs that have come due together', async () => {
    let now = 0
    const clock = { now: () => now, after: () => () => {} }
    const begun: string[] = []
    const queue = QueueFactory.fifo<string>({
      clock,
      handler: async (item) => void begun.push(item),
    }).start()
    await queue.put('a', { delay: '10ms' })
    await queue.put('b', { delay: '10ms' })
    now = 20
    expect(queue.tryGet()).toBe('a')
    await settle()
    expect(begun).toEqual(['b'])
  })

  it('does not try an item again in half a batch that was called off', async () => {
    const tried: string[][] = []
    const { open, wait } = gated()
    const queue = QueueFactory.fifo<string>({
      batchSize: 2,
      bisectOnError: true,
      batchFn: async (items) => {
        tried.push(items)
        if (items.length === 1) return
        await wait()
        throw new Error('not these two')
      },
    }).start()
    const [a] = await Promise.all([queue.put('a'), queue.put('b')])
    a?.cancel()
    for (const end of open) end()
    await settle()
    expect(tried).toEqual([['a', 'b'], ['b']])
    await queue.stop()
  })

  it('offers what a limiter elsewhere has given where its last answer is no', async () => {
    const done: number[] = []
    const queue = QueueFactory.fifo<number>({
      workers: 4,
      limiter: promised(LimiterFactory.concurrency({ limit: 2 })),
      handler: (n) => void done.push(n),
    })
    for (let n = 0; n < 4; n++) await queue.put(n)
    queue.start()
    await settle()
    await settle()
    expect(done).toEqual([0, 1, 2, 3])
  })

  it('lists a job once that left its order and came back', async () => {
    const clock = new ManualClock()
    const queue = QueueFactory.fifo<number>({
      clock,
      limiter: LimiterFactory.tokenBucket({ rate: 1, burst: 2, clock }),
      limiterCost: (n) => (n === 1 ? 2 : 1),
      handler: () => {},
    }).start()
    for (let n = 0; n < 5; n++) await queue.put(n)
    expect(await queue.get()).toBe(1)
    await settle()
    const { jobs } = await queue.jobs({ state: 'waiting' })
    expect(jobs.map(({ item }) => item)).toEqual([3, 4])
    expect(queue.size()).toBe(2)
    expect(queue.clear()).toHaveLength(2)
    await queue.stop()
  })

  it('counts a job of a group that is taken by hand past the limiter', async () => {
    const clock = new ManualClock()
    const { open, wait } = gated()
    const queue = QueueFactory.fifo<number>({
      clock,
      workers: 3,
      limiter: LimiterFactory.tokenBucket({ rate: 1, burst: 1, clock }),
      limiterKey: (n) => (n < 2 ? 'a' : String(n)),
      group: () => 'g',
      groupConcurrency: 2,
      handler: wait,
    }).start()
    for (let n = 0; n < 2; n++) await queue.put(n)
    expect(queue.tryGet()).toBe(1)
    for (let n = 2; n < 6; n++) await queue.put(n)
    expect(open).toHaveLength(2)
    const stopped = queue.stop({ mode: 'drop' })
    for (const end of open) end()
    expect(await stopped).toMatchObject({ completed: 2 })
  })

  it('gives the place of an item back that is called off while the other half of its batch is tried', async () => {
    const clock = new ManualClock()
    const calls: string[][] = []
    const ends: ((well: boolean) => void)[] = []
    const queue = QueueFactory.fifo<string>({
      clock,
      workers: 2,
      group: (item) => item.charAt(0),
      groupConcurrency: 1,
      batchSize: 2,
      batchTimeout: '1s',
      bisectOnError: true,
      batchFn: (items) => {
        calls.push(items)
        return new Promise<void>((resolve, reject) => {
          ends.push((well) => (well ? resolve() : reject(new Error('half of it'))))
        })
      },
    }).start()
    await queue.put('x1')
    const other = await queue.put('y1')
    await queue.put('y2')
    expect(calls).toEqual([['x1', 'y1']])
    ends[0]?.(false)
    await settle()
    expect(calls).toEqual([['x1', 'y1'], ['x1']])
    other.cancel()
    clock.advance('1s')
    await settle()
    expect(calls).toEqual([['x1', 'y1'], ['x1'], ['y2']])
    for (const end of ends) end(true)
    expect(await queue.stop()).toMatchObject({ completed: 2, failed: 0, notStarted: [] })
  })

  it('aborts the signal of half a batch when nobody wants that half any more', async () => {
    const signals: AbortSignal[] = []
    const queue = QueueFactory.fifo<number>({
      batchSize: 2,
      bisectOnError: true,
      batchFn: (items, { signal }) => {
        signals.push(signal)
        if (items.includes(0)) throw new Error('never 0')
        return new Promise((_, reject) =>
          signal.addEventListener('abort', () => reject(signal.reason)),
        )
      },
    }).start()
    queue.on('failed', () => {})
    const jobs = await queue.putMany([0, 1])
    await settle()
    expect(signals.map(({ aborted }) => aborted)).toEqual([false, false, false])
    jobs[1]?.cancel()
    expect(signals.map(({ aborted }) => aborted)).toEqual([false, false, true])
    expect(await queue.stop()).toMatchObject({ failed: 1, stillRunning: [] })
  })

  it.each([
    ['the called off part of a batch that runs too long', [0], [2, 3]],
    ['a batch that was called off as a whole', [0, 1], []],
  ] as const)('gives a worker and all permits back of %s', async (_, cancelled, then) => {
    const clock = new ManualClock()
    const calls: number[][] = []
    const queue = QueueFactory.fifo<number>({
      clock,
      limiter: LimiterFactory.concurrency({ limit: 2, clock }),
      timeout: '100ms',
      onTimeout: 'release',
      batchSize: 2,
      batchTimeout: '10ms',
      batchFn: (items) => {
        calls.push(items)
        return items.includes(0) ? new Promise(() => {}) : undefined
      },
    }).start()
    queue.on('failed', () => {})
    const jobs = await queue.putMany([0, 1, 2, 3])
    for (const n of cancelled) jobs[n]?.cancel()
    for (let i = 0; i < 5; i++) {
      await clock.advanceAsync('1s')
      await settle()
    }
    expect(calls.slice(1).flat()).toEqual(then)
    const stopped = queue.stop({ mode: 'drop', deadline: '1s' })
    await clock.advanceAsync('1s')
    await stopped
  })

  it('starts a job of another group where the first of its key waits for a full group', async () => {
    const clock = new ManualClock()
    const begun: string[] = []
    const { open, wait } = gated()
    const queue = QueueFactory.fifo<{ key: string; group: string }>({
      clock,
      workers: 4,
      limiter: LimiterFactory.tokenBucket({ rate: 1, burst: 1, clock }),
      limiterKey: ({ key }) => key,
      group: ({ group }) => group,
      groupConcurrency: 1,
      handler: ({ key, group }) => {
        begun.push(key + group)
        return group === 'y' ? wait() : undefined
      },
    }).start()
    await queue.putMany([
      { key: 'b', group: 'y' },
      { key: 'a', group: 'x' },
      { key: 'a', group: 'y' },
      { key: 'a', group: 'x' },
    ])
    await settle()
    expect(begun).toEqual(['by', 'ax'])
    await clock.advanceAsync('1s')
    await settle()
    expect(begun).toEqual(['by', 'ax', 'ax'])
    for (const end of open) end()
    await clock.advanceAsync('1s')
    await settle()
    expect(begun).toEqual(['by', 'ax', 'ax', 'ay'])
    for (const end of open) end()
    expect(await queue.stop()).toMatchObject({ completed: 4 })
  })

  it('wakes a job that waited behind one that leaves its lane', async () => {
    const clock = new ManualClock()
    const begun: number[] = []
    const queue = QueueFactory.fifo<number>({
      clock,
      limiter: LimiterFactory.concurrency({ limit: 2, clock }),
      limiterKey: () => 'a',
      limiterCost: (n) => n,
      workers: 3,
      handler: (n) => {
        begun.push(n)
        return n === 1 && begun.length === 1 ? new Promise<void>(() => {}) : undefined
      },
    }).start()
    await queue.put(1)
    const large = await queue.put(2)
    await queue.put(1)
    await settle()
    expect(begun).toEqual([1])
    large.cancel()
    await settle()
    expect(begun).toEqual([1, 1])
    const stopped = queue.stop({ mode: 'drop', deadline: '1s' })
    await clock.advanceAsync('1s')
    await stopped
  })

  it('returns from stop when the last who waited for a job has got one', async () => {
    const queue = QueueFactory.fifo<number>({ group: () => 'g', groupConcurrency: 1 })
    await queue.putMany([0, 1, 2])
    const [first] = await queue.claim()
    const second = queue.claim()
    await settle()
    const stopped = queue.stop()
    expect(await first?.complete()).toBe(false)
    const [again] = await second
    expect(await again?.complete()).toBe(true)
    const { completed, notStarted } = await stopped
    expect({ completed, notStarted: notStarted.map(({ item }) => item) }).toEqual({
      completed: 1,
      notStarted: [1, 2],
    })
  })
})

it('a composite gives nothing where time passes between its no and its look', () => {
  class Creeping extends ManualClock {
    #crept = 0
    override now() {
      this.#crept += 0.5
      return super.now() + this.#crept
    }
  }
  const clock = new Creeping()
  const limiter = LimiterFactory.composite(
    LimiterFactory.tokenBucket({ rate: 1000, burst: 1, clock }),
    LimiterFactory.concurrency({ limit: 50, clock }),
  )
  let given = 0
  for (let asked = 0; asked < 200; asked++) if (limiter.allow()) given += 1
  expect(given).toBe(50)
})
