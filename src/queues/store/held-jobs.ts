import type { LocalJob } from './local-job.ts'

/** Jobs that stand in no order until another job ends: the newest item of a key whose job runs. */
export class HeldJobs implements Iterable<LocalJob> {
  readonly #leaders = new Map<LocalJob, LocalJob>()

  get size(): number {
    return this.#leaders.size
  }

  add(job: LocalJob, leader: LocalJob): void {
    this.#leaders.set(job, leader)
  }

  has(job: LocalJob): boolean {
    return this.#leaders.has(job)
  }

  delete(job: LocalJob): boolean {
    return this.#leaders.delete(job)
  }

  /** Jobs that wait for `leader`; without a leader all that wait. */
  behind(leader: LocalJob | undefined): LocalJob[] {
    const jobs: LocalJob[] = []
    for (const [job, ahead] of this.#leaders) {
      if (leader === undefined || ahead === leader) jobs.push(job)
    }
    return jobs
  }

  [Symbol.iterator](): Iterator<LocalJob> {
    return this.#leaders.keys()
  }
}
