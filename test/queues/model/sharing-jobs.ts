import type { Inserted, JobDraft, Room } from '../../../src/queues/store/job-store.ts'
import type { Share } from '../../../src/queues/store/queue-storage.ts'
import { isLive } from '../../../src/testing/job-store/plain-ids.ts'
import type { Process } from '../../../src/testing/job-store/plain-job.ts'
import { PlainJobs } from '../../../src/testing/job-store/plain-jobs.ts'

/** One of several callers leaves a job: handed over as the reason of a cancel, since a plain store knows no shares. */
export class Leave {
  readonly share: Share
  readonly reason: unknown
  answer: 'cancelled' | 'left' | 'over' = 'over'

  constructor(share: Share, reason: unknown) {
    this.share = share
    this.reason = reason
  }
}

/** Plain jobs that know which callers share them. */
export class SharingJobs<T> extends PlainJobs<T> {
  /** Of each job with several callers: who they are, the newest last. */
  readonly #putters = new Map<string, string[]>()

  protected override insertOne(draft: JobDraft<T>, room: Room, process: Process): Inserted {
    const inserted = super.insertOne(draft, room, process)
    const { id, unique, putter = '' } = draft
    if (id === undefined || unique === undefined || inserted.state === 'full') return inserted
    const job = this.find(id)
    if (inserted.state !== 'duplicate') this.#putters.set(id, [putter])
    else if (job !== undefined && isLive(job)) this.#putters.get(id)?.push(putter)
    return inserted
  }

  override cancel(id: string, reason: unknown): boolean {
    if (!(reason instanceof Leave)) return super.cancel(id, reason)
    const job = this.find(id)
    if (job === undefined || !isLive(job)) return false
    const putters = this.#putters.get(id) ?? []
    const { share } = reason
    const last = share.mode === 'coalesce' ? putters.length <= 1 : putters.at(-1) === share.putter
    reason.answer = last ? 'cancelled' : 'left'
    if (last) return super.cancel(id, reason.reason)
    if (share.mode === 'coalesce') putters.pop()
    return true
  }
}
