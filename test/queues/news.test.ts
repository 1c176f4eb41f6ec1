import { QueueFactory } from 'aioflux'
import { ManualClock } from 'aioflux/testing'
import { describe, expect, it } from 'vitest'
import { queueNewsExam } from '../exams/queue-news-exam.ts'

describe('what is told of a job, in which order, in memory', () => {
  queueNewsExam((options) => QueueFactory.fifo(options))

  it('a listener of timeout may cancel the job', async () => {
    const clock = new ManualClock()
    const handler = () => new Promise<string>(() => {})
    const retry = { attempts: 3, backoff: 0 }
    const queue = QueueFactory.fifo<string, string>({
      clock,
      handler,
      timeout: '1s',
      retry,
    }).start()
    const news: string[] = []
    for (const event of ['retry', 'failed', 'cancelled'] as const) {
      queue.on(event, () => void news.push(event))
    }
    queue.on('timeout', ({ job }) => void job.cancel(new Error('enough')))
    const job = await queue.put('a')
    const result = expect(job.result).rejects.toThrow('enough')
    await clock.advanceAsync('1s')
    await result
    expect(news).toEqual(['cancelled'])
    expect(job.state).toBe('cancelled')
    expect(await queue.counts()).toMatchObject({ waiting: 0, running: 0, failed: 0 })
    const stopped = queue.stop({ deadline: 0 })
    await clock.advanceAsync(0)
    await stopped
  })
})
