import * as check from '../core/check.ts'
import { ClosedError } from '../core/errors.ts'
import { checkWait, checkWaitOptions, type WaitOptions } from '../core/waiters.ts'
import type {
  DeadByErrorOptions,
  DeadJobsByError,
  GroupInfo,
  GroupsOptions,
  JobClaim,
  ListOptions,
  QueueCounts,
  QueuedJobInfo,
  RedriveOptions,
} from './job.ts'
import type { Desk } from './observe/desk.ts'
import { checkRedrive, toDeathsLook, toGroupsLook, toListing } from './observe/look-options.ts'
import { CLAIM_OPTIONS, type ClaimOptions, type StopOptions, type StopReport } from './queue.ts'

/** How jobs are taken by hand. */
export interface TakenByHand<T, R> {
  take(patience: WaitOptions | undefined): Promise<T>
  loop(): AsyncIterableIterator<T>
  claim(max: number, patience: WaitOptions): Promise<JobClaim<T, R>[]>
}

/** The verbs that all queues have in common, wherever their jobs are kept: what is taken by hand, looked at, and done by id. */
export abstract class QueueVerbs<T, R> {
  abstract readonly name: string
  protected abstract readonly claims: TakenByHand<T, R>
  protected abstract readonly desk: Desk

  /** @throws ClosedError when the queue has stopped, or stops */
  protected abstract checkOpen(): void
  abstract stop(options?: StopOptions): Promise<StopReport<T>>

  // Taking by hand.

  async get(patience?: WaitOptions): Promise<T> {
    if (patience !== undefined) checkWaitOptions('queue.get', patience)
    return this.claims.take(patience)
  }

  [Symbol.asyncIterator](): AsyncIterator<T> {
    return this.claims.loop()
  }

  async claim(options: ClaimOptions = {}): Promise<JobClaim<T, R>[]> {
    check.known('queue.claim', options, CLAIM_OPTIONS)
    checkWait(options)
    const { max = 1 } = options
    return this.claims.claim(check.integer('max', max, 1), options)
  }

  // Looking and acting.

  async counts(): Promise<QueueCounts> {
    return this.desk.counts()
  }

  async job(id: string): Promise<QueuedJobInfo<T, R> | undefined> {
    return this.desk.job<T, R>(check.text('id', id))
  }

  async jobs(options: ListOptions): Promise<{ jobs: QueuedJobInfo<T, R>[]; cursor?: string }> {
    return this.desk.list<T, R>(toListing(options))
  }

  async groups(options: GroupsOptions = {}): Promise<GroupInfo[]> {
    return this.desk.groups(toGroupsLook(options))
  }

  async deadByError(options: DeadByErrorOptions = {}): Promise<DeadJobsByError[]> {
    return this.desk.deaths(toDeathsLook(options))
  }

  async cancel(id: string, reason?: unknown): Promise<boolean> {
    return this.desk.cancel(check.text('id', id), reason)
  }

  async remove(id: string): Promise<boolean> {
    return this.desk.remove(check.text('id', id))
  }

  async redrive(options: RedriveOptions = {}): Promise<number> {
    checkRedrive(options)
    this.checkOpen()
    return this.desk.redrive(options)
  }

  // The end.

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop().then(nothing)
  }

  /** What calls reject with once the queue has stopped. */
  closedError(): ClosedError {
    return new ClosedError(`queue '${this.name}'`)
  }
}

function nothing(): void {}
