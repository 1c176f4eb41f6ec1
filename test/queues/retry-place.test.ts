import { QueueFactory } from 'aioflux'
import { ManualClock } from 'aioflux/testing'
import { describe, expect, it } from 'vitest'

const kinds = {
  fifo: {},
  priority: { priorityFn: () => 1 },
  delay: {},
  'fifo in groups': { group: () => 'g' },
}

describe('a job that is tried again has its old place when it is due', () => {
  it.each(Object.keys(kinds) as (keyof typeof kinds)[])('%s', async (kind) => {
    const clock = new ManualClock()
    const begun: string[] = []
    let goOn = () => {}
    const waiting = new Promise<void>((resolve) => {
      goOn = resolve
    })
    const make = QueueFactory[kind.split(' ')[0] as 'fifo'] as typeof QueueFactory.fifo
    const queue = make<string>({
      clock,
      retry: { attempts: 2, backoff: 1 },
      handler: async (item, { attempt }) => {
        begun.push(item)
        if (item === 'a' && attempt === 1) throw new Error('again')
        if (item === 'b') await waiting
      },
      ...(kinds[kind] as object),
    }).start()
    for (const item of ['a', 'b', 'c', 'd']) await queue.put(item)
    await expect.poll(() => begun).toEqual(['a', 'b'])
    clock.advance('1s')
    goOn()
    await queue.onIdle()
    expect(begun).toEqual(['a', 'b', 'a', 'c', 'd'])
    await queue.stop()
  })
})

describe('a job whose priority changed before it was tried again', () => {
  it.each(['before its attempt', 'while it waits to be tried again'] as const)(
    'waits once, by its last priority: %s',
    async (when) => {
      const clock = new ManualClock()
      const begun: string[] = []
      const queue = QueueFactory.priority<string>({
        clock,
        retry: { attempts: 2, backoff: 1 },
        handler: (item, { attempt }) => {
          begun.push(item)
          queue.pause()
          if (item === 'a' && attempt === 1) throw new Error('again')
        },
      })
      // Moved from the head of its rank, it leaves an entry behind there.
      const [a] = await queue.putMany(['a', 'b', 'c'])
      a?.setPriority(5)
      queue.start()
      await expect.poll(() => begun).toEqual(['a'])
      if (when === 'while it waits to be tried again') a?.setPriority(0)
      clock.advance('1s')
      const { jobs } = await queue.jobs({ state: 'waiting' })
      expect(jobs.map(({ item }) => item).sort()).toEqual(['a', 'b', 'c'])
      for (let i = 0; i < 3; i++) queue.resume()
      await expect
        .poll(() => {
          queue.resume()
          return begun.length
        })
        .toBe(4)
      expect(begun).toEqual(
        when === 'before its attempt' ? ['a', 'a', 'b', 'c'] : ['a', 'b', 'c', 'a'],
      )
      await queue.stop()
    },
  )
})

it.each(['fifo', 'priority', 'delay'] as const)(
  'a job that is tried again goes before jobs of its group that were put after it, though the group was empty meanwhile: %s',
  async (kind) => {
    const clock = new ManualClock()
    const ran: number[] = []
    const queue = (QueueFactory[kind] as typeof QueueFactory.fifo)<number, void>({
      clock,
      group: () => 'one',
      retry: { attempts: 2, baseDelay: '1s', maxDelay: '1s', jitter: 'none' },
      handler: (n) => {
        ran.push(n)
        if (n === 3 && ran.length < 5) throw new Error('once')
      },
    })
    await queue.putMany([0, 1, 2, 3])
    queue.start()
    queue.pause()
    await clock.advanceAsync(0.5)
    await queue.putMany([4, 5])
    await clock.advanceAsync(1)
    queue.resume()
    await clock.advanceAsync(0.1)
    expect(ran).toEqual([0, 1, 2, 3, 3, 4, 5])
    await queue.stop()
  },
)
