import { describe, expect, it } from 'vitest'
import { LimiterFactory, QueueFactory } from '../../src/index.ts'
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
