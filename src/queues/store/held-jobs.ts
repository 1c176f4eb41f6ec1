import type { LocalJob } from './local-job.ts'

interface Hold {
  readonly leader: LocalJob
  readonly overtake: () => void
}

/** Jobs that stand in no order until another job ends: the newest item of a key whose job runs. */
export class HeldJobs implements Iterable<LocalJob> {
  readonly #holds = new Map<LocalJob, Hold>()
  readonly #followers = new Map<LocalJob, LocalJob>()

  get size(): number {
    return this.#holds.size
  }

  /**
   * Of one leader one job waits for the end.
   *
   * @param overtake called where the leader waits again instead of ending: `job` is held no more
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

  /** A leader does not run any more, and waits again. */
  overtake(leader: LocalJob): void {
    const job = this.#followers.get(leader)
    const hold = job && this.#holds.get(job)
    if (job === undefined || hold === undefined) return
    this.delete(job)
    hold.overtake()
  }

  /** The job that waits for `leader`; without a leader all that wait. */
  behind(leader: LocalJob | undefined): LocalJob[] {
    if (leader === undefined) return [...this.#holds.keys()]
    const job = this.#followers.get(leader)
    return job === undefined ? [] : [job]
  }

  [Symbol.iterator](): Iterator<LocalJob> {
    return this.#holds.keys()
  }
}
