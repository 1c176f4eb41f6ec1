import type { LocalJob } from './local-job.ts'

/** How many jobs a page has. One array for a million jobs would be copied while it grows. */
const PAGE = 256
/** How many places are checked when a job is added, to remove ended jobs. */
const LOOKS = 4
/** A table of fewer jobs is never made smaller. */
const SMALL = 1024

type Page = (LocalJob | undefined)[]

/**
 * Jobs by their numbers, as they were at one moment. A million jobs take about 30 ms; a Map takes most of a second. The numbers are hashed
 * to slots that have the place of a job in the pages. Consecutive numbers get consecutive slots, and share none.
 *
 * The table is not told when a job ends: `tidy` finds that out, a few places at a time.
 */
export class JobTable {
  #pages: Page[] = []
  #size = 0
  /** The place of a job in the pages, counted from 1; 0 for a free slot. At least half of the slots are free. */
  #slots: Int32Array
  #place = 0
  /** How many jobs of this round are not over. */
  #living = 0

  /** @param expected the approximate number of jobs */
  constructor(expected: number) {
    this.#slots = slotsFor(expected)
  }

  find(seq: number): LocalJob | undefined {
    const slots = this.#slots
    const mask = slots.length - 1
    for (let slot = slotOf(seq) & mask; slots[slot] !== 0; slot = (slot + 1) & mask) {
      const job = this.#at((slots[slot] as number) - 1)
      if (job?.seq === seq) return job.over ? undefined : job
    }
    return undefined
  }

  /** Removes some ended jobs. @returns false when the table is empty */
  tidy(): boolean {
    for (let i = 0; i < LOOKS; i++) {
      if (this.#place === this.#size) return this.#turn()
      const page = this.#pages[Math.floor(this.#place / PAGE)] as Page
      const job = page[this.#place % PAGE]
      if (job?.over === true) page[this.#place % PAGE] = undefined
      else if (job !== undefined) this.#living += 1
      this.#place += 1
    }
    return true
  }

  /** A round is over. When most places are empty, makes the table anew for the jobs that are left. */
  #turn(): boolean {
    const living = this.#living
    this.#place = 0
    this.#living = 0
    if (living > 0 && this.#size > SMALL && 4 * living < this.#size) this.#shrink(living)
    return living > 0
  }

  #shrink(living: number): void {
    const pages = this.#pages
    this.#pages = []
    this.#size = 0
    this.#slots = slotsFor(living)
    for (const page of pages) for (const job of page) if (job !== undefined) this.add(job)
  }

  /** Adds a job, which may be in the table already. */
  add(job: LocalJob): void {
    if (2 * this.#size >= this.#slots.length) this.#grow()
    const place = this.#size % PAGE
    if (place === 0) this.#pages.push(new Array<LocalJob | undefined>(PAGE).fill(undefined))
    ;(this.#pages.at(-1) as Page)[place] = job
    this.#size += 1
    this.#point(job.seq, this.#size)
  }

  /** There are more jobs than were expected. */
  #grow(): void {
    this.#slots = slotsFor(2 * this.#size)
    for (let i = 0; i < this.#size; i++) this.#point((this.#at(i) as LocalJob).seq, i + 1)
  }

  #point(seq: number, place: number): void {
    const slots = this.#slots
    const mask = slots.length - 1
    let slot = slotOf(seq) & mask
    while (slots[slot] !== 0) slot = (slot + 1) & mask
    slots[slot] = place
  }

  #at(place: number): LocalJob | undefined {
    return this.#pages[Math.floor(place / PAGE)]?.[place % PAGE]
  }
}

/** The slots for a number of jobs: a power of two, so that half of them stay free. */
function slotsFor(jobs: number): Int32Array {
  return new Int32Array(2 ** Math.ceil(Math.log2(2 * Math.max(1, jobs) + 2)))
}

/** Mixes the number: numbers that differ by a power of two would share slots. */
function slotOf(seq: number): number {
  return seq + (seq >>> 10)
}
