import { toPriority } from '../settings.ts'
import type { Share, SharedJobStore } from '../store/queue-storage.ts'
import type { JobVerbs, RemoteJob } from './remote-job.ts'

/** Does in the storage what is asked of the handle of a job. */
export class StoredJobVerbs implements JobVerbs {
  readonly #store: SharedJobStore
  /** True where the order of the queue goes by priorities. */
  readonly #ranked: boolean

  constructor(store: SharedJobStore, ranked: boolean) {
    this.#store = store
    this.#ranked = ranked
  }

  async callOff({ id, since }: RemoteJob, reason: unknown): Promise<boolean> {
    return this.#store.cancel(id, reason, since)
  }

  async leave({ id, since }: RemoteJob, share: Share, reason: unknown): Promise<boolean> {
    return (await this.#store.leave(id, share, reason, since)) !== 'over'
  }

  async reprioritise({ id, since }: RemoteJob, priority: number): Promise<boolean> {
    toPriority(priority)
    return this.#ranked && (await this.#store.reprioritise(id, priority, since))
  }
}
