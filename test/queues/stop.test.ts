import { describe, expect, it } from 'vitest'
import {
  type Duration,
  isAioFluxError,
  type LocalQueue,
  QueueFactory,
  type StopReport,
} from '../../src/index.ts'
import { ManualClock } from '../../src/testing/manual-clock.ts'

const deferred = <T = void>() => {
  let resolve!: (value: T) => void
  const promise = new Promise<T>((done) => {
    resolve = done
  })
  return { promise, resolve }
}
const turn = () => new Promise((resolve) => setImmediate(resolve))
const code = (promise: Promise<unknown>) =>
  promise.then(
    () => 'ok',
    (error: { code?: string }) => error.code ?? String(error),
  )

describe('stop', () => {
  it('drains what was put before, offers included', async () => {
    const done: number[] = []
    const queue = QueueFactory.fifo({ maxSize: 2, handler: async (n: number) => done.push(n) })
    const all = Array.from({ length: 10 }, (_, n) => queue.submit(n))
    queue.start()
    const report = await queue.stop()
    expect(done).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    expect(report).toMatchObject({ completed: 10, failed: 0, notStarted: [], stillRunning: [] })
    await Promise.all(all)
    expect(await code(queue.put(1))).toBe('CLOSED')
  })

  it('drops what waits, blocked putters too, and waits for what runs', async () => {
    const gate = deferred()
    const queue = QueueFactory.fifo({ maxSize: 1, handler: () => gate.promise }).start()
    const running = queue.submit('a')
    const waiting = queue.submit('b')
    const offered = queue.put('c')
    const stopped = queue.stop({ mode: 'drop' })
    expect(await code(waiting)).toBe('JOB_DROPPED')
    expect(await code(offered)).toBe('CLOSED')
    gate.resolve()
    const report = await stopped
    expect(report.notStarted.map(({ item }) => item)).toEqual(['b', 'c'])
    expect(report.completed).toBe(1)
    await running
  })

  describe('lists a job once', () => {
    const listed = ({ notStarted, aborted, stillRunning }: StopReport<string>) =>
      [notStarted, aborted, stillRunning].map((list) => list.map(({ id }) => id))
    const timedOut = (onTimeout: 'hold' | 'release', workers: number, backoff: Duration) => {
      const clock = new ManualClock()
      const ends: (() => void)[] = []
      const queue = QueueFactory.fifo({
        clock,
        workers,
        timeout: '1s',
        onTimeout,
        retry: { attempts: 3, backoff, jitter: 'none' },
        handler: (_: string) => new Promise<void>((resolve) => ends.push(resolve)),
      }).start()
      return { queue, clock, ends }
    }

    it.each(['hold', 'release'] as const)(
      'where its handler runs on, and its retry waits: as running (%s)',
      async (onTimeout) => {
        const { queue, clock } = timedOut(onTimeout, 1, '8s')
        await queue.put('a', { id: 'a' })
        clock.advance('3s')
        const stopped = queue.stop({ deadline: '1s' })
        clock.advance('1s')
        const report = await stopped
        expect(listed(report)).toEqual([[], [], ['a']])
        expect(report.stillRunning).toEqual([{ id: 'a', item: 'a', attempts: 1, delay: 5 }])
      },
    )

    it('where its handler has ended meanwhile, and its retry waited: as not started', async () => {
      const { queue, clock, ends } = timedOut('hold', 1, '8s')
      await queue.put('a', { id: 'a' })
      clock.advance('3s')
      const stopped = queue.stop({ mode: 'drop' })
      ends[0]?.()
      expect(listed(await stopped)).toEqual([['a'], [], []])
    })

    it('where two of its handlers run', async () => {
      const { queue, clock, ends } = timedOut('release', 2, '0s')
      await queue.put('a', { id: 'a' })
      clock.advance('1.5s')
      expect(ends).toHaveLength(2)
      const stopped = queue.stop({ deadline: 0 })
      clock.advance(1)
      expect(listed(await stopped)).toEqual([[], [], ['a']])
    })

    it('where one of its handlers was aborted and ended, and one runs', async () => {
      const { queue, clock, ends } = timedOut('release', 2, '0s')
      await queue.put('a', { id: 'a' })
      clock.advance('1.5s')
      const stopped = queue.stop({ deadline: 0, grace: '1s' })
      clock.advance(1)
      ends[1]?.()
      await turn()
      clock.advance('2s')
      expect(listed(await stopped)).toEqual([[], [], ['a']])
    })

    it('where it was aborted by one call of stop, and another call had a later deadline', async () => {
      const { queue, clock, ends } = timedOut('hold', 2, '0s')
      for (const id of ['a', 'b']) await queue.put(id, { id })
      const stopped = queue.stop({ deadline: '100ms', grace: '500ms' })
      void queue.stop({ deadline: '200ms' })
      clock.advance('150ms')
      ends[0]?.()
      await turn()
      clock.advance('1s')
      expect(listed(await stopped)).toEqual([[], ['a'], ['b']])
    })
  })

  it('aborts at the deadline and tells the deaf from those that heard', async () => {
    const clock = new ManualClock()
    const queue = QueueFactory.fifo({
      workers: 2,
      clock,
      handler: (item: string, { signal }) =>
        new Promise((_, reject) => {
          if (item === 'hears') signal.addEventListener('abort', () => reject(signal.reason))
        }),
    }).start()
    const results = ['hears', 'deaf', 'waits'].map((item) => code(queue.submit(item)))
    const stopped = queue.stop({ deadline: '1s' })
    clock.advance('1s')
    const report = await stopped
    expect(report.notStarted).toEqual([{ id: '3', item: 'waits' }])
    expect(report.aborted).toEqual([{ id: '1', item: 'hears' }])
    expect(report.stillRunning).toEqual([{ id: '2', item: 'deaf' }])
    expect(await Promise.all(results)).toEqual(['JOB_DROPPED', 'JOB_DROPPED', 'JOB_DROPPED'])
    expect(clock.timers).toBe(0)
  })

  it('called twice gives one report, and the second call may lose patience', async () => {
    const gate = deferred()
    const queue = QueueFactory.fifo({ handler: () => gate.promise }).start()
    const results = [code(queue.submit(1)), code(queue.submit(2))]
    const first = queue.stop()
    const second = queue.stop({ mode: 'drop' })
    gate.resolve()
    expect(await first).toBe(await second)
    expect(await Promise.all(results)).toEqual(['ok', 'JOB_DROPPED'])
    expect(await queue.stop()).toBe(await first)
  })

  it('called from inside a handler does not wait for that handler', async () => {
    const queue: LocalQueue<string> = QueueFactory.fifo<string>({
      handler: async (item) => {
        if (item !== 'stop') return item
        const report = await queue.stop()
        return report.completed
      },
    }).start()
    const results = ['a', 'stop', 'b'].map((item) => queue.submit(item))
    expect(await Promise.all(results)).toEqual(['a', 2, 'b'])
  })

  it('nor after an await in that handler', async () => {
    const queue = QueueFactory.fifo({
      handler: async (item: string) => {
        if (item !== 'stop') return item
        await turn()
        await queue.stop()
        return 'stopped'
      },
    }).start()
    expect(await queue.submit('stop')).toBe('stopped')
  })

  it.each([1, 2])(
    'counts a handler that called it and ended at once as ended, job %i',
    async (nth) => {
      const reports: Promise<StopReport<number>>[] = []
      const queue: LocalQueue<number> = QueueFactory.fifo<number>({
        handler: (n) => {
          if (n === nth) reports.push(queue.stop())
        },
      })
      // The first goes straight from put to its handler, the others from the line.
      const early = nth === 1
      if (early) queue.start()
      const results = Array.from({ length: nth }, (_, i) => queue.submit(i + 1))
      if (!early) queue.start()
      await Promise.all(results)
      expect(await reports[0]).toMatchObject({ completed: nth, stillRunning: [], notStarted: [] })
    },
  )

  it('waits for the others where the handler that called it has ended without it', async () => {
    const gate = deferred()
    let report: StopReport<string> | undefined
    const queue: LocalQueue<string> = QueueFactory.fifo<string>({
      workers: 2,
      handler: async (item) => {
        if (item === 'held') return gate.promise
        void queue.stop().then((end) => {
          report = end
        })
      },
    }).start()
    const results = ['held', 'stop'].map((item) => queue.submit(item))
    await results[1]
    await turn()
    expect(report).toBeUndefined()
    gate.resolve()
    await Promise.all(results)
    await turn()
    expect(report).toMatchObject({ completed: 2, stillRunning: [] })
  })

  it('names a deaf handler among those that still run, though another one has heeded its signal', async () => {
    const clock = new ManualClock()
    const queue = QueueFactory.fifo({
      clock,
      workers: 2,
      handler: (item: string, { signal }) =>
        new Promise((_, reject) => {
          if (item === 'hears') signal.addEventListener('abort', () => reject(signal.reason))
        }),
    }).start()
    const results = ['hears', 'deaf'].map((item) => code(queue.submit(item)))
    await turn()
    const stopped = queue.stop({ deadline: 1, grace: 1 })
    await clock.advanceAsync('2s')
    const report = await stopped
    expect(report.aborted.map(({ item }) => item)).toEqual(['hears'])
    expect(report.stillRunning.map(({ item }) => item)).toEqual(['deaf'])
    await Promise.all(results)
  })

  it('ends a queue that never started, with all named', async () => {
    const queue = QueueFactory.fifo({ handler: () => {} })
    const result = code(queue.submit('a'))
    const report = await queue.stop()
    expect(report.notStarted).toEqual([{ id: '1', item: 'a' }])
    expect(await result).toBe('JOB_DROPPED')
  })

  it('resumes a paused queue to drain it, and waits for retries and delays', async () => {
    const clock = new ManualClock()
    let tries = 0
    const queue = QueueFactory.delay({
      clock,
      retry: { attempts: 2, backoff: '10s', jitter: 'none' },
      handler: () => {
        tries += 1
        if (tries === 1) throw new Error('once')
        return tries
      },
    }).start()
    queue.pause()
    const result = queue.submit('a', { delay: '5s' })
    const stopped = queue.stop()
    await clock.advanceAsync('5s')
    expect(tries).toBe(1)
    await clock.advanceAsync('10s')
    expect(await result).toBe(2)
    expect((await stopped).completed).toBe(1)
    expect(clock.timers).toBe(0)
  })

  it('drains nothing where there are no workers to do it', async () => {
    const queue = QueueFactory.fifo<string>({ handler: (item) => item }).start()
    queue.workers = 0
    const result = code(queue.submit('a'))
    expect((await queue.stop()).notStarted.map(({ item }) => item)).toEqual(['a'])
    expect(await result).toBe('JOB_DROPPED')
  })

  it('ends those who wait for items', async () => {
    const queue = QueueFactory.fifo<number>()
    const waiting = code(queue.get())
    const items: number[] = []
    const loop = (async () => {
      for await (const item of queue) items.push(item)
    })()
    await queue.put(1)
    await queue.put(2)
    await queue.put(3)
    await queue.stop()
    await loop
    expect(await waiting).toBe('ok')
    expect(items).toEqual([2, 3])
    expect(isAioFluxError(await queue.get().catch((error: unknown) => error), 'CLOSED')).toBe(true)
  })

  it('is what await using does', async () => {
    let done = 0
    {
      await using queue = QueueFactory.fifo({ handler: async () => done++ }).start()
      void queue.submit(1)
      void queue.submit(2)
    }
    expect(done).toBe(2)
  })
})
