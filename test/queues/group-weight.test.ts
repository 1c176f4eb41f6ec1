import { type LocalQueue, QueueFactory } from 'aioflux'
import { ManualClock } from 'aioflux/testing'
import { describe, expect, it } from 'vitest'

const turns = async (count = 10) => {
  for (let i = 0; i < count; i++) await new Promise<void>((resolve) => setImmediate(resolve))
}

describe('the weight of a group is asked when an item of it is put', () => {
  /** A queue whose `groupWeight` fails once it is broken, and what came of its jobs. */
  function weighed(retry: { attempts: number; baseDelay: number }) {
    const clock = new ManualClock()
    const state = { broken: false, ran: 0, failures: 1 }
    const queue: LocalQueue<string> = QueueFactory.fifo<string>({
      clock,
      retry: { ...retry, jitter: 'none' },
      keep: { dead: '1h' },
      deadLetter: () => {},
      group: (item) => item,
      groupWeight: () => (state.broken ? Number.NaN : 1),
      handler: () => {
        state.broken = true
        state.ran += 1
        if (state.ran <= state.failures) throw new Error('not yet')
      },
    }).start()
    return { clock, state, queue }
  }

  it.each([0, 1])('and a retry after %d s asks nothing', async (baseDelay) => {
    const { clock, state, queue } = weighed({ attempts: 2, baseDelay })
    const job = await queue.put('a')
    await clock.advanceAsync(2)
    expect({ ran: state.ran, state: job.state }).toEqual({ ran: 2, state: 'completed' })
  })

  it('and a job that comes due asks nothing', async () => {
    const { clock, state, queue } = weighed({ attempts: 1, baseDelay: 0 })
    state.failures = 0
    const job = await queue.put('a', { delay: 1 })
    state.broken = true
    await clock.advanceAsync(2)
    expect(job.state).toBe('completed')
  })

  it('and a job that is redriven asks nothing', async () => {
    const { state, queue } = weighed({ attempts: 1, baseDelay: 0 })
    await queue.put('a')
    expect((await queue.counts()).dead).toBe(1)
    expect(await queue.redrive()).toBe(1)
    await turns()
    expect(state.ran).toBe(2)
    expect(await queue.counts()).toMatchObject({ dead: 0, waiting: 0, completed: 1 })
  })

  it('and a claim that is given back asks nothing', async () => {
    let broken = false
    const queue = QueueFactory.fifo<string>({
      group: (item) => item,
      groupWeight: () => (broken ? 0 : 1),
    })
    await queue.put('a')
    const [claim] = await queue.claim()
    broken = true
    expect(await claim?.release()).toBe(true)
    expect((await queue.claim())[0]?.item).toBe('a')
  })

  it('and a put that gets none rejects, and leaves nothing behind', async () => {
    const queue = QueueFactory.fifo<string>({
      group: (item) => item,
      groupWeight: (group) => (group === 'b' ? Number.NaN : 1),
      handler: () => {},
    })
    await queue.put('a')
    await expect(queue.put('b', { id: 'own' })).rejects.toThrow('groupWeight')
    expect(() => queue.offer('b')).toThrow('groupWeight')
    expect(queue.size()).toBe(1)
    expect(await queue.groups()).toMatchObject([{ group: 'a' }])
    expect((await queue.put('a', { id: 'own' })).state).toBe('waiting')
  })

  it('and a put whose weight stops the queue is refused', async () => {
    const stops: Promise<unknown>[] = []
    const queue: LocalQueue<string> = QueueFactory.fifo<string>({
      group: (item) => item,
      groupWeight: () => {
        stops.push(queue.stop())
        return 1
      },
      handler: () => {},
    })
    await expect(queue.put('a')).rejects.toMatchObject({ code: 'CLOSED' })
    await expect(stops[0]).resolves.toMatchObject({ notStarted: [] })
    expect(queue.size()).toBe(0)
  })

  it('and a new weight holds from the next put on', async () => {
    let weight = 1
    const ran: string[] = []
    const queue = QueueFactory.fifo<string>({
      group: ([group]) => group as string,
      groupWeight: (group) => (group === 'a' ? weight : 1),
      handler: (item) => void ran.push(item),
    })
    await queue.putMany(['a0', 'a1', 'a2', 'a3', 'b0', 'b1'])
    weight = 3
    await queue.put('a4')
    queue.start()
    await turns()
    expect(ran.join(' ')).toBe('a0 b0 a1 a2 a3 b1 a4')
  })

  it('and a newest item brings the weight of its group', async () => {
    const ran: string[] = []
    const queue = QueueFactory.dedupe<string>({
      mode: 'latest',
      keyFn: (item) => item.slice(1),
      group: ([group]) => group as string,
      groupWeight: (group) => (group === 'a' ? 2 : 1),
      handler: (item) => void ran.push(item),
    })
    // Without keys of their own, three of `a` and two of `b`.
    await queue.putMany(['b0', 'b1', 'b2', 'b3', 'b4'])
    await queue.putMany(['a0', 'a1', 'a2'])
    queue.start()
    await turns()
    expect(ran.join(' ')).toBe('a0 b3 a1 a2 b4')
  })
})
