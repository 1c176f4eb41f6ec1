import { QueueFactory } from 'aioflux'
import { ManualClock } from 'aioflux/testing'
import { describe } from 'vitest'
import { queueDueExam } from '../exams/queue-due-exam.ts'

describe('delays and dates in memory', () => {
  const clock = new ManualClock()
  clock.setWall('2030-01-01T00:00:00Z')
  queueDueExam(
    (options) => QueueFactory.delay<string, string>({ ...options, clock }),
    (seconds) => new Date(clock.wall() + seconds * 1000),
    async () => clock.advance('1s'),
  )
})
