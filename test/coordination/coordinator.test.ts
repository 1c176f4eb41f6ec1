import { Coordinator, MemoryStorage } from 'aioflux'
import { ManualClock } from 'aioflux/testing'
import { describe, it } from 'vitest'
import { lease } from '../../src/rules/lease.ts'
import { coordinatorExam } from '../exams/coordinator-exam.ts'

describe('coordinator over memory', () => {
  const exam = coordinatorExam(async () => {
    const clock = new ManualClock('1h')
    const storage = new MemoryStorage({ clock })
    const make = () => new Coordinator({ storage, clock })
    return {
      a: make(),
      b: make(),
      clock,
      advance: (seconds) => clock.advanceAsync(seconds),
      forget: async (name) => storage.open(lease(), 'lease').reset(name),
    }
  })
  for (const law of exam) it(law.name, () => law.run())
})
