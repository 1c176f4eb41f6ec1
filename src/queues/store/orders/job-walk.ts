import type { LocalJob } from '../local-job.ts'

/** How many chains are followed at once: the processor fetches about this many memory locations together. */
const WIDE = 16

/**
 * Visits jobs, also jobs in chains, in no order. A million jobs lie all over the memory, and fetching one takes as long as a hundred
 * instructions. In one chain a job must be fetched before the next one is known. So several chains are followed in turns, and the processor
 * fetches their jobs together.
 */
export class JobWalk {
  readonly #see: (job: LocalJob) => void
  /** The next job of each open chain. */
  readonly #next = new Array<LocalJob | undefined>(WIDE).fill(undefined)
  #open = 0

  constructor(see: (job: LocalJob) => void) {
    this.#see = see
  }

  /** Visits a job that is in no chain. */
  one(job: LocalJob): void {
    this.#see(job)
  }

  /** Visits a job and all jobs behind it, now or later, at the latest in `end`. */
  chain(head: LocalJob): void {
    this.#next[this.#open] = head
    this.#open += 1
    if (this.#open === WIDE) this.#follow(WIDE - 1)
  }

  end(): void {
    this.#follow(0)
  }

  /** Follows the open chains in turns until at most `most` are open. */
  #follow(most: number): void {
    const jobs = this.#next
    let open = this.#open
    while (open > most) {
      for (let i = 0; i < open; i++) {
        const job = jobs[i] as LocalJob
        this.#see(job)
        if (job.next !== undefined) jobs[i] = job.next
        else {
          open -= 1
          jobs[i] = jobs[open]
          jobs[open] = undefined
        }
      }
    }
    this.#open = open
  }
}
