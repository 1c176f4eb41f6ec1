import type {
  DeadJobsByError,
  GroupInfo,
  QueueCounts,
  QueuedJobInfo,
  RedriveOptions,
} from '../job.ts'
import type { Desk } from '../observe/desk.ts'
import type { JobView } from '../observe/job-view.ts'
import type { GroupsLook, Listing } from '../observe/look-options.ts'
import type { JobsById, Redriving } from './jobs-by-id.ts'

/** The desk of a queue in this process. */
export class LocalDesk implements Desk {
  readonly #view: JobView
  readonly #byId: JobsById
  readonly #queue: Redriving

  constructor(view: JobView, byId: JobsById, queue: Redriving) {
    this.#view = view
    this.#byId = byId
    this.#queue = queue
  }

  async counts(): Promise<QueueCounts> {
    return this.#view.counts()
  }

  async job<T, R>(id: string): Promise<QueuedJobInfo<T, R> | undefined> {
    const job = this.#byId.find(id)
    return job && this.#view.info<T, R>(job)
  }

  async list<T, R>(listing: Listing): Promise<{ jobs: QueuedJobInfo<T, R>[]; cursor?: string }> {
    return this.#view.list<T, R>(listing)
  }

  async groups(look: GroupsLook): Promise<GroupInfo[]> {
    return this.#view.groups(look)
  }

  async deaths(latest: number): Promise<DeadJobsByError[]> {
    return this.#view.deaths(latest)
  }

  async cancel(id: string, reason: unknown): Promise<boolean> {
    return this.#byId.cancel(id, reason)
  }

  async remove(id: string): Promise<boolean> {
    return this.#byId.remove(id)
  }

  async redrive(options: RedriveOptions): Promise<number> {
    return this.#byId.redrive(options, this.#queue)
  }
}
