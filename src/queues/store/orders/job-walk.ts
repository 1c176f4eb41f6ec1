import type { LocalJob } from '../local-job.ts'

/** How many chains are followed at once: more would not be fetched from memory together. */
const WIDE = 16

/**
 * Shows jobs, also jobs in chains, in no order. The jobs of a million lie anywhere in memory, and to fetch one takes as
 * long as a hundred instructions. In one chain each has to come before the next can be asked for, so several chains are followed
 * in turns: the processor fetches their jobs together.
 */
export class JobWalk {
  readonly #see: (job: LocalJob) => void
  /** The next job of each chain that is open. */
  readonly #next = new Array<LocalJob | undefined>(WIDE).fill(undefined)
  #open = 0

  constructor(see: (job: LocalJob) => void) {
    this.#see = see
  }

  /** Shows a job that stands in no chain. */
  one(job: LocalJob): void {
    this.#see(job)
  }

  /** Shows a job and all behind it: now or later, `end` at the latest. */
  chain(head: LocalJob): void {
    this.#next[this.#open] = head
    this.#open += 1
    if (this.#open === WIDE) this.#follow(WIDE - 1)
  }

  end(): void {
    this.#follow(0)
  }

  /** Follows the open chains in turns until no more than so many are left. */
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
