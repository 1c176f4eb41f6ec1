import type { Inserted, JobDraft, Outcome, Room } from '../../../src/queues/store/job-store.ts'
import type { Share } from '../../../src/queues/store/queue-storage.ts'
import { isLive } from '../../../src/testing/job-store/plain-ids.ts'
import type { PlainJob, Process } from '../../../src/testing/job-store/plain-job.ts'
import { PlainJobs } from '../../../src/testing/job-store/plain-jobs.ts'

/** A cancel, with what a plain store does not ask: handed over as its reason. */
export class Wish {
  readonly reason: unknown
  /** Jobs of that id that were put later are left alone. */
  readonly at: number
  /** Set where one of several callers leaves a job. */
  readonly share: Share | undefined
  answer: 'cancelled' | 'left' | 'over' = 'over'

  constructor(reason: unknown, at = Infinity, share?: Share) {
    this.reason = reason
    this.at = at
    this.share = share
  }
}

/** Plain jobs that know which callers share them, and in which order jobs of one id were put and ended. */
export class SharingJobs<T> extends PlainJobs<T> {
  /** Of each job with several callers: who they are, the newest last. */
  readonly #putters = new Map<string, string[]>()
  /** When the job of an id was put. */
  readonly #births = new Map<string, number>()
  #moves = 0

  protected override insertOne(draft: JobDraft<T>, room: Room, process: Process): Inserted {
    this.#moves += 1
    const at = this.#moves
    const inserted = { ...super.insertOne(draft, room, process), at }
    if (inserted.state === 'full') return inserted
    if (inserted.state !== 'duplicate') this.#births.set(inserted.id, at)
    const { unique, putter = '' } = draft
    const { id, state } = inserted
    // What has the same own id shares nothing.
    if (unique === undefined || (state === 'duplicate' && id === draft.id)) return inserted
    const job = this.find(id)
    if (state !== 'duplicate') this.#putters.set(id, [putter])
    else if (job !== undefined && isLive(job)) this.#putters.get(id)?.push(putter)
    return inserted
  }

  override cancel(id: string, wish: unknown): boolean {
    if (!(wish instanceof Wish)) return super.cancel(id, wish)
    const { reason, at, share } = wish
    const job = this.find(id)
    if (job === undefined || !isLive(job) || (this.#births.get(id) ?? 0) > at) return false
    if (share === undefined) return super.cancel(id, reason)
    const putters = this.#putters.get(id) ?? []
    const last = share.mode === 'coalesce' ? putters.length <= 1 : putters.at(-1) === share.putter
    wish.answer = last ? 'cancelled' : 'left'
    if (last) return super.cancel(id, reason)
    if (share.mode === 'coalesce') putters.pop()
    return true
  }

  protected override tell(job: PlainJob<T>, outcome: Outcome): void {
    this.#moves += 1
    const at = this.#moves
    const { id, askers } = job
    if (askers.size === 0) return
    const told = { ...outcome, born: this.#births.get(id) ?? 0 }
    this.outcomes.push({ id, outcome: told, until: this.now + this.terms.resultTtl })
    for (const asker of askers) asker.hear((listener) => listener.settled?.(id, told, at))
    askers.clear()
  }
}
