import * as check from '../../core/check.ts'
import type { Millis } from '../../core/duration.ts'
import type { Uniqueness } from '../../queues/store/job-store.ts'

/** What a job store is opened with. Times are milliseconds. */
export interface JobStoreTerms {
  /** How many claims of a job may be lost: with the last of them the job is dead. */
  readonly maxDeliveries: number
  /** Which jobs that have ended are kept to be looked at. */
  readonly keep: { readonly completed: Kept; readonly dead: Kept }
  /** How long a result waits for the caller that asked for it. */
  readonly resultTtl: Millis
  /** How long the caller's own id is remembered after its job has ended. */
  readonly idTtl: Millis
  /** How many jobs of one group may run at once. `undefined`: any number. */
  readonly groupConcurrency: number | undefined
  /** What each `limiterKey` may use. `undefined`: no limit. */
  readonly limiter: StoreLimit | undefined
  /** How all drafts of one store treat an id that is there already, for stores that are opened with it. */
  readonly unique: Uniqueness | undefined
}

export const JOB_STORE_TERMS: check.OptionTable<JobStoreTerms> = {
  maxDeliveries: true,
  keep: true,
  resultTtl: true,
  idTtl: true,
  groupConcurrency: true,
  limiter: true,
  unique: true,
}

/** How long ended jobs are kept, and how many of them. With an age or a count of 0 none is kept. */
export interface Kept {
  readonly age: Millis
  readonly count: number
}

/** A limit for each key, decided where jobs are claimed. */
export type StoreLimit =
  | { readonly kind: 'concurrency'; readonly limit: number }
  | {
      readonly kind: 'token-bucket'
      readonly rate: number
      readonly per: Millis
      readonly burst: number
    }

/** The terms of a queue whose user gave none. */
export const DEFAULT_TERMS: JobStoreTerms = {
  maxDeliveries: 5,
  keep: { completed: { age: 0, count: 0 }, dead: { age: 30 * 86_400_000, count: 10_000 } },
  resultTtl: 60_000,
  idTtl: 86_400_000,
  groupConcurrency: undefined,
  limiter: undefined,
  unique: undefined,
}

/** @throws OptionTypeError | OptionRangeError naming the term and its value */
export function checkTerms(terms: Partial<JobStoreTerms>): void {
  check.known('terms', terms, JOB_STORE_TERMS, 'terms')
  const { maxDeliveries, keep, resultTtl, idTtl, groupConcurrency, limiter, unique } = terms
  for (const [name, count] of Object.entries({ maxDeliveries, groupConcurrency })) {
    if (count !== undefined && count !== Infinity) check.integer(name, count, 1)
  }
  for (const [name, time] of Object.entries({ resultTtl, idTtl })) {
    if (time !== undefined) check.number(name, time)
  }
  for (const [name, group] of Object.entries({ keep, limiter, unique })) {
    if (group !== undefined) check.options(name, group)
  }
}
