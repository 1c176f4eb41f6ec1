import { MemoryStorage } from 'aioflux'
import { describe } from 'vitest'
import { turnExam } from '../exams/turn-exam.ts'

describe('waiting in groups, in memory', () => {
  turnExam((clock) => new MemoryStorage({ clock }))
})
