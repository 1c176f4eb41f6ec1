import { describe, expect, it } from 'vitest'
import { LimiterFactory, type QueueOptions, type SharedQueue } from '../../src/index.ts'
import type { JobStoreTerms } from '../../src/testing/job-store/terms.ts'
import { ManualClock } from '../../src/testing/manual-clock.ts'
import { PromisedStorage } from './model/promised-storage.ts'

const turns = async (count = 40) => {
  for (let i = 0; i < count; i++) await new Promise<void>((resolve) => setImmediate(resolve))
}

describe('a queue over a storage that answers late', () => {
  function make(
    options: Partial<QueueOptions<number, number>> = {},
    terms: Partial<JobStoreTerms> = {},
  ) {
    const clock = new ManualClock()
    const storage = new PromisedStorage(clock, terms, undefined)
    const process = (more: Partial<QueueOptions<number, number>> = {}) =>
      storage.queue<number, number>('fifo', { name: 'late', clock, ...options, ...more })
    return { clock, process }
  }
  const counts = async (queue: SharedQueue<number, number>) => {
    const answer = queue.counts()
    await turns()
    return answer
  }

  it('gives back what a claim brings after stop, and lets the process end', async () => {
    for (const before of [0, 1, 2, 3, 4, 5, 6]) {
      const { clock, process } = make()
      const [leaving, staying] = [process(), process()]
      void leaving.put(1)
      await turns()
      const claiming = leaving.claim().catch((error: Error) => error.message)
      await turns(before)
      const stopping = leaving.stop()
      for (let i = 0; i < 10; i++) {
        await turns()
        await clock.advanceAsync(0.05)
      }
      await stopping
      await claiming
      expect(await counts(staying), `stopped ${before} turns after the claim`).toMatchObject({
        waiting: 1,
        running: 0,
      })
      const end = staying.stop()
      await turns()
      await end
      await clock.advanceAsync(0.1)
      expect(clock.timers).toBe(0)
    }
  })

  it('ends at once what hears after stop that it would have to wait', async () => {
    for (const before of [0, 1, 2, 3, 4, 5, 6]) {
      const { clock, process } = make({ maxSize: 1 })
      const [leaving, staying] = [process(), process()]
      void staying.put(1)
      await turns()
      const ended: string[] = []
      const tell = (what: string) => () => void ended.push(what)
      leaving.put(2).then(tell('put'), tell('put'))
      leaving.onIdle().then(tell('idle'), tell('idle'))
      // One of the two takes the job, and the other waits.
      for (const claim of [leaving.claim(), leaving.claim()]) {
        claim.then(tell('claim'), tell('claim'))
      }
      await turns(before)
      const stopping = leaving.stop()
      for (let i = 0; i < 4; i++) {
        await turns()
        await clock.advanceAsync(0.05)
      }
      await stopping
      expect(ended.toSorted(), `stopped ${before} turns later`).toEqual([
        'claim',
        'claim',
        'idle',
        'put',
      ])
      const end = staying.stop()
      await turns()
      await end
      await clock.advanceAsync(0.1)
      expect(clock.timers).toBe(0)
    }
  })

  it('asks a limiter of this process before a claim by hand', async () => {
    const clock = new ManualClock()
    const limiter = LimiterFactory.concurrency({ limit: 2, clock })
    const { process } = make({ limiter })
    const queue = process()
    void queue.putMany([1, 2, 3])
    await turns()
    const first = queue.claim({ max: 3 })
    await turns()
    const claims = await first
    expect(claims.map(({ item }) => item)).toEqual([1, 2])
    expect(limiter.allow()).toBe(false)
    let late: unknown[] = []
    void queue.claim().then((got) => {
      late = got
    })
    await turns()
    expect(late).toEqual([])
    void claims[0]?.complete(1)
    await turns()
    expect(late).toHaveLength(1)
    void claims[1]?.complete(2)
    await turns()
    expect(limiter.allow()).toBe(true)
    expect(limiter.allow()).toBe(false)
  })

  it('takes an item by hand when a limiter of this process has a permit, and gives that back', async () => {
    const clock = new ManualClock()
    const limiter = LimiterFactory.concurrency({ limit: 1, clock })
    const { process } = make({ limiter })
    const queue = process()
    void queue.put(1)
    await turns()
    expect(limiter.allow()).toBe(true)
    let taken: unknown
    void queue.get().then((item) => {
      taken = item
    })
    await turns()
    expect(taken).toBeUndefined()
    await limiter.release()
    await turns()
    expect(taken).toBe(1)
    expect(limiter.allow()).toBe(true)
    expect(limiter.allow()).toBe(false)
  })

  it.each([5, 1])(
    'fills a batch with what is put later, with %d deliveries',
    async (maxDeliveries) => {
      const sizes: number[] = []
      const batchFn = async (items: number[]) => {
        sizes.push(items.length)
        return items
      }
      const more = { maxDeliveries, batchSize: 20, batchTimeout: '1h', batchFn }
      const { clock, process } = make(more as Partial<QueueOptions<number, number>>)
      const queue = process()
      const starting = queue.start()
      await turns()
      await starting
      // The last ones are fewer than would be worth a trip while something waits.
      for (const count of [12, 7, 1]) {
        void queue.putMany(Array.from({ length: count }, (_, i) => i))
        await turns()
        await clock.advanceAsync(2)
        await turns()
      }
      expect(sizes).toEqual([20])
      const end = queue.stop()
      for (let i = 0; i < 10; i++) {
        await turns()
        await clock.advanceAsync(0.05)
      }
      await end
    },
  )

  it('fills batches from all keys of a limiter that the storage decides', async () => {
    const clock = new ManualClock()
    const limiter = LimiterFactory.concurrency({ limit: 3, clock })
    const terms = { limiter: { kind: 'concurrency', limit: 3 } } as const
    const storage = new PromisedStorage(clock, terms, limiter)
    const sizes: number[] = []
    const queue = storage.queue<number, number>('fifo', {
      name: 'keyed',
      clock,
      limiter,
      limiterKey: (n: number) => 'abcd'.charAt(n % 4),
      batchSize: 5,
      batchTimeout: '20ms',
      batchFn: async (items: number[]) => {
        sizes.push(items.length)
      },
    } as QueueOptions<number, number>)
    void queue.putMany(Array.from({ length: 20 }, (_, n) => n))
    await turns()
    void queue.start()
    for (let i = 0; i < 20; i++) {
      await turns()
      await clock.advanceAsync(0.02)
    }
    expect(sizes).toEqual([5, 5, 5, 5])
  })

  it('answers for a job that was not accepted', async () => {
    const { process } = make({ maxSize: 1, overflow: 'drop-newest' })
    const queue = process()
    void queue.put(1)
    const putting = queue.put(2)
    await turns()
    const job = await putting
    expect(job.state).toBe('dropped')
    expect(await job.cancel()).toBe(false)
    expect(await job.setPriority(1)).toBe(false)
  })

  it('tells the end of a job whose result it awaits, wherever that ends', async () => {
    const { process } = make({ retry: { attempts: 2, baseDelay: 0 } })
    let fail: (error: Error) => void = () => {}
    const here = process({
      handler: () => {
        // From now on this process only waits.
        here.workers = 0
        return new Promise<number>((_, reject) => {
          fail = reject
        })
      },
    })
    const told: number[] = []
    here.on('completed', ({ value }) => told.push(value))
    void here.start()
    const putting = here.put(1)
    await turns()
    const job = await putting
    void job.result
    await turns()
    fail(new Error('not here'))
    await turns()
    const there = process({ handler: (n) => n * 10 })
    void there.start()
    await turns()
    expect(await job.result).toBe(10)
    expect(told).toEqual([10])
    await stopped(here, there)
  })

  it('tells the end of a job once, also where its result is asked for later', async () => {
    const kept = { age: 60_000, count: 10 }
    const { process } = make({}, { keep: { completed: kept, dead: kept } })
    const queue = process({
      handler: (n) => {
        if (n === 2) throw new Error('two')
        return n
      },
    })
    const told: unknown[] = []
    queue.on('completed', ({ item }) => told.push(item))
    queue.on('failed', ({ item }) => told.push(item))
    void queue.start()
    const putting = [queue.put(1), queue.put(2), queue.put(3, { id: 'three' })]
    await turns()
    const jobs = await Promise.all(putting)
    expect(told.toSorted()).toEqual([1, 2, 3])
    const results = Promise.allSettled(jobs.map(({ result }) => result))
    await turns()
    expect((await results).map(({ status }) => status)).toEqual([
      'fulfilled',
      'rejected',
      'fulfilled',
    ])
    expect(told.toSorted()).toEqual([1, 2, 3])
    await stopped(queue)
  })

  it('tells the end of a job once, in whatever order the storage answers', async () => {
    const { process } = make({ workers: 2, handler: (n) => n })
    const queue = process()
    const told = new Map<number, number>()
    queue.on('completed', ({ item }) => told.set(item, (told.get(item) ?? 0) + 1))
    void queue.start()
    const results: Promise<number>[] = []
    for (let n = 0; n < 400; n++) {
      // Other processes would see as little of claims that are given back at once.
      if (n % 3 === 0) {
        void queue.claim({ max: 2 }).then((claims) => {
          for (const claim of claims) void claim.release()
        })
      }
      results.push(queue.submit(n))
      await turns(n % 4)
    }
    await turns(200)
    expect((await Promise.all(results)).length).toBe(400)
    expect([...told].filter(([, times]) => times !== 1)).toEqual([])
    expect(told.size).toBe(400)
    await stopped(queue)
  })

  it('sets no timer any more once a stop with a deadline has ended', async () => {
    const { clock, process } = make({ handler: (_, { signal }) => aborted(signal) })
    const queue = process()
    void queue.start()
    void queue.put(1)
    await turns()
    const stopping = queue.stop({ deadline: '100ms', grace: '1h' })
    await turns()
    await clock.advanceAsync(0.1)
    for (let i = 0; i < 5; i++) {
      await turns()
      await clock.advanceAsync(0.05)
    }
    expect((await stopping).aborted).toMatchObject([{ item: 1 }])
    expect(clock.timers).toBe(0)
  })
})

async function stopped(...queues: SharedQueue<number, number>[]): Promise<void> {
  const stopping = queues.map((queue) => queue.stop())
  await turns()
  await Promise.all(stopping)
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}
