import { QueueFactory } from 'aioflux'
import { ManualClock } from 'aioflux/testing'
import { describe, expect, it } from 'vitest'
import { queueRedriveExam } from '../exams/queue-redrive-exam.ts'

describe('dead jobs that wait again, in memory', () => {
  queueRedriveExam((options) => QueueFactory.fifo<string, string>(options))

  it('wait from then on, and were put when they were put', async () => {
    const clock = new ManualClock()
    const keep = { dead: '1h' } as const
    const queue = QueueFactory.fifo<string>({ clock, keep, deadLetter: () => {} })
    const { id } = await queue.put('a')
    const [claim] = await queue.claim()
    await claim?.fail(new Error('broken'))
    const put = (await queue.job(id))?.createdAt
    clock.advance('1m')
    await queue.redrive()
    clock.advance('1s')
    expect((await queue.counts()).oldest).toBe(1)
    expect((await queue.job(id))?.createdAt).toEqual(put)
    await queue.stop({ mode: 'drop' })
  })
})
