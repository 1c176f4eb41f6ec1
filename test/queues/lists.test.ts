import { QueueFactory } from 'aioflux'
import { describe, expect, it } from 'vitest'
import { queueListExam } from '../exams/queue-list-exam.ts'

describe('lists of jobs, in memory', () => {
  queueListExam((options) => QueueFactory.fifo<string, string>(options))

  it('a list that was forgotten goes on after as many jobs as it has shown', async () => {
    const queue = QueueFactory.fifo<number>()
    await queue.putMany([...Array(30).keys()])
    const shown = async (cursor?: string) => {
      const page = await queue.jobs({ state: 'waiting', limit: 10, ...(cursor && { cursor }) })
      return { items: page.jobs.map(({ item }) => item), cursor: page.cursor }
    }
    const first = await shown()
    for (let i = 0; i < 100; i++) await shown()
    const second = await shown(first.cursor)
    expect(second.items).toEqual([10, 11, 12, 13, 14, 15, 16, 17, 18, 19])
    for (const { id } of (await queue.jobs({ state: 'waiting', limit: 20 })).jobs) {
      await queue.cancel(id)
    }
    expect((await shown(second.cursor)).items).toEqual([20, 21, 22, 23, 24, 25, 26, 27, 28, 29])
    await queue.stop({ mode: 'drop' })
  })

  it('one moment has one date in an answer, however the clocks are read', async () => {
    // Each reading takes a while, and the date is told in whole milliseconds, as by the clocks of the runtime.
    let time = 0.5
    const now = () => {
      time += 0.7
      return time
    }
    const clock = { now, wall: () => Math.floor(1e12 + now()) }
    const queue = QueueFactory.fifo<string>({ clock, keep: { completed: '1h' } })
    for (let i = 0; i < 20; i++) {
      await queue.put('a')
      for (const claim of await queue.claim()) await claim.complete()
    }
    for (const job of (await queue.jobs({ state: 'completed' })).jobs) {
      const { tries, endedAt, startedAt } = job
      expect(tries[0]?.startedAt).toEqual(startedAt)
      expect(tries.at(-1)?.endedAt).toEqual(endedAt)
    }
    await queue.stop({ mode: 'drop' })
  })
})
