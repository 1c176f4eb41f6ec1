import { QueueFactory } from 'aioflux'
import { describe } from 'vitest'
import { queueStoppedExam } from '../exams/queue-stopped-exam.ts'

describe('a queue that stops or has stopped, in memory', () => {
  queueStoppedExam((options) => QueueFactory.fifo(options))
})
