import type { Duration } from '../../core/duration.ts'
import type { JobStore } from '../../queues/store/job-store.ts'
import type { Law } from '../law.ts'
import type { JobStoreTerms } from './terms.ts'

/** A job store to examine, and the way to let its time pass. */
export interface JobStoreUnderExam {
  /** A store without jobs. */
  store: JobStore
  /** Lets time pass for the store. */
  advance(duration: Duration): Promise<void> | void
  /** Another process' store with the same jobs. Needed unless the store cannot do `peers`. */
  peer?(): JobStore | Promise<JobStore>
  /** An item that `insert` rejects, such as a function. Needed unless the store cannot do `refusal`. */
  refused?: unknown
  /** Ends all that was made for one law. @default closes the store */
  close?(): Promise<void> | void
}

/** Makes a store that has no jobs and is opened with `terms`. */
export type MakeJobStore = (terms: JobStoreTerms) => JobStoreUnderExam | Promise<JobStoreUnderExam>

/**
 * What a store may be unable to do.
 *
 * - `leases`: a claim ends when its time is over
 * - `peers`: several processes share the jobs
 * - `refusal`: there are items that it cannot keep
 * - `groups`: groups take turns and have bounds
 * - `concurrency`, `token-bucket`: a limit for each key, decided by `claim`
 * - `pending`, `ttl`, `coalesce`, `latest`, `debounce`: a draft that meets its like
 * - `tries`: the last attempts are kept
 * - `wakes`: it tells by itself, without a call, what time has brought: jobs that are due, claims that are lost
 */
export type StoreCapability =
  | 'leases'
  | 'peers'
  | 'refusal'
  | 'groups'
  | 'concurrency'
  | 'token-bucket'
  | 'pending'
  | 'ttl'
  | 'coalesce'
  | 'latest'
  | 'debounce'
  | 'tries'
  | 'wakes'

/** A law about job stores. */
export interface JobStoreLaw extends Law {
  /** Set where the store cannot do what the law is about: then the law is not examined, and `run` does nothing. */
  readonly missing?: readonly StoreCapability[]
}
