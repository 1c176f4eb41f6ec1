import { callable, callback, having, known, mustHave, type OptionTable } from '../core/check.ts'
import type { Clock } from '../core/clock.ts'
import type { Duration } from '../core/duration.ts'
import type { Storage } from '../core/storage.ts'
import type { Law } from './law.ts'

/** A storage to examine, and the way to let its time pass. */
export interface StorageUnderExam {
  storage: Storage
  /** The clock of the limiters. @default the clock of the storage */
  clock?: Clock
  /** Lets time pass for the storage and for waiting callers. */
  advance(duration: Duration): Promise<void> | void
  /** Lets time pass for values, if another clock measures their time to live. @default advance */
  advanceValues?(duration: Duration): Promise<void> | void
}

export const STORAGE_UNDER_EXAM: OptionTable<StorageUnderExam> = {
  storage: true,
  clock: true,
  advance: true,
  advanceValues: true,
}

/** @throws OptionTypeError naming the wrong field */
export function checkExam(exam: StorageUnderExam): void {
  known('storageExam', exam, STORAGE_UNDER_EXAM)
  mustHave('storage', exam.storage, 'open')
  having('clock', exam.clock, 'now')
  callable('advance', exam.advance)
  callback('advanceValues', exam.advanceValues)
}

/** A law about a storage that is made for it. */
export type MakeLaw = (name: string, run: (exam: StorageUnderExam) => Promise<void>) => Law
