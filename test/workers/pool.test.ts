import { describe, expect, it } from 'vitest'
import { type Executor, WorkerPool } from '../../src/index.ts'
import { ManualClock } from '../../src/testing/manual-clock.ts'
import { toAutoscale } from '../../src/workers/autoscale.ts'

const turn = () => new Promise((resolve) => setImmediate(resolve))

describe('stats', () => {
  it('tells what it holds, what it has done, and its bounds', async () => {
    const pool = new WorkerPool({ name: 'thumbs', minWorkers: 1, maxWorkers: 2 })
    const done = Promise.all([pool.submit(() => 1), pool.submit(() => 2)])
    expect(pool.name).toBe('thumbs')
    expect(pool.stats()).toMatchObject({ waiting: 2, running: 0, workers: 1, maxWorkers: 2 })
    pool.start()
    await done
    expect(pool.stats()).toMatchObject({ name: 'thumbs', waiting: 0, completed: 2, failed: 0 })
    await pool.stop()
  })
})

it('tells when the number of its workers changed last', async () => {
  const clock = new ManualClock()
  const pool = new WorkerPool({ minWorkers: 1, maxWorkers: 4, clock }).start()
  expect(pool.stats().resized).toBeUndefined()
  const ends: (() => void)[] = []
  const work = () => new Promise<void>((resolve) => ends.push(resolve))
  const done = [pool.submit(work), pool.submit(work)]
  clock.advance('2s')
  const { from, to, ago } = pool.stats().resized ?? {}
  expect([from, to, ago]).toEqual([1, pool.workers, 2])
  expect(pool.workers).toBeGreaterThan(1)
  await turn()
  for (const end of ends) end()
  await Promise.all(done)
  await pool.stop()
})

describe('autoscale', () => {
  const rule = toAutoscale({ minWorkers: 2, maxWorkers: 10 })
  const load = { workers: 4, busy: 4, waiting: 0, loopUtilization: 0 }

  it('grows to what is asked for, within bounds, and not on a full thread', () => {
    expect(rule({ ...load, waiting: 3 })).toBe(7)
    expect(rule({ ...load, waiting: 100 })).toBe(10)
    expect(rule({ ...load, waiting: 3, loopUtilization: 0.99 })).toBe(4)
    expect(rule({ ...load, waiting: 3, busy: 2 })).toBe(4)
  })

  it('shrinks by one, only when nearly idle, and never below the least', () => {
    expect(rule({ ...load, busy: 0 })).toBe(3)
    expect(rule({ ...load, busy: 1 })).toBe(4)
    expect(rule({ ...load, workers: 2, busy: 0 })).toBe(2)
    expect(rule(load)).toBe(4)
  })

  it('names what cannot work', () => {
    expect(() => toAutoscale({ minWorkers: 5, maxWorkers: 2 })).toThrow(/minWorkers.*got 5/)
    expect(() => toAutoscale({ scaleDownThreshold: 0.9 })).toThrow(/^scaleDownThreshold must/)
    // The option that was given is named, and not the default of the other.
    expect(() => toAutoscale({ scaleUpThreshold: 0.1 })).toThrow(/^scaleUpThreshold must.*0\.1/)
  })
})

describe('a pool', () => {
  it('grows with demand, shrinks one idle worker at a time, and never calls off a busy one', async () => {
    const clock = new ManualClock()
    await using pool = new WorkerPool({
      clock,
      maxWorkers: 4,
      checkInterval: '1s',
      // The tests around this one may fill the thread.
      maxLoopUtilization: 1,
    }).start()
    const gates: (() => void)[] = []
    const task = () => new Promise<string>((resolve) => gates.push(() => resolve('done')))
    const results = Array.from({ length: 6 }, () => pool.submit(task))
    expect(pool.workers).toBe(4)
    expect(pool.running).toBe(4)
    for (let i = 0; i < 5; i++) {
      gates[i]?.()
      await turn()
    }
    expect(pool.running).toBe(1)
    const sizes: number[] = []
    for (let i = 0; i < 4; i++) {
      clock.advance('1s')
      sizes.push(pool.workers)
    }
    // One of four is above the threshold no more; one of three is above it.
    expect(sizes).toEqual([4, 4, 4, 4])
    gates[5]?.()
    await turn()
    for (let i = 0; i < 4; i++) {
      clock.advance('1s')
      sizes.push(pool.workers)
    }
    expect(sizes.slice(4)).toEqual([3, 2, 1, 1])
    expect(await Promise.all(results)).toEqual(Array(6).fill('done'))
  })

  it('passes arguments and results, and failures', async () => {
    await using pool = new WorkerPool().start()
    const sum: number = await pool.submit(async (a: number, b: number) => a + b, 1, 2)
    expect(sum).toBe(3)
    await expect(
      pool.submit(() => {
        throw new Error('boom')
      }),
    ).rejects.toThrow('boom')
  })

  it('maps in order, or as results come, over lists and streams', async () => {
    await using pool = new WorkerPool({ maxWorkers: 3, maxLoopUtilization: 1 }).start()
    const delays = [3, 1, 2, 0, 1]
    let most = 0
    let now = 0
    const work = async (turns: number) => {
      most = Math.max(most, ++now)
      for (let i = 0; i < turns * 3; i++) await turn()
      now -= 1
      return turns
    }
    const ordered: number[] = []
    for await (const value of pool.map(delays, work)) ordered.push(value)
    expect(ordered).toEqual(delays)
    expect(most).toBeLessThanOrEqual(3)
    const source = async function* () {
      yield* delays
    }
    const unordered: number[] = []
    for await (const value of pool.map(source(), work, { ordered: false })) unordered.push(value)
    expect(unordered.toSorted()).toEqual(delays.toSorted())
    expect(unordered[0]).not.toBe(3)
  })

  it('map reads no further ahead than it works, and lets go of the source', async () => {
    await using pool = new WorkerPool({ maxWorkers: 2 }).start()
    let read = 0
    let closed = false
    const source = function* () {
      try {
        for (;;) yield read++
      } finally {
        closed = true
      }
    }
    for await (const value of pool.map(source(), (n) => n)) if (value === 3) break
    expect(read).toBeLessThanOrEqual(7)
    expect(closed).toBe(true)
    const failing = pool.map([1, 2, 3], (n) => {
      if (n === 2) throw new Error('two')
      return n
    })
    expect((await failing.next()).value).toBe(1)
    await expect(failing.next()).rejects.toThrow('two')
  })

  it('refuses what is no function or no list, and works on', async () => {
    const pool = new WorkerPool().start()
    // biome-ignore lint/suspicious/noExplicitAny: JavaScript without types.
    const bad = undefined as any
    await expect(pool.submitWith({}, bad)).rejects.toThrow('fn must be a function, got undefined')
    await expect(pool.submit(bad)).rejects.toThrow('fn must be a function, got undefined')
    expect(() => pool.map([1], bad)).toThrow('fn must be a function, got undefined')
    await expect(pool.map(bad, String).next()).rejects.toThrow('items must be iterable')
    expect(await pool.submit(() => 'works')).toBe('works')
    const letters: string[] = []
    for await (const letter of pool.map('abc', (each) => each + each)) letters.push(letter)
    expect(letters).toEqual(['aa', 'bb', 'cc'])
    await pool.stop()
  })

  it('map ends with its signal, though the source hangs', async () => {
    const pool = new WorkerPool().start()
    const controller = new AbortController()
    async function* hangs() {
      yield 1
      await new Promise(() => {})
    }
    const results = pool.map(hangs(), String, { signal: controller.signal })
    expect(await results.next()).toEqual({ done: false, value: '1' })
    const next = results.next()
    controller.abort('enough')
    await expect(next).rejects.toBe('enough')
    await pool.stop()
  })

  it('sends payloads to an executor, with a signal', async () => {
    const seen: unknown[] = []
    const executor: Executor = {
      run: async (payload, { signal, name }) => {
        seen.push([payload, signal instanceof AbortSignal, name])
        return payload * 2
      },
    }
    await using pool = new WorkerPool({ executor }).start()
    expect(await pool.run<number>(21, { name: 'double' })).toBe(42)
    expect(seen).toEqual([[21, true, 'double']])
    await using without = new WorkerPool().start()
    await expect(without.run(1)).rejects.toThrow(/executor/)
  })
})
