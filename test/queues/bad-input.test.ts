import { QueueFactory } from 'aioflux'
import { describe, expect, it } from 'vitest'
import { queueInputExam } from '../exams/queue-input-exam.ts'

describe('queues in memory', () => {
  queueInputExam((kind) =>
    kind === 'fifo' ? QueueFactory.fifo<string, string>() : QueueFactory.dedupe<string, string>(),
  )

  it('bad input: get of a subscription that has an item', async () => {
    const broadcast = QueueFactory.broadcast<string>()
    const reader = broadcast.subscribe()
    await broadcast.put('a')
    const wrong = { code: 'INVALID_OPTION', option: 'timeout' }
    await expect(reader.get({ timeout: Number.NaN })).rejects.toMatchObject(wrong)
    await expect(broadcast.put('b', { timeout: -1 })).rejects.toMatchObject(wrong)
    expect(await reader.get()).toBe('a')
    reader.unsubscribe()
  })
})
