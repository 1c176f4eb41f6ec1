import type { LocalJob } from './local-job.ts'

/** How many jobs a page has. One array for a million jobs would be copied and looked through while it grows. */
const PAGE = 256
/** How many places are looked through when a job comes, to let go of the jobs that have ended. */
const LOOKS = 4
/** A table of fewer jobs is never made smaller. */
const SMALL = 1024

type Page = (LocalJob | undefined)[]

/**
 * Jobs by their numbers, as they were at one moment. A million jobs take some 30 ms; a map takes most of a second. The numbers are
 * hashed to slots that say where in the pages a job is: numbers that follow each other get slots that do, and share no slot.
 *
 * A job does not say here when it ends: `tidy` finds that out, a few places at a time.
 */
export class JobTable {
  #pages: Page[] = []
  #size = 0
  /** Where in the pages a job is, counted from 1; 0 for a free slot. At least half are free. */
  #slots: Int32Array
  #place = 0
  /** How many jobs that are not over were met in this round. */
  #living = 0

  /** @param expected about how many jobs there will be */
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

  /** Forgets some jobs that have ended. @returns false once none is left */
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

  /** A round is over: where most places are empty, the table is made anew for the jobs that live. */
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

/** Free slots for so many jobs: a power of two, and half of them stay free. */
function slotsFor(jobs: number): Int32Array {
  return new Int32Array(2 ** Math.ceil(Math.log2(2 * Math.max(1, jobs) + 2)))
}

/** Numbers that lie a power of two apart would share slots as they are. */
function slotOf(seq: number): number {
  return seq + (seq >>> 10)
}
