import { describe, OptionRangeError } from '../../core/errors.ts'
import type { LocalJob } from '../store/local-job.ts'

/** How many lists that are read page by page remember the jobs that they have shown. */
const LISTS = 64

/** The jobs that a list has shown, and how many it had shown before each of them. */
type Shown = WeakMap<LocalJob, number>

/** One page of a list of jobs: it goes on where the page before ended. */
export class ListPage {
  /** How many jobs the pages before have shown. */
  readonly #before: number
  readonly #shown: Shown
  readonly #next: (shown: Shown, before: number) => string
  /** How many jobs are still to be passed over by their number, where the list is not remembered any more. */
  #uncounted: number
  readonly #jobs: LocalJob[] = []

  constructor(
    before: number,
    shown: Shown | undefined,
    next: (shown: Shown, before: number) => string,
  ) {
    this.#before = before
    this.#shown = shown ?? new WeakMap()
    this.#next = next
    this.#uncounted = shown === undefined ? before : 0
  }

  /** True for a job that a page before has shown. */
  passes(job: LocalJob): boolean {
    if (this.#uncounted === 0) return (this.#shown.get(job) ?? this.#before) < this.#before
    this.#uncounted -= 1
    this.#shown.set(job, 0)
    return true
  }

  show(job: LocalJob): void {
    this.#jobs.push(job)
  }

  /** The page is full, and there is another one: what asks for that. */
  end(): string {
    for (const job of this.#jobs) this.#shown.set(job, this.#before)
    return this.#next(this.#shown, this.#before + this.#jobs.length)
  }
}

/**
 * Lists of jobs that are read page by page. Jobs leave a list between two pages, most often jobs that were shown: an operator who reads
 * dead jobs removes them. A page that began after a number of jobs would then pass over others that were never shown, so a list
 * remembers what it has shown. A cursor is that number and the number of the list; of a list that is forgotten only the first is used.
 */
export class ListPages {
  readonly #lists = new Map<number, Shown>()
  #last = 0

  /** @throws OptionRangeError for a cursor that no page has ended with */
  open(cursor: string | undefined): ListPage {
    const [, before, list] = /^(\d{1,15})(?: (\d{1,15}))?$/.exec(cursor ?? '0') ?? []
    if (before === undefined) {
      const told = describe(cursor)
      throw new OptionRangeError('cursor', `cursor must be one that jobs() returned, got ${told}`)
    }
    const number = list === undefined ? undefined : Number(list)
    const shown = number === undefined ? undefined : this.#lists.get(number)
    return new ListPage(Number(before), shown, (shown, before) => this.#goOn(number, shown, before))
  }

  /** Remembers what a list has shown, and forgets the list that was read longest ago. */
  #goOn(list: number | undefined, shown: Shown, before: number): string {
    let number = list
    if (number === undefined || this.#lists.get(number) !== shown) {
      this.#last += 1
      number = this.#last
    }
    this.#lists.delete(number)
    this.#lists.set(number, shown)
    if (this.#lists.size > LISTS) {
      const [oldest] = this.#lists.keys()
      this.#lists.delete(oldest as number)
    }
    return `${before} ${number}`
  }
}
