import { describe, expect, it } from 'vitest'
import { type DedupeOptions, MemoryStorage, QueueFactory } from '../../src/index.ts'
import { ManualClock } from '../../src/testing/manual-clock.ts'
import { dedupeExam } from '../exams/dedupe-exam.ts'

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

  it('tells apart what its JSON would not, or says that it needs a keyFn', async () => {
    const seen: unknown[] = []
    const queue = QueueFactory.dedupe<unknown>({ handler: (item) => seen.push(item) }).start()
    const items = [new Map([[1, 2]]), new Map([[1, 3]]), new Set([1]), new Set([2]), { n: 1n }, {}]
    for (const item of [...items, ...items.slice(0, 5)]) await queue.put(item)
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

describe('dedupe over a storage in memory', () => {
  dedupeExam(() => new MemoryStorage())

  it('is for ttl only', () => {
    const storage = new MemoryStorage()
    expect(() => QueueFactory.dedupe({ mode: 'pending', storage })).toThrow(
      /storage needs mode 'ttl', got mode 'pending'/,
    )
    expect(() => QueueFactory.dedupe({ storage: {} as never })).toThrow(
      /^storage must have open\(\), got an object/,
    )
  })
})
