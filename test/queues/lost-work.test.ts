import { describe, expect, it } from 'vitest'
import {
  type Job,
  type JobClaim,
  type Limiter,
  LimiterFactory,
  type LocalQueue,
  QueueFactory,
} from '../../src/index.ts'
import { ManualClock } from '../../src/testing/manual-clock.ts'

const turn = () => new Promise((resolve) => setImmediate(resolve))
const settle = async () => {
  for (let i = 0; i < 5; i++) await turn()
}

const gated = () => {
  const open: (() => void)[] = []
  return { open, wait: () => new Promise<void>((resolve) => open.push(resolve)) }
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
    // Of many steps one hits the moment, however often a queue reads the clock.
    const steps = [0.001, 0.01, 0.1, ...Array.from({ length: 60 }, (_, i) => 0.5 + i / 2)]
    for (const items of [15, 25]) {
      for (const step of steps) {
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
    expect(await queue.stop()).toMatchObject({ completed: 2, notStarted: [] })
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
    const puts = []
    for (let n = 0; n < 5; n++) puts.push(await queue.put(n))
    expect(puts[1]?.cancel()).toBe(true)
    await settle()
    const { jobs } = await queue.jobs({ state: 'waiting' })
    expect(jobs.map(({ item }) => item)).toEqual([3, 4])
    expect(queue.size()).toBe(2)
    expect(queue.clear()).toHaveLength(2)
    await queue.stop()
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

describe('what a newcomer has found', () => {
  it.each(['fifo', 'priority', 'delay'] as const)(
    'resolves a put that waited for room, though its job ends at once: %s',
    async (kind) => {
      const { open, wait } = gated()
      const make = QueueFactory[kind] as typeof QueueFactory.fifo
      const queue = make<string, string>({
        maxSize: 1,
        group: (item) => item,
        groupConcurrency: 1,
        workers: 2,
        handler: (item) => (item === 'a' && open.length === 0 ? wait().then(() => item) : item),
      }).start()
      await queue.put('a')
      const second = await queue.put('a')
      const third = queue.put('b')
      second.cancel()
      const job = await third
      expect([job.state, await job.result]).toEqual(['completed', 'b'])
      for (const end of open) end()
      expect(await queue.stop()).toMatchObject({ completed: 2 })
    },
  )

  it.each(['latest', 'debounce'] as const)(
    'gives the newest item its own group, key, cost and id: %s',
    async (mode) => {
      const clock = new ManualClock()
      const asked: string[] = []
      const limiter = LimiterFactory.concurrency({ limit: 5, clock })
      const queue = QueueFactory.dedupe<{ k: number; g: string; cost: number }>({
        clock,
        mode,
        delay: '1s',
        workers: 2,
        keyFn: ({ k }) => k,
        group: ({ g }) => g,
        groupConcurrency: 1,
        limiter: new Proxy(limiter, {
          get(target, name) {
            if (name === 'allow') {
              return (key: string, cost: number) => {
                asked.push(`${key}${cost}`)
                return target.allow(key, cost)
              }
            }
            const value: unknown = Reflect.get(target, name)
            return typeof value === 'function' ? value.bind(target) : value
          },
        }),
        limiterKey: ({ g }) => g,
        limiterCost: ({ cost }) => cost,
        handler: () => {},
      })
      await queue.put({ k: 1, g: 'A', cost: 1 })
      const newer = await queue.put({ k: 1, g: 'B', cost: 3 }, { id: 'own' })
      expect((await queue.groups()).map(({ group }) => group)).toEqual(
        mode === 'latest' ? ['B'] : [],
      )
      expect((await queue.job('own'))?.item).toEqual({ k: 1, g: 'B', cost: 3 })
      queue.start()
      await clock.advanceAsync('2s')
      await newer.result
      expect(asked).toEqual(['B3'])
      await queue.stop()
    },
  )

  it('gives no id twice: of the queue, and of callers', async () => {
    const queue = QueueFactory.fifo<string>()
    await queue.put('a', { id: '1' })
    const made = await queue.put('b')
    expect(made.id).toBe('2')
    await expect(queue.put('c', { id: '2' })).rejects.toThrow(
      "id must be of one job alone, got '2'",
    )
    expect((await queue.put('d', { id: '40' })).id).toBe('40')
    expect(queue.size()).toBe(3)
    expect(await queue.cancel('2')).toBe(true)
    expect((await queue.job('1'))?.item).toBe('a')
    await queue.stop()
  })

  it('asks the limiter before a job is claimed by hand', async () => {
    const clock = new ManualClock()
    const slots = QueueFactory.fifo<number>({
      clock,
      limiter: LimiterFactory.concurrency({ limit: 1, clock }),
    })
    await slots.putMany([0, 1, 2])
    const claims = await slots.claim({ max: 3 })
    expect(claims.map(({ item }) => item)).toEqual([0])
    const next = slots.claim({ max: 3 })
    await settle()
    await claims[0]?.complete()
    expect((await next).map(({ item }) => item)).toEqual([1])
    expect(await slots.stop()).toMatchObject({ completed: 1 })

    const rate = QueueFactory.fifo<number>({
      clock,
      limiter: LimiterFactory.tokenBucket({ rate: 1, burst: 1, clock }),
    })
    await rate.putMany([0, 1])
    expect(await rate.claim({ max: 2 })).toHaveLength(1)
    const later = rate.claim()
    await clock.advanceAsync('0.9s')
    expect(await Promise.race([later, settle()])).toBeUndefined()
    await clock.advanceAsync('0.1s')
    expect((await later).map(({ item }) => item)).toEqual([1])
    await rate.stop()
  })

  it('hands back in the report all that a put said, and how often a job was tried', async () => {
    const clock = new ManualClock()
    const queue = QueueFactory.fifo<string>({
      clock,
      retry: { attempts: 2, baseDelay: '10s', jitter: 'none' },
      handler: () => {
        throw new Error('always')
      },
    }).start()
    await queue.put('tried')
    queue.workers = 0
    const retry = { attempts: 3 }
    await queue.put('waits', { group: 'g', timeout: '5s', retry })
    const { notStarted } = await queue.stop()
    expect(notStarted).toEqual([
      { id: '2', item: 'waits', group: 'g', timeout: 5, retry },
      { id: '1', item: 'tried', attempts: 1, delay: 10 },
    ])
  })

  it('fills a batch with what may go: a full group does not make it due', async () => {
    const clock = new ManualClock()
    const calls: string[] = []
    const queue = QueueFactory.fifo<string>({
      clock,
      group: (item) => item.charAt(0),
      groupConcurrency: 1,
      batchSize: 4,
      batchTimeout: '10s',
      batchFn: (items) => void calls.push(`${clock.now()} ${items}`),
    }).start()
    await queue.putMany(['a1', 'a2', 'a3', 'a4', 'b1'])
    expect(calls).toEqual([])
    await clock.advanceAsync('10s')
    expect(calls[0]).toBe('10000 a1,b1')
    await queue.stop()
  })

  it.each([
    ['clear', async (queue: LocalQueue<string>) => queue.clear()],
    [
      'stop',
      async (queue: LocalQueue<string>) =>
        (await queue.stop({ mode: 'drop' })).notStarted.map(({ item }) => item),
    ],
  ] as const)('%s leaves alone what is taken while it drops others', async (_, drop) => {
    const queue = QueueFactory.fifo<string>()
    const jobs = await queue.putMany(['a', 'b', 'c'])
    const taken: (string | undefined)[] = []
    queue.on('dropped', () => {
      if (taken.length === 0) taken.push(queue.tryGet())
    })
    expect(await drop(queue)).toEqual(['b', 'c'])
    expect(taken).toEqual(['a'])
    expect(jobs.map(({ state }) => state)).toEqual(['completed', 'dropped', 'dropped'])
    expect(queue.stats()).toMatchObject({ completed: 1, waiting: 0 })
  })

  it('clear leaves alone what is claimed while it drops others', async () => {
    const queue = QueueFactory.fifo<string>()
    await queue.putMany(['a', 'b', 'c'])
    let claimed: Promise<JobClaim<string>[]> | undefined
    queue.on('dropped', () => {
      claimed ??= queue.claim()
    })
    expect(queue.clear()).toEqual(['b', 'c'])
    const [claim] = (await claimed) ?? []
    expect(await claim?.complete()).toBe(true)
    expect(claim?.item).toBe('a')
    await queue.onIdle()
  })

  it('waits in stop for a dead letter that is on its way, not past the deadline', async () => {
    for (const deadline of [undefined, '1s'] as const) {
      const clock = new ManualClock()
      let sent: (() => void) | undefined
      const queue = QueueFactory.fifo<number>({
        clock,
        deadLetter: () => new Promise<void>((resolve) => (sent = resolve)),
        handler: () => {
          throw new Error('dies')
        },
      }).start()
      await queue.put(1)
      let over = false
      const stopped = queue
        .stop(deadline === undefined ? {} : { deadline })
        .then(() => (over = true))
      await settle()
      expect(over).toBe(false)
      if (deadline === undefined) sent?.()
      else await clock.advanceAsync(deadline)
      await stopped
      expect(clock.timers).toBe(0)
    }
  })

  it('tells of a batch that ran too long, and of no job that it did', async () => {
    const clock = new ManualClock()
    const queue = QueueFactory.fifo<number>({
      clock,
      batchSize: 2,
      batchFn: () => new Promise(() => {}),
    }).start()
    const results = [queue.submit(0), queue.submit(1, { timeout: '10ms' })]
    await clock.advanceAsync('10ms')
    const [first] = await Promise.allSettled(results)
    expect(first).toMatchObject({
      reason: { message: 'the batch of job 1 ran longer than 0.01 s' },
    })
    const stopped = queue.stop({ deadline: '1s' })
    await clock.advanceAsync('1s')
    await stopped
  })

  it('ends a stop where no worker is left for a job that is to be tried again, or was put', async () => {
    const failing = () => {
      const queue = QueueFactory.fifo<string>({
        retry: { attempts: 2, baseDelay: 0 },
        handler: () => turn().then(() => Promise.reject(new Error('once'))),
      }).start()
      return queue
    }
    for (const mode of ['drain', 'drop'] as const) {
      const queue = failing()
      const job = await queue.put('a')
      queue.workers = 0
      const report = await queue.stop({ mode })
      expect(report, mode).toMatchObject({ notStarted: [{ item: 'a', attempts: 1 }] })
      expect(job.state, mode).toBe('dropped')
    }
    const queue = QueueFactory.fifo<string>({ handler: turn }).start()
    const jobs = await queue.putMany(['a', 'b'])
    const stopped = queue.stop()
    queue.workers = 0
    expect(await stopped).toMatchObject({ completed: 1, notStarted: [{ item: 'b' }] })
    expect(jobs.map(({ state }) => state)).toEqual(['completed', 'dropped'])
  })

  it('hands an item out once, whatever is called in the same turn', async () => {
    const after: Record<string, (queue: LocalQueue<string>, job: Job) => unknown> = {
      stop: (queue) => queue.stop(),
      'stop, dropping': (queue) => queue.stop({ mode: 'drop' }),
      clear: (queue) => expect(queue.clear()).toEqual([]),
      cancel: (_, job) => expect(job.cancel()).toBe(false),
      'another get': (queue) => expect(queue.tryGet()).toBeUndefined(),
    }
    for (const [name, act] of Object.entries(after)) {
      const queue = QueueFactory.fifo<string>()
      const job = await queue.put('x')
      const item = queue.get()
      const acted = act(queue, job)
      expect(await item, name).toBe('x')
      expect(await job.result, name).toBeUndefined()
      expect(job.state, name).toBe('completed')
      await acted
      expect(await queue.stop(), name).toMatchObject({ notStarted: [], stillRunning: [] })
      expect(queue.stats(), name).toMatchObject({ waiting: 0, running: 0, abandoned: 0 })
    }
  })

  it('keeps a job that was taken by hand among the completed, with a wait and without', async () => {
    const clock = new ManualClock()
    const queue = QueueFactory.fifo<string>({ clock, keep: { completed: '1h' } })
    await queue.putMany(['waits', 'does not'])
    await clock.advanceAsync('5s')
    expect([await queue.get(), queue.tryGet()]).toEqual(['waits', 'does not'])
    await clock.advanceAsync('5s')
    const { jobs } = await queue.jobs({ state: 'completed' })
    const seconds = jobs.map(({ createdAt, startedAt, endedAt }) =>
      [startedAt, endedAt].map((at) => (Number(at) - Number(createdAt)) / 1000),
    )
    expect(seconds).toEqual([
      [5, 5],
      [5, 5],
    ])
    expect(jobs.map(({ attempts, deliveries }) => [attempts, deliveries])).toEqual([
      [1, 1],
      [1, 1],
    ])
    await queue.stop()
  })

  it('redrives no dead job of a key that a newer job has', async () => {
    let fails = true
    const queue = QueueFactory.dedupe<string>({
      mode: 'pending',
      keep: { dead: '1h' },
      handler: () => {
        if (fails) throw new Error('once')
      },
    }).start()
    queue.on('failed', () => {})
    await queue.put('a')
    fails = false
    queue.workers = 0
    await queue.put('a')
    expect(await queue.redrive()).toBe(0)
    expect(queue.size()).toBe(1)
    queue.workers = 1
    await queue.onIdle()
    expect(await queue.redrive()).toBe(1)
    expect(await queue.stop()).toMatchObject({ completed: 2 })
  })

  it('answers true where an id that was remembered is removed, and refuses what is no list of ids', async () => {
    const queue = QueueFactory.fifo<string>({ handler: () => {} }).start()
    await queue.submit('a', { id: 'own' })
    expect(await queue.remove('own')).toBe(true)
    expect(await queue.remove('own')).toBe(false)
    await expect(queue.redrive({ ids: 'own' as never })).rejects.toThrow('ids must be an array')
    await queue.stop()
  })

  it('refuses a cost at the put, by the name of its option', async () => {
    const queue = QueueFactory.fifo<number>({
      limiter: LimiterFactory.tokenBucket({ rate: 1, burst: 1 }),
      limiterCost: (n) => n,
      handler: () => {},
    })
    await expect(queue.put(Number.NaN)).rejects.toThrow('limiterCost')
    expect(queue.size()).toBe(0)
    await queue.stop()
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
