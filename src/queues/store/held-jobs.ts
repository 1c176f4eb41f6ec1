import type { LocalJob } from './local-job.ts'

interface Hold {
  readonly leader: LocalJob
  readonly overtake: () => void
}

/** Jobs that wait until another job (their leader) ends, such as the newest item of a key whose job runs. */
export class HeldJobs implements Iterable<LocalJob> {
  readonly #holds = new Map<LocalJob, Hold>()
  readonly #followers = new Map<LocalJob, LocalJob>()

  get size(): number {
    return this.#holds.size
  }

  /**
   * Holds `job` until `leader` ends. One leader has at most one held job.
   *
   * @param overtake called when the leader waits again instead of ending; `job` is not held any more then
   */
  add(job: LocalJob, leader: LocalJob, overtake: () => void): void {
    this.#holds.set(job, { leader, overtake })
    this.#followers.set(leader, job)
  }

  has(job: LocalJob): boolean {
    return this.#holds.has(job)
  }

  delete(job: LocalJob): boolean {
    const hold = this.#holds.get(job)
    if (hold === undefined) return false
    this.#followers.delete(hold.leader)
    return this.#holds.delete(job)
  }

  /** A leader waits again, and did not end. */
  overtake(leader: LocalJob): void {
    const job = this.#followers.get(leader)
    const hold = job && this.#holds.get(job)
    if (job === undefined || hold === undefined) return
    this.delete(job)
    hold.overtake()
  }

  /** The job that waits for `leader`; without a leader, all held jobs. */
  behind(leader: LocalJob | undefined): LocalJob[] {
    if (leader === undefined) return [...this.#holds.keys()]
    const job = this.#followers.get(leader)
    return job === undefined ? [] : [job]
  }

  [Symbol.iterator](): Iterator<LocalJob> {
    return this.#holds.keys()
  }
}
