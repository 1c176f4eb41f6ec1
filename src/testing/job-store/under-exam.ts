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
  /** Ends everything that was made for one law. @default closes the store */
  close?(): Promise<void> | void
}

/** Makes a store that has no jobs and is opened with `terms`. */
export type MakeJobStore = (terms: JobStoreTerms) => JobStoreUnderExam | Promise<JobStoreUnderExam>

/**
 * A feature that a store may be without.
 *
 * - `leases`: a claim ends when its time is over
 * - `peers`: several processes share the jobs
 * - `refusal`: there are items that it cannot keep
 * - `groups`: groups take turns and have bounds
 * - `concurrency`, `token-bucket`: a limit for each key, decided by `claim`
 * - `pending`, `ttl`, `coalesce`, `latest`, `debounce`: the treatment of a draft whose id is there already
 * - `tries`: the last attempts are kept
 * - `wakes`: the store tells by itself, without a call, that jobs are due and that claims are lost
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

const CAPABILITIES: Readonly<Record<StoreCapability, true>> = {
  leases: true,
  peers: true,
  refusal: true,
  groups: true,
  concurrency: true,
  'token-bucket': true,
  pending: true,
  ttl: true,
  coalesce: true,
  latest: true,
  debounce: true,
  tries: true,
  wakes: true,
}

export const STORE_CAPABILITIES: readonly StoreCapability[] = Object.keys(
  CAPABILITIES,
) as StoreCapability[]

/** A law about job stores. */
export interface JobStoreLaw extends Law {
  /** Set when the store is without the features of the law: then the law is not examined, and `run` does nothing. */
  readonly missing?: readonly StoreCapability[]
}
