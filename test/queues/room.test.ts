import { QueueFactory } from 'aioflux'
import { describe } from 'vitest'
import { queueRoomExam } from '../exams/queue-room-exam.ts'

describe('puts that wait for room, in memory', () => {
  queueRoomExam((options) =>
    options.mode === undefined ? QueueFactory.fifo(options) : QueueFactory.dedupe(options),
  )
})
