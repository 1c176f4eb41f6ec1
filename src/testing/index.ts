/// <reference lib="esnext.disposable" preserve="true" />
// For tests: time that obeys, and the exams every rule, every storage and every job store has to pass.
export { type JobStoreExamOptions, jobStoreExam } from './job-store/exam.ts'
export { PlainJobStore, type PlainJobStoreOptions } from './job-store/plain-job-store.ts'
export type { JobStoreTerms, Kept, StoreLimit } from './job-store/terms.ts'
export type {
  JobStoreLaw,
  JobStoreUnderExam,
  MakeJobStore,
  StoreCapability,
} from './job-store/under-exam.ts'
export { ensure, ensureSame, type Law, seeded } from './law.ts'
export { ManualClock } from './manual-clock.ts'
export { type RuleExamOptions, ruleExam } from './rule-exam.ts'
export { storageExam } from './storage-exam.ts'
export type { StorageUnderExam } from './storage-under-exam.ts'
