import { describe, expect, it } from 'vitest'
import { type DedupeOptions, QueueFactory } from '../../src/index.ts'
import { ManualClock } from '../../src/testing/manual-clock.ts'
import { queueDedupeExam } from '../exams/queue-dedupe-exam.ts'

const code = (promise: Promise<unknown>) =>
  promise.then(
    (value) => value,
    (error: { code?: string; message?: string } | string) =>
      typeof error === 'string' ? error : (error.code ?? error.message),
  )

function set(options: Partial<DedupeOptions<string, string>> = {}) {
  const clock = new ManualClock()
  const runs: string[] = []
  const gates: ((value?: Error) => void)[] = []
  const signals: AbortSignal[] = []
  const queue = QueueFactory.dedupe<string, string>({
    clock,
    workers: 5,
    keyFn: (item) => item.slice(0, 1),
    handler: (item, { signal }) => {
      runs.push(item)
      signals.push(signal)
      return new Promise((resolve, reject) => {
        gates.push((error) => (error === undefined ? resolve(`done ${item}`) : reject(error)))
      })
    },
    ...options,
  }).start()
  return { clock, runs, gates, signals, queue }
}

describe('which items are the same', () => {
  queueDedupeExam((options) => QueueFactory.dedupe(options))

  it.each(['latest', 'debounce'] as const)(
    '%s: the own id of an item that takes the place of another stands for that job',
    async (mode) => {
      const queue = QueueFactory.dedupe<string>({ mode, keyFn: (text) => text[0] })
      await queue.put('a 1', { id: 'first' })
      await queue.put('a 2', { id: 'second' })
      expect(await queue.put('b', { id: 'second' })).toMatchObject({
        id: 'first',
        state: 'duplicate',
      })
      expect((await queue.job('second'))?.item).toBe('a 2')
      await queue.stop({ mode: 'drop' })
    },
  )
})

describe('dedupe', () => {
  for (const mode of ['ttl', 'pending', 'coalesce'] as const) {
    it(`${mode}: many at once are one run, and one result for all`, async () => {
      const { runs, gates, queue } = set({ mode })
      const results = Array.from({ length: 100 }, (_, i) => queue.submit(`a${i}`))
      gates[0]?.()
      expect(new Set(await Promise.all(results))).toEqual(new Set(['done a0']))
      expect(runs).toEqual(['a0'])
    })
  }

  it('ttl: forgets after ttl from the put, but never while the first one waits or runs', async () => {
    const { clock, runs, gates, queue } = set({ ttl: '10s' })
    await queue.put('a1')
    clock.advance('15s')
    expect((await queue.put('a2')).state).toBe('duplicate')
    gates[0]?.()
    await queue.onIdle()
    await queue.put('a3')
    expect(runs).toEqual(['a1', 'a3'])
    gates[1]?.()
    await queue.onIdle()
    clock.advance('9.9s')
    expect((await queue.put('a4')).state).toBe('duplicate')
    clock.advance('0.1s')
    expect((await queue.put('a5')).state).toBe('running')
  })

  it('forgets at once what failed, was called off, or never got in', async () => {
    const { gates, queue } = set()
    queue.on('failed', () => {})
    const job = await queue.put('a1')
    gates[0]?.(new Error('boom'))
    expect(await code(job.result)).toBe('boom')
    const again = await queue.put('a2')
    expect(again.state).toBe('running')
    again.cancel('off')
    const third = await queue.put('a3')
    expect(third.state).toBe('running')
    expect(queue.keys).toBe(1)
  })

  it('pending: forgets when the first one is over', async () => {
    const { runs, gates, queue } = set({ mode: 'pending' })
    const duplicates: string[] = []
    queue.on('duplicate', ({ item }) => duplicates.push(item))
    await queue.put('a1')
    await queue.put('a2')
    gates[0]?.()
    await queue.onIdle()
    await queue.put('a3')
    expect(runs).toEqual(['a1', 'a3'])
    expect(duplicates).toEqual(['a2'])
  })

  it('coalesce: one who leaves leaves alone, and the last one ends the job', async () => {
    const { gates, signals, queue } = set({ mode: 'coalesce' })
    const controller = new AbortController()
    const first = await queue.put('a1')
    const second = await queue.put('a2')
    const third = code(queue.submit('a3', { signal: controller.signal }))
    expect(first.cancel('one')).toBe(true)
    expect(first.cancel()).toBe(false)
    expect(await code(first.result)).toBe('one')
    controller.abort('three')
    expect(await third).toBe('three')
    expect(signals[0]?.aborted).toBe(false)
    gates[0]?.()
    expect(await second.result).toBe('done a1')

    const fourth = await queue.put('a4')
    fourth.cancel('all')
    expect(signals[1]?.aborted).toBe(true)
    expect(await code(fourth.result)).toBe('all')
  })

  it.each(['ttl', 'pending', 'coalesce', 'latest', 'debounce'] as const)(
    '%s: a stopped queue takes no duplicate either',
    async (mode) => {
      const { clock, gates, runs, queue } = set({ mode, delay: '1ms' })
      if (mode === 'debounce') queue.offer('a1')
      else await queue.put('a1')
      const report = queue.stop()
      expect(await code(queue.put('a2'))).toBe('CLOSED')
      expect(await code(queue.submit('a2'))).toBe('CLOSED')
      expect(() => queue.offer('a2')).toThrow('is closed')
      clock.advance('1ms')
      gates[0]?.()
      await report
      expect(await code(queue.put('a2'))).toBe('CLOSED')
      expect(runs).toEqual(['a1'])
    },
  )

  it('coalesce: a failure is shared', async () => {
    const { gates, queue } = set({ mode: 'coalesce' })
    const results = ['a1', 'a2'].map((item) => code(queue.submit(item)))
    gates[0]?.(new Error('boom'))
    expect(await Promise.all(results)).toEqual(['boom', 'boom'])
  })

  it('latest: replaces what waits, and runs the newest once more after what runs', async () => {
    const { runs, gates, queue } = set({ mode: 'latest', workers: 1 })
    const results = ['a1', 'b1', 'b2', 'a2', 'a3'].map((item) => code(queue.submit(item)))
    gates[0]?.()
    await Promise.resolve()
    for (let i = 1; i < 3; i++) {
      await new Promise((resolve) => setImmediate(resolve))
      gates[i]?.()
    }
    expect(await Promise.all(results)).toEqual([
      'done a1',
      'done b2',
      'done b2',
      'done a3',
      'done a3',
    ])
    expect(runs).toEqual(['a1', 'b2', 'a3'])
  })

  describe('latest, while one runs: what waits for it', () => {
    const pair = async (options: Partial<DedupeOptions<string, string>> = {}) => {
      const parts = set({ mode: 'latest', ...options })
      const first = code(parts.queue.submit('a1'))
      const { signal, abort } = aborter()
      const second = await parts.queue.put('a2', { signal })
      return { ...parts, first, second, abort, outcome: code(second.result) }
    }
    const aborter = () => {
      const controller = new AbortController()
      return { signal: controller.signal, abort: (reason: string) => controller.abort(reason) }
    }
    const turn = () => new Promise((resolve) => setImmediate(resolve))

    it('is counted, and keeps the queue from being idle', async () => {
      const { queue, gates, outcome, second } = await pair()
      expect(queue.size()).toBe(1)
      expect(second.state).toBe('delayed')
      const idle = queue.onIdle()
      gates[0]?.()
      await turn()
      expect(second.state).toBe('running')
      gates[1]?.()
      expect(await outcome).toBe('done a2')
      await idle
      expect([queue.size(), queue.keys]).toEqual([0, 0])
    })

    it('is done by a stop that drains', async () => {
      const { queue, gates, runs, outcome } = await pair()
      const report = queue.stop()
      gates[0]?.()
      await turn()
      gates[1]?.()
      expect(await outcome).toBe('done a2')
      expect(await report).toMatchObject({ completed: 2, notStarted: [] })
      expect(runs).toEqual(['a1', 'a2'])
    })

    it('is named by a stop that drops, at once or at its deadline', async () => {
      const dropped = await pair()
      const report = dropped.queue.stop({ mode: 'drop' })
      expect(await dropped.outcome).toBe('JOB_DROPPED')
      dropped.gates[0]?.()
      expect((await report).notStarted).toEqual([{ id: dropped.second.id, item: 'a2' }])
      expect(await dropped.first).toBe('done a1')

      const late = await pair()
      const lateReport = late.queue.stop({ deadline: 1 })
      late.clock.advance('1s')
      expect((await lateReport).notStarted).toEqual([{ id: late.second.id, item: 'a2' }])
      expect(await late.outcome).toBe('JOB_DROPPED')
    })

    it('does not wait for a handler that waits for the stop', async () => {
      for (const early of [true, false]) {
        const runs: string[] = []
        const queue = QueueFactory.dedupe<string>({
          mode: 'latest',
          keyFn: () => 'same',
          handler: async (item) => {
            runs.push(item)
            if (item !== 'a1') return
            if (!early) await turn()
            else void queue.put('a2')
            await queue.stop()
          },
        }).start()
        const first = queue.submit('a1')
        if (!early) await queue.put('a2')
        await first
        expect(await queue.stop()).toMatchObject({ notStarted: [], stillRunning: [{ item: 'a1' }] })
        expect(runs).toEqual(['a1', 'a2'])
      }
    })

    it('is returned by clear', async () => {
      const { queue, gates, runs, outcome } = await pair()
      expect(queue.clear()).toEqual(['a2'])
      expect(await outcome).toBe('JOB_DROPPED')
      expect(queue.size()).toBe(0)
      gates[0]?.()
      await queue.onIdle()
      expect(runs).toEqual(['a1'])
    })

    it('is called off by its signal or its job, and the next one waits instead', async () => {
      const { queue, gates, runs, outcome, abort, second } = await pair()
      const told: unknown[] = []
      queue.on('cancelled', ({ item, reason }) => told.push([item, reason]))
      abort('off')
      expect(await outcome).toBe('off')
      expect([second.state, queue.size()]).toEqual(['cancelled', 0])
      const third = await queue.put('a3')
      expect(third.cancel('off too')).toBe(true)
      const fourth = queue.submit('a4')
      expect(queue.size()).toBe(1)
      gates[0]?.()
      await turn()
      gates[1]?.()
      expect(await fourth).toBe('done a4')
      expect(runs).toEqual(['a1', 'a4'])
      expect(told).toEqual([
        ['a2', 'off'],
        ['a3', 'off too'],
      ])
    })

    it('runs with what it was put with', async () => {
      const { clock, queue, gates, signals } = set({ mode: 'latest' })
      void queue.submit('a1')
      const late = await queue.put('a2', { delay: 5 })
      const outcome = code(queue.submit('a3', { timeout: 1 }))
      gates[0]?.()
      await turn()
      expect(late.state).toBe('delayed')
      await clock.advanceAsync(5)
      expect(late.state).toBe('running')
      await clock.advanceAsync(1)
      expect(signals[1]?.aborted).toBe(true)
      expect(await outcome).toBe('JOB_TIMEOUT')
    })
  })

  it('latest: a full queue keeps what it promised, and drop-oldest finds room all the same', async () => {
    const { queue, gates, runs } = set({
      mode: 'latest',
      workers: 1,
      maxSize: 1,
      overflow: 'drop-oldest',
    })
    const first = queue.submit('a1')
    const second = queue.submit('a2')
    const other = code(queue.submit('b1'))
    queue.pause()
    gates[0]?.()
    await first
    expect(queue.size()).toBe(2)
    const newest = queue.submit('c1')
    expect(await Promise.all([code(second), other])).toEqual(['JOB_DROPPED', 'JOB_DROPPED'])
    queue.resume()
    gates[1]?.()
    expect(await newest).toBe('done c1')
    expect(runs).toEqual(['a1', 'c1'])
  })

  it('latest: whose item it is can call it off, who was replaced only himself', async () => {
    const { queue, gates, runs } = set({ mode: 'latest', workers: 1 })
    const blocker = queue.submit('z')
    const controllers = [new AbortController(), new AbortController(), new AbortController()]
    const results = ['a1', 'a2', 'b1'].map((item, i) =>
      code(queue.submit(item, { signal: controllers[i]?.signal as AbortSignal })),
    )
    const replaced = code(queue.submit('b2'))
    controllers[0]?.abort('first')
    expect(await results[0]).toBe('first')
    expect(queue.size()).toBe(2)
    controllers[2]?.abort('replaced')
    expect(await results[2]).toBe('replaced')
    controllers[1]?.abort('newest')
    expect(await results[1]).toBe('newest')
    expect(queue.size()).toBe(1)
    gates[0]?.()
    await blocker
    await new Promise((resolve) => setImmediate(resolve))
    gates[1]?.()
    expect(await replaced).toBe('done b2')
    expect(runs).toEqual(['z', 'b2'])
  })

  it('tells apart what its JSON would not, or says that it needs a keyFn', async () => {
    const seen: unknown[] = []
    const queue = QueueFactory.dedupe<unknown>({ handler: (item) => seen.push(item) }).start()
    const items = [new Map([[1, 2]]), new Map([[1, 3]]), new Set([1]), new Set([2]), { n: 1n }, {}]
    for (const item of [...items, ...items.slice(0, 5)]) await queue.put(item)
    await queue.onIdle()
    expect(seen).toEqual(items)
    for (const item of [/a/, new Error('a'), { inner: new WeakMap() }]) {
      await expect(queue.put(item)).rejects.toThrow('keyFn is needed')
    }
    const keyed = QueueFactory.dedupe<number[]>({ keyFn: ([a, b]) => [a, b] })
    expect((await keyed.put([1, 2, 3])).state).toBe('waiting')
    expect((await keyed.put([1, 2, 4])).state).toBe('duplicate')
  })

  it('tells 1 from "1", and objects by what is in them', async () => {
    const queue = QueueFactory.dedupe<unknown>()
    await queue.put(1)
    await queue.put('1')
    await queue.put({ a: 1, b: { c: 2, d: 3 } })
    await queue.put({ b: { d: 3, c: 2 }, a: 1 })
    await queue.put({ a: 2 })
    expect(queue.size()).toBe(4)
  })
})

it('debounce: an item that begins as it takes the place of another, and fails, waits for its retry', async () => {
  const clock = new ManualClock()
  const began: number[] = []
  const queue = QueueFactory.dedupe<{ of: string; group: string }>({
    clock,
    mode: 'debounce',
    delay: 0,
    workers: 2,
    retry: { attempts: 2, baseDelay: '300ms', jitter: 'none' },
    keyFn: ({ of }) => of,
    group: ({ group }) => group,
    groupConcurrency: 1,
    handler: ({ of }) => {
      if (of === 'other') return new Promise(() => {})
      began.push(clock.now())
      throw new Error('fails')
    },
    deadLetter: () => {},
  })
  queue.start()
  await queue.put({ of: 'other', group: 'full' })
  await queue.put({ of: 'one', group: 'full' })
  const put = clock.now()
  await queue.put({ of: 'one', group: 'free' })
  await clock.advanceAsync(1)
  expect(began.map((at) => at - put)).toEqual([0, 300])
  const stopping = queue.stop({ deadline: 0 })
  await clock.advanceAsync(0.1)
  await stopping
})
