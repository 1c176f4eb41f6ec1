import { MemoryStorage } from 'aioflux'
import { describe } from 'vitest'
import { largeCostExam } from '../exams/large-cost-exam.ts'
import { LateStorage, SharedStates } from '../support/late-storage.ts'

describe('costs above the present limit, in memory', () => {
  largeCostExam((clock) => new MemoryStorage({ clock }))
})

describe('costs above the present limit, over a storage that answers later', () => {
  largeCostExam((clock) => new LateStorage(new SharedStates(clock), clock))
})
