import type { Clock } from '../../core/clock.ts'
import type { Millis } from '../../core/duration.ts'
import type { LocalJob } from '../store/local-job.ts'
import type { MemoryJobs } from '../store/memory-jobs.ts'

/** How many jobs are looked at to find the one that has waited longest. */
const MOST_LOOKS = 256
const NONE_PARKED = { waiting: 0, since: Infinity }

/** How long the due jobs of a queue in this process have waited: in all, and in each group. Changes nothing. */
export class Backlog {
  readonly #jobs: MemoryJobs
  readonly #clock: Clock

  constructor(jobs: MemoryJobs, clock: Clock) {
    this.#jobs = jobs
    this.#clock = clock
  }

  /** Since when the job that has waited longest waits, by the clock. */
  get oldestSince(): Millis {
    const first = this.#jobs.candidates.first()
    let oldest = this.#sinceOf(first)
    if (first?.extras?.due !== undefined) oldest = Math.min(oldest, this.#sinceBehind())
    for (const { order } of this.#jobs.lanes()) {
      oldest = Math.min(oldest, this.#sinceOf(order.first()))
    }
    return oldest === Infinity ? this.#clock.now() : oldest
  }

  /** The numbers of each group. */
  *groups(): Iterable<{ group: string; waiting: number; running: number; since: Millis }> {
    const parked = new Map<string, { waiting: number; since: Millis }>()
    for (const { group, order } of this.#jobs.lanes()) {
      const known = parked.get(group) ?? NONE_PARKED
      const since = Math.min(known.since, this.#sinceOf(order.first()))
      parked.set(group, { waiting: known.waiting + order.size, since })
    }
    for (const { group, waiting, running, first } of this.#jobs.grouped?.groups() ?? []) {
      const aside = parked.get(group) ?? NONE_PARKED
      const since = Math.min(this.#sinceOf(first), aside.since)
      yield { group, waiting: waiting + aside.waiting, running, since }
      parked.delete(group)
    }
    for (const [group, { waiting, since }] of parked) yield { group, waiting, running: 0, since }
  }

  /**
   * A job that is tried again keeps its old place, and has waited only since its retry was due: jobs behind it may have waited
   * longer. Looks at the first of each group, and at the first jobs of the order up to one that has not been tried.
   */
  #sinceBehind(): Millis {
    let oldest = Infinity
    let looks = MOST_LOOKS
    for (const { first } of this.#jobs.grouped?.groups() ?? []) {
      oldest = Math.min(oldest, this.#sinceOf(first))
      looks -= 1
      if (looks === 0) break
    }
    looks = MOST_LOOKS
    for (const job of this.#jobs.candidates) {
      oldest = Math.min(oldest, this.#sinceOf(job))
      looks -= 1
      if (looks === 0 || job.extras?.due === undefined) break
    }
    return oldest
  }

  #sinceOf(job: LocalJob | undefined): Millis {
    return job === undefined ? Infinity : this.#jobs.waitingSince(job)
  }
}
