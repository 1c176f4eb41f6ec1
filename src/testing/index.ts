/// <reference lib="esnext.disposable" preserve="true" />
// For tests: time that obeys, and the exams every rule and every storage has to pass.
export { ensure, ensureSame, type Law, seeded } from './law.ts'
export { ManualClock } from './manual-clock.ts'
export { type RuleExamOptions, ruleExam } from './rule-exam.ts'
export { storageExam } from './storage-exam.ts'
export type { StorageUnderExam } from './storage-under-exam.ts'
