import { describe, expect, it } from 'vitest'
import { LimiterFactory, type LocalDedupeQueue, QueueFactory } from '../../src/index.ts'
import { ManualClock } from '../../src/testing/manual-clock.ts'

interface Item {
  name: string
  key: number
  group: string
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

describe('the newest item of a dedupe queue, in the place of a job whose handler ran on', () => {
  /** Its first attempt times out, its handler runs on, and it waits for its second attempt, now with an item of group b. */
  async function moved(mode: 'latest' | 'debounce') {
    const clock = new ManualClock()
    const ends = new Map<string, () => void>()
    const runs: string[] = []
    const queue = QueueFactory.dedupe<Item>({
      clock,
      mode,
      delay: 1,
      workers: 10,
      keyFn: ({ key }) => key,
      group: ({ group }) => group,
      groupConcurrency: 1,
      retry: { attempts: 2, backoff: '100s' },
      handler: ({ name }) => {
        runs.push(name)
        return new Promise<void>((resolve) => ends.set(name, resolve))
      },
    }).start()
    const put = (name: string, key: number, group: string, timeout?: number) =>
      queue.put({ name, key, group }, { ...(timeout !== undefined && { timeout }) })
    const running = async () =>
      (await queue.groups()).map((group) => `${group.group} ${group.running}`)
    const due = () => (mode === 'debounce' ? clock.advanceAsync(1) : turn())
    return { clock, ends, runs, queue, put, running, due }
  }

  it.each(['latest', 'debounce'] as const)(
    '%s: gives back the place of its own group',
    async (mode) => {
      const { ends, runs, queue, put, due, clock } = await moved(mode)
      const job = await put('old', 1, 'a', 10)
      await due()
      await clock.advanceAsync(10)
      expect(job.state).toBe('delayed')
      await put('new', 1, 'b')
      ends.get('old')?.()
      await turn()
      await put('next of a', 2, 'a')
      await put('next of b', 3, 'b')
      await due()
      expect(runs.slice().sort()).toEqual(
        (mode === 'latest'
          ? ['old', 'next of a', 'next of b']
          : ['old', 'new', 'next of a']
        ).sort(),
      )
      for (let i = 0; i < 4; i++) {
        for (const end of ends.values()) end()
        await clock.advanceAsync(100)
      }
      expect(runs).toHaveLength(4)
      expect(await queue.groups()).toEqual([])
      await queue.stop()
    },
  )

  it('leaves the bound of the newer group as it is', async () => {
    const { clock, ends, runs, queue, put } = await moved('latest')
    await put('busy', 0, 'b')
    await put('old', 1, 'a', 10)
    await clock.advanceAsync(10)
    await put('new', 1, 'b')
    await put('next of b', 2, 'b')
    ends.get('old')?.()
    await turn()
    expect(runs).toEqual(['busy', 'old'])
    const stopped = queue.stop({ deadline: 0 })
    await clock.advanceAsync(0)
    await stopped
  })

  it('leaves a claim by hand the item that was claimed', async () => {
    const queue = QueueFactory.dedupe<string>({ mode: 'latest', keyFn: () => 'same' })
    await queue.put('old')
    const [claim] = await queue.claim()
    await claim?.release()
    await queue.put('new')
    expect(claim?.item).toBe('old')
    expect((await queue.claim())[0]?.item).toBe('new')
    await queue.stop()
  })
})

describe('the newest item of a dedupe queue, in the place of a job that waits', () => {
  it.each(['group', 'limiterKey'] as const)('runs where its own %s has a place', async (what) => {
    const runs: string[] = []
    const ends: (() => void)[] = []
    const queue = QueueFactory.dedupe<Item, string>({
      mode: 'latest',
      workers: 5,
      // On a busy machine a queue lets the event loop breathe between two starts.
      clock: new ManualClock(),
      keyFn: ({ key }) => key,
      ...(what === 'group'
        ? { group: ({ group }) => group, groupConcurrency: 1 }
        : {
            limiter: LimiterFactory.concurrency({ limit: 1 }),
            limiterKey: ({ group }) => group,
          }),
      handler: async ({ name }) => {
        runs.push(name)
        await new Promise<void>((resolve) => ends.push(resolve))
        return name
      },
    }).start()
    await queue.put({ name: 'other', key: 0, group: 'a' })
    const results = [
      queue.submit({ name: 'old', key: 1, group: 'a' }),
      queue.submit({ name: 'newest', key: 1, group: 'b' }),
    ]
    expect(runs).toEqual(['other', 'newest'])
    for (const end of ends) end()
    expect(await Promise.all(results)).toEqual(['newest', 'newest'])
    await queue.stop()
    expect(runs).toEqual(['other', 'newest'])
  })

  it('has no group where only the older item was put with one', async () => {
    const queue = QueueFactory.dedupe<string>({ mode: 'latest', keyFn: () => 'same' })
    await queue.put('old', { group: 'a' })
    await queue.put('new')
    expect((await queue.groups()).map(({ group }) => group)).toEqual([''])
    expect((await queue.stop({ mode: 'drop' })).notStarted).toEqual([{ id: '1', item: 'new' }])
  })

  it('changes nothing where it is refused', async () => {
    const queue = QueueFactory.dedupe<number>({
      mode: 'latest',
      keyFn: () => 'same',
      limiter: LimiterFactory.concurrency({ limit: 1 }),
      limiterCost: (cost) => cost,
    })
    await queue.put(1, { timeout: 5, retry: 3 })
    await expect(queue.put(-1)).rejects.toThrow('limiterCost must be')
    const { notStarted } = await queue.stop({ mode: 'drop' })
    expect(notStarted).toEqual([{ id: '1', item: 1, timeout: 5, retry: 3 }])
  })
})

describe('the newest item of a dedupe queue, while its job runs and then waits again', () => {
  function documents(mode: 'latest' | 'debounce') {
    const clock = new ManualClock()
    const runs: string[] = []
    const ends: ((error?: Error) => void)[] = []
    const queue = QueueFactory.dedupe<string, string>({
      clock,
      mode,
      delay: 1,
      workers: 1,
      keyFn: () => 'document',
      retry: { attempts: 2, backoff: '5s' },
      handler: (item) => {
        runs.push(item)
        return new Promise((resolve, reject) => {
          ends.push((error) => (error === undefined ? resolve(`saved ${item}`) : reject(error)))
        })
      },
    }).start()
    const told: unknown[] = []
    queue.on('retry', ({ item }) => told.push(item))
    queue.on('failed', ({ item }) => told.push(`${item} failed`))
    queue.on('cancelled', ({ item }) => told.push(`${item} cancelled`))
    /** v1 runs, v2 waits for its end, and v1 fails. */
    const failed = async () => {
      const first = await queue.put('v1', { id: 'one' })
      if (mode === 'debounce') await clock.advanceAsync(1)
      const second = await queue.put('v2', { id: 'two' })
      ends[0]?.(new Error('first fails'))
      await turn()
      return { first, second, results: [first.result, second.result] }
    }
    return { clock, runs, ends, queue, told, failed }
  }

  it.each(['latest', 'debounce'] as const)('%s: is done in its place', async (mode) => {
    const { clock, runs, ends, queue, told, failed } = documents(mode)
    const { second, results } = await failed()
    expect([queue.size(), second.state, second.attempt]).toEqual([1, 'delayed', 1])
    for (const id of ['one', 'two']) expect((await queue.job(id))?.item).toBe('v2')
    await clock.advanceAsync(5)
    ends[1]?.()
    expect(await Promise.all(results)).toEqual(['saved v2', 'saved v2'])
    expect([runs, told]).toEqual([['v1', 'v2'], ['v1']])
    await queue.onIdle()
    expect(queue.keys).toBe(0)
  })

  it.each(['latest', 'debounce'] as const)('%s: gives way to one newer still', async (mode) => {
    const { clock, runs, ends, queue, failed } = documents(mode)
    const { results } = await failed()
    const third = await queue.put('v3')
    await clock.advanceAsync(5)
    ends[1]?.()
    expect(await Promise.all([...results, third.result])).toEqual(Array(3).fill('saved v3'))
    await queue.onIdle()
    expect(runs).toEqual(['v1', 'v3'])
    await queue.stop()
  })

  it('is not cancelled by those that came before', async () => {
    const { clock, runs, ends, queue, failed } = documents('latest')
    const { first, second, results } = await failed()
    const third = await queue.put('v3')
    expect([first.cancel('left'), second.cancel('left')]).toEqual([true, true])
    await expect(results[0]).rejects.toBe('left')
    await expect(results[1]).rejects.toBe('left')
    await clock.advanceAsync(5)
    ends[1]?.()
    expect(await third.result).toBe('saved v3')
    expect(runs).toEqual(['v1', 'v3'])
    await queue.stop()
  })

  it('is cancelled by its caller, for all', async () => {
    const { queue, failed, told } = documents('latest')
    const { second, results } = await failed()
    expect(second.cancel('off')).toBe(true)
    for (const result of results) await expect(result).rejects.toBe('off')
    expect([queue.size(), queue.keys]).toEqual([0, 0])
    expect(told).toEqual(['v1', 'v2 cancelled'])
    await queue.stop()
  })

  it('fails for all, and is named by a stop', async () => {
    const { clock, ends, failed, told } = documents('latest')
    const { results } = await failed()
    await clock.advanceAsync(5)
    ends[1]?.(new Error('fails too'))
    for (const result of results) await expect(result).rejects.toThrow('fails too')
    expect(told).toEqual(['v1', 'v2 failed'])

    const other = documents('latest')
    const { results: dropped } = await other.failed()
    const { notStarted } = await other.queue.stop({ mode: 'drop' })
    expect(notStarted).toMatchObject([{ item: 'v2', attempts: 1 }])
    for (const result of dropped) await expect(result).rejects.toThrow('its queue stopped')
  })

  it('is done where a claim by hand is given back', async () => {
    const queue = QueueFactory.dedupe<string>({ mode: 'latest', keyFn: () => 'same' })
    await queue.put('old')
    const [claim] = await queue.claim()
    const newer = await queue.put('new')
    await claim?.release()
    expect(queue.size()).toBe(1)
    const [again] = await queue.claim()
    expect(again?.item).toBe('new')
    await again?.complete('done')
    expect(await newer.result).toBe('done')
    await queue.stop()
  })

  it('has the key that it was put with', async () => {
    const queue = QueueFactory.dedupe<string>({ mode: 'latest', keyFn: (item) => item })
    await queue.put('same')
    await queue.put('other', { key: 'same' })
    const { notStarted } = await queue.stop({ mode: 'drop' })
    expect(notStarted).toEqual([{ id: '1', item: 'other', key: 'same' }])
  })
})

describe('a job that several callers wait for, before there is room for it', () => {
  type Mode = 'coalesce' | 'latest' | 'debounce'
  const modes: Mode[] = ['coalesce', 'latest', 'debounce']
  const code = (promise: Promise<unknown>) =>
    promise.then(
      (value) => value,
      (error: { code?: string } | string) => (typeof error === 'string' ? error : error.code),
    )

  /** One job runs, and one fills the queue. */
  async function full(mode: Mode) {
    const clock = new ManualClock()
    const ends: (() => void)[] = []
    const dropped: unknown[] = []
    const queue = QueueFactory.dedupe<string, string>({
      clock,
      mode,
      delay: 0.001,
      maxSize: 1,
      workers: 1,
      keyFn: (item) => item.slice(0, 1),
      handler: (item) => new Promise((resolve) => ends.push(() => resolve(`done ${item}`))),
    }).start()
    queue.on('dropped', ({ item, reason }) => dropped.push([item, reason]))
    await queue.put('x')
    await clock.advanceAsync('1ms')
    await queue.put('y')
    const makeRoom = async () => {
      for (let i = 0; i < 4; i++) {
        for (const end of ends.splice(0)) end()
        await clock.advanceAsync('1ms')
        await turn()
      }
    }
    const settled = async (promise: Promise<unknown>) => {
      const open = {}
      return (await Promise.race([promise.catch(() => {}), turn().then(() => open)])) !== open
    }
    const newest = mode === 'coalesce' ? 'done a1' : 'done a2'
    return { clock, queue, ends, dropped, makeRoom, settled, newest }
  }

  it.each(modes)('%s: put resolves when it is accepted', async (mode) => {
    const { queue, makeRoom, settled, newest } = await full(mode)
    const first = queue.put('a1')
    const second = queue.put('a2')
    expect([await settled(first), await settled(second)]).toEqual([false, false])
    expect(queue.stats().offered).toBe(1)
    await makeRoom()
    for (const job of [await first, await second]) expect(await job.result).toBe(newest)
    await queue.stop()
  })

  it.each(modes)('%s: who has waited too long leaves alone', async (mode) => {
    const { clock, queue, dropped, makeRoom } = await full(mode)
    const first = code(queue.submit('a1', { timeout: '10ms' }))
    const hasty = code(queue.put('a1', { timeout: '5ms' }))
    const second = queue.put('a2')
    await clock.advanceAsync('5ms')
    expect(await hasty).toBe('WAIT_TIMEOUT')
    await clock.advanceAsync('5ms')
    expect([await first, queue.stats().offered]).toEqual(['WAIT_TIMEOUT', 1])
    await makeRoom()
    expect(await (await second).result).toBe('done a2')
    expect(dropped).toEqual([])
    await queue.stop()
  })

  it.each(modes)('%s: who came last, and has waited too long, leaves alone', async (mode) => {
    const { clock, queue, makeRoom } = await full(mode)
    const first = queue.put('a1')
    const second = queue.put('a2', { timeout: '5ms' })
    await clock.advanceAsync('5ms')
    expect(await code(second)).toBe('WAIT_TIMEOUT')
    await makeRoom()
    expect(await (await first).result).toBe('done a1')
    await queue.stop()
  })

  it.each(modes)('%s: is run by the terms of those that still wait', async (mode) => {
    const { clock, queue, ends, settled } = await full(mode)
    const controller = new AbortController()
    const first = code(queue.submit('a1', { timeout: '5ms' }))
    const second = code(queue.put('a2', { timeout: '6ms', signal: controller.signal }))
    const third = queue.put('a3')
    controller.abort('off')
    await clock.advanceAsync('5ms')
    expect([await first, await second]).toEqual(['WAIT_TIMEOUT', 'off'])
    for (let i = 0; i < 2; i++) {
      ends.shift()?.()
      await turn()
      await clock.advanceAsync('1ms')
    }
    const job = await third
    expect(job.state).toBe('running')
    await clock.advanceAsync('1s')
    expect(await settled(job.result)).toBe(false)
    ends.shift()?.()
    expect(await job.result).toBe('done a3')
    await queue.stop()
  })

  it.each(modes)('%s: is dropped when nobody waits any longer', async (mode) => {
    const { clock, queue, dropped } = await full(mode)
    const both = [queue.put('a1', { timeout: '5ms' }), queue.submit('a1', { timeout: '9ms' })]
    const results = both.map(code)
    await clock.advanceAsync('8ms')
    expect(queue.stats().offered).toBe(1)
    await clock.advanceAsync('1ms')
    expect(await Promise.all(results)).toEqual(['WAIT_TIMEOUT', 'WAIT_TIMEOUT'])
    expect([queue.stats().offered, dropped]).toEqual([0, [['a1', 'overflow']]])

    const controller = new AbortController()
    const third = code(queue.put('b1', { timeout: '5ms' }))
    const fourth = code(queue.put('b1', { signal: controller.signal }))
    if (mode === 'coalesce') {
      controller.abort('off')
      expect([await fourth, queue.stats().offered]).toEqual(['off', 1])
      await clock.advanceAsync('5ms')
    } else {
      await clock.advanceAsync('5ms')
      expect(queue.stats().offered).toBe(1)
      controller.abort('off')
    }
    expect(await third).toBe('WAIT_TIMEOUT')
    expect([await fourth, queue.stats().offered]).toEqual(['off', 0])
    const stopped = queue.stop({ mode: 'drop', deadline: 0 })
    await clock.advanceAsync(0)
    await stopped
  })

  it.each(modes)('%s: offer finds no room for it either', async (mode) => {
    const { queue, makeRoom } = await full(mode)
    const first = queue.put('a1')
    expect(queue.offer('a2')).toBe(false)
    await makeRoom()
    expect(await (await first).result).toBe('done a1')
    await queue.stop()
  })

  it.each(modes)('%s: a handler does not wait for room that it keeps itself', async (mode) => {
    const queue: LocalDedupeQueue<string, unknown> = QueueFactory.dedupe<string, unknown>({
      mode,
      delay: 0,
      maxSize: 1,
      workers: 1,
      keyFn: (item) => item.slice(0, 1),
      handler: async (item) => {
        if (item !== 'x') return item
        await turn()
        return code(queue.put('a2'))
      },
    }).start()
    const first = queue.submit('x')
    await queue.put('y')
    const waits = queue.submit('a1')
    expect(await first).toBe('QUEUE_DEADLOCK')
    expect(await waits).toBe('a1')
    await queue.stop()
  })
})

describe('an item with an id of its own that took the place of one that waited for a claim to end', () => {
  for (const verb of ['remove', 'cancel'] as const) {
    it(`is found by that id when the claim is given back: ${verb}`, async () => {
      const ran: number[] = []
      const queue = QueueFactory.dedupe<number, void>({
        mode: 'latest',
        keyFn: () => 'one',
        handler: (item) => void ran.push(item),
      })
      const jobs = [await queue.put(1)]
      const [claim] = await queue.claim()
      jobs.push(await queue.put(2), await queue.put(3, { id: 'own' }))
      await claim?.release()
      expect((await queue.job('own'))?.item).toBe(3)
      expect(await queue[verb]('own')).toBe(true)
      expect(queue.size()).toBe(0)
      queue.start()
      await queue.onIdle()
      expect(ran).toEqual([])
      const results = await Promise.allSettled(jobs.map(({ result }) => result))
      expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected'])
      await queue.stop()
    })
  }
})
