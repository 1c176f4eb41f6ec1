import type { LocalJob } from './local-job.ts'

/** How many numbers a page has: small enough for jobs that stand far apart. */
const PAGE = 256
/** How many places are looked through when a job comes, to let go of the jobs that have ended. */
const LOOKS = 4

type Page = (LocalJob | undefined)[]

/**
 * Jobs by their numbers, as they were at one moment: pages of an array in which the number of a job is its place. Filling it with a
 * million jobs takes some 50 ms; a map takes most of a second.
 *
 * A job does not say here when it ends: `tidy` finds that out, a few places at a time.
 */
export class JobTable {
  readonly #pages = new Map<number, Page>()
  #round = this.#pages.entries()
  #page: readonly [number, Page] | undefined
  #place = 0
  /** True where the page that is looked through has a job that is not over. */
  #lives = false

  /** @param visit shows all jobs, in any order; one may come twice */
  constructor(visit: (see: (job: LocalJob) => void) => void) {
    const pages = this.#pages
    let number = -1
    let page: Page = []
    visit((job) => {
      if (job.extras?.id !== undefined) return
      const { seq } = job
      const its = Math.floor(seq / PAGE)
      if (its !== number) {
        number = its
        page = pages.get(its) ?? new Array<LocalJob | undefined>(PAGE).fill(undefined)
        pages.set(its, page)
      }
      page[seq % PAGE] = job
    })
  }

  find(seq: number): LocalJob | undefined {
    const job = this.#pages.get(Math.floor(seq / PAGE))?.[seq % PAGE]
    return job?.over === true ? undefined : job
  }

  /** Lets go of some jobs that have ended. @returns false once none is left */
  tidy(): boolean {
    for (let i = 0; i < LOOKS; i++) {
      this.#page ??= this.#turn()
      if (this.#page === undefined) return this.#pages.size > 0
      const [number, page] = this.#page
      const job = page[this.#place]
      if (job?.over === true) page[this.#place] = undefined
      else if (job !== undefined) this.#lives = true
      this.#place += 1
      if (this.#place < PAGE) continue
      if (!this.#lives) this.#pages.delete(number)
      this.#page = undefined
    }
    return true
  }

  /** The next page to look through; `undefined` at the end of a round, and the next round begins. */
  #turn(): readonly [number, Page] | undefined {
    const { value, done } = this.#round.next()
    this.#place = 0
    this.#lives = false
    if (done !== true) return value
    this.#round = this.#pages.entries()
    return undefined
  }
}
