import { describe, expect, it } from 'vitest'
import { QueueFactory } from '../../src/index.ts'

const turn = () => new Promise((resolve) => setImmediate(resolve))

describe('offer', () => {
  it('runs a job at once where somebody is free, and its failure reaches the event alone', async () => {
    const done: string[] = []
    const queue = QueueFactory.fifo({
      handler: (item: string) => {
        if (item === 'bad') throw new Error(item)
        done.push(item)
      },
    }).start()
    const failures: unknown[] = []
    queue.on('failed', ({ error }) => failures.push(error))
    expect([queue.offer('a'), queue.offer('bad'), queue.offer('b')]).toEqual([true, true, true])
    expect(done).toEqual(['a', 'b'])
    expect(failures).toEqual([new Error('bad')])
    expect(queue.stats()).toMatchObject({ completed: 2, failed: 1, running: 0, waiting: 0 })
    await queue.stop()
    expect(() => queue.offer('late')).toThrow(expect.objectContaining({ code: 'CLOSED' }))
  })

  it.each([
    ['wait', [true, true, false], [0, 1]],
    ['reject', [true, true, false], [0, 1]],
    ['drop-newest', [true, true, false], [0, 1]],
    ['drop-oldest', [true, true, true], [1, 2]],
  ] as const)('never waits for room: %s', async (overflow, answers, kept) => {
    const queue = QueueFactory.fifo<number>({ maxSize: 2, overflow })
    expect([0, 1, 2].map((n) => queue.offer(n))).toEqual(answers)
    expect(queue.stats().offered).toBe(0)
    expect(queue.clear()).toEqual(kept)
  })

  it('does not go past those who wait for room', async () => {
    const queue = QueueFactory.fifo<number>({ maxSize: 1 })
    await queue.put(0)
    const waits = queue.put(1)
    expect(queue.offer(2)).toBe(false)
    expect([queue.tryGet(), queue.tryGet()]).toEqual([0, 1])
    await waits
    expect(queue.offer(3)).toBe(true)
  })

  it('lets go of the signal of a job that is not accepted', () => {
    const queue = QueueFactory.fifo<number>({ maxSize: 1 })
    const { signal } = new AbortController()
    const counts = { add: 0, remove: 0 }
    const add = signal.addEventListener.bind(signal)
    const remove = signal.removeEventListener.bind(signal)
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      counts.add += 1
      add(...args)
    }
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      counts.remove += 1
      remove(...args)
    }
    queue.offer(0)
    expect(queue.offer(1, { signal })).toBe(false)
    expect(counts).toEqual({ add: 1, remove: 1 })
  })

  it('goes to whoever waits for an item, before the workers', async () => {
    const handled: number[] = []
    const queue = QueueFactory.fifo({ handler: (n: number) => handled.push(n) })
    const pulled = queue.get()
    queue.start()
    queue.offer(1)
    queue.offer(2)
    expect(await pulled).toBe(1)
    expect(handled).toEqual([2])
  })

  it('knows duplicates', async () => {
    const answers = (mode: 'ttl' | 'pending' | 'coalesce' | 'latest' | 'debounce') => {
      const queue = QueueFactory.dedupe<string>({ mode })
      return [queue.offer('a'), queue.offer('a'), queue.offer('b')]
    }
    expect(answers('ttl')).toEqual([true, false, true])
    expect(answers('pending')).toEqual([true, false, true])
    expect(answers('coalesce')).toEqual([true, true, true])
    expect(answers('latest')).toEqual([true, true, true])
    expect(answers('debounce')).toEqual([true, true, true])
  })
})

describe('progress', () => {
  it('is told to listeners and kept in the job, from before its first await on', async () => {
    const told: unknown[] = []
    const watched = QueueFactory.fifo({
      handler: async (item: string, { progress }) => {
        progress(`${item} 1`)
        await turn()
        progress(`${item} 2`)
      },
    }).start()
    watched.on('progress', ({ item, value, job }) => told.push([item, value, job.reported]))
    const job = await watched.put('a')
    expect(job.reported).toBe('a 1')
    await job.result
    expect(job.reported).toBe('a 2')
    expect(told).toEqual([
      ['a', 'a 1', 'a 1'],
      ['a', 'a 2', 'a 2'],
    ])
  })

  it('can be the moment to call a job off, even before its handler has returned', async () => {
    const queue = QueueFactory.fifo({
      handler: (item: string, context) => {
        context.progress(1)
        return item
      },
    }).start()
    const forget = queue.on('progress', ({ job }) => job.cancel('enough'))
    await expect(queue.submit('a')).rejects.toBe('enough')
    forget()
    expect(await queue.submit('b')).toBe('b')
    expect(queue.stats()).toMatchObject({ completed: 1, running: 0, abandoned: 0 })
    await queue.stop()
  })
})

describe('a thenable that never settles', () => {
  // biome-ignore lint/suspicious/noThenProperty: that is what it is about.
  const never = { then() {} }

  it('keeps its worker without a timeout, until stop gives up on it', async () => {
    const queue = QueueFactory.fifo({ handler: () => never as PromiseLike<void> }).start()
    const results = [1, 2].map((n) =>
      queue.submit(n).catch((error: { code: string }) => error.code),
    )
    await turn()
    expect(queue.stats()).toMatchObject({ running: 1, waiting: 1 })
    const report = await queue.stop({ deadline: '1ms' })
    expect(report.stillRunning).toEqual([{ id: '1', item: 1 }])
    expect(await Promise.all(results)).toEqual(['JOB_DROPPED', 'JOB_DROPPED'])
  })

  it('costs no worker with a timeout that releases it', async () => {
    const queue = QueueFactory.fifo({
      timeout: '1ms',
      onTimeout: 'release',
      handler: (n: number) => (n === 1 ? (never as PromiseLike<number>) : n),
    }).start()
    const first = queue.submit(1).catch((error: { code: string }) => error.code)
    expect(await queue.submit(2)).toBe(2)
    expect(await first).toBe('JOB_TIMEOUT')
    expect(queue.stats()).toMatchObject({ abandoned: 1, running: 0 })
    const report = await queue.stop()
    expect(report.stillRunning).toEqual([{ id: '1', item: 1 }])
  })
})
