import type { AsyncContext } from '../../core/async-context.ts'
import { JobCancelledError } from '../../core/errors.ts'
import { traceCarrier } from '../../core/trace-carrier.ts'
import type { Retry } from '../../resilience/retry.ts'
import type { Job, JobState } from '../job.ts'
import type { JobTimes } from '../observe/job-times.ts'
import type { JobTerms } from '../store/job-record.ts'
import type { Claim } from '../store/job-store.ts'
import type { ClaimedJob } from './attempt.ts'

/** A job that was claimed from a store elsewhere, as this process works on it; events tell of it as a job. */
export class ClaimedRecord implements ClaimedJob, Job {
  readonly claim: Claim
  readonly extras: ClaimedJob['extras']
  state: JobState = 'running'
  slot = 0
  reported: unknown = undefined
  times: JobTimes | undefined = undefined
  unwanted: { readonly reason: unknown } | undefined = undefined
  /** Keeps what the handler tells of its progress. */
  onProgress: (value: unknown) => void = () => {}
  #outcome: unknown = undefined

  constructor(claim: Claim, retry: Retry | undefined) {
    this.claim = claim
    const { terms } = claim.record
    this.extras = terms && { timeout: terms.timeout, retry, context: contextOf(terms.headers) }
  }

  get id(): string {
    return this.claim.record.id
  }

  /** As `Claim.run`. */
  get run(): string | undefined {
    return this.claim.run
  }

  get item(): unknown {
    return this.claim.record.item
  }

  get priority(): number {
    return this.claim.record.priority
  }

  get attempt(): number {
    return this.claim.record.failures + 1
  }

  get deliveries(): number {
    return this.claim.delivery
  }

  /** A failure is kept in the store: the console need not be told. */
  get watched(): boolean {
    return true
  }

  get result(): Promise<unknown> {
    if (this.state === 'completed') return Promise.resolve(this.#outcome)
    const failed = Promise.reject(this.#outcome ?? new JobCancelledError(this.id))
    failed.catch(() => {})
    return failed
  }

  cancel(): boolean {
    return false
  }

  setPriority(): boolean {
    return false
  }

  progressed(value: unknown): void {
    this.reported = value
    this.onProgress(value)
  }

  complete(value: unknown): void {
    this.state = 'completed'
    this.#outcome = value
  }

  end(state: 'cancelled' | 'dropped' | 'failed', error: unknown): void {
    this.state = state
    this.#outcome = error
  }
}

/** The trace in which the job was put, where this process carries traces. */
function contextOf(headers: JobTerms['headers']): AsyncContext | undefined {
  const carrier = headers && traceCarrier()
  return (
    carrier && {
      runInAsyncScope: (fn, self, ...args) => carrier.within(headers, () => fn.apply(self, args)),
    }
  )
}
